// The commands that switch the running module, whatever the policy file says.
//
//   {"command": "observe", "for": SECONDS}      without `for`: until it is taken back
//   {"command": "enforce", "for": SECONDS}
//   {"command": "allow", "name": NAME, "for": SECONDS, "ticket": TEXT, "client": GROUP}
//   {"command": "take-back", "name": NAME, "client": GROUP}
//
// Without `for`, a switch to the mode that the policy has ends an override; any other one begins
// it.
#pragma once

#include "module/reload/status.hpp"

#include <string_view>

namespace nearmiss {

// Carries out a command of that user, and returns the answer: `outcome` is "changed", "unchanged"
// or "refused", the last with an `error`. nullopt: it is no command of these. Throws
// std::bad_alloc.
std::optional<Json> switch_by(PolicyKeeper& keeper, std::string_view command, uid_t user);

} // namespace nearmiss
