// The name of a response policy zone whose SOA stands at `@` with no `$ORIGIN` before it.
#pragma once

#include "config/lists/zone_text.hpp"
#include "rules/name.hpp"

#include <optional>

namespace nearmiss {

struct GuessedApex {
  Name apex;
  Name owner; // that it was found by
};

// From the owners behind the SOA that are absolute: the zone is what all of them end in, and what
// stands before that ends in a top-level domain (`bad.com.rpz.example.`), or is a label of a
// trigger such as `rpz-ip`. nullopt: there is none, or more than one name would do.
std::optional<GuessedApex> apex_from_owners(ZoneText behind_soa);

} // namespace nearmiss
