// The warnings about a policy that blocks a large mail provider (config/mail_providers.hpp).
#pragma once

#include "config/warnings.hpp"

namespace nearmiss {

// One for each rule that would block some of `source.mail_providers` by a list, by their MX hosts
// or as look-alikes. Names that the rule has in the policy itself were meant.
void warn_of_blocked_providers(const Policy& policy, const PolicySource& source,
                               std::chrono::sys_days today, Report& report);

} // namespace nearmiss
