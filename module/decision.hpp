// The verdict on a whole lookup: on its name, then on what an answer to it has led to.
#pragma once

#include "module/core.h"
#include "module/events/event.hpp"
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
  Name listed;                          // the name that matched, or that was asked
  std::optional<ClientAddress> address; // the one that matched
  Client client;
  bool knows_intended = true; // false: of the asked name the rule knows nothing
};

// Throws std::invalid_argument if it is no IP address.
Client client_of(const sockaddr& from);
std::optional<Name> to_name(const nm_name& name) noexcept;
std::optional<ClientAddress> to_address(const nm_address& address) noexcept;

// `can_redirect_mx`: the sinkhole has an MX of its own. Throws std::invalid_argument if the lookup
// holds what is no name, address or client.
Decision decide_lookup(const Policy& policy, const nm_lookup& lookup, std::chrono::sys_days today,
                       bool can_redirect_mx);

// What the sender meant; empty if nobody can say.
std::string intended_by(const Decision& decision);

} // namespace nearmiss
