// The verdict on a whole lookup: on its name, then on where its answer leads.
#pragma once

#include "module/core.h"
#include "module/events/event.hpp"
#include "module/inspection.hpp"
#include "module/overrides.hpp"
#include "rules/policy.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace nearmiss {

struct Client {
  ClientAddress address;
  std::uint16_t port = 0;
};

struct Decision {
  Verdict verdict;
  MatchedBy matched_by = MatchedBy::qname;
  Name qname;
  Name listed;                          // the name a rule matched, or that was asked
  std::optional<ClientAddress> address; // the one that matched
  Client client;
  bool knows_intended = true; // false: of the asked name the rule knows nothing
};

// Throws std::invalid_argument if it is no IP address.
Client client_of(const sockaddr& from);

// The verdict on the asked name and on where its answer leads. `can_redirect_mx`: the sinkhole has
// an MX host of its own. Throws std::invalid_argument if a name or the client cannot be read.
Decision decide_lookup(const Policy& policy, const ActiveOverrides& overrides,
                       const nm_lookup& lookup, ActiveOverrides::Time now, bool can_redirect_mx);

// What the sender meant; empty if nobody can say.
std::string intended_by(const Decision& decision);

} // namespace nearmiss
