// What a notice says that takes some finding out.
#pragma once

#include "module/events/event.hpp"
#include "module/overrides.hpp"

#include <sys/types.h>

namespace nearmiss {

// "policy-loaded": which rules were added, removed and changed against `before` (null: there was
// none), and whose the policy file is. Names that a list brings are not compared one by one; that
// some changed shows in rule.version.
Notice policy_loaded(const Config* before, const Config& now, const std::string& message);

// How overrides came in force, or ended.
enum class Switched { by_an_admin, still_at_start, taken_back, ended_by_itself };
// "mode-overridden", "mode-override-ended", "name-allowed" and "name-allow-ended", one for each.
// `user`: whose command it was, where it was one.
std::vector<Notice> switch_notices(const Overrides& switched, Switched how, uid_t user,
                                   const Policy& policy);

// "mail-client-discovered".
Notice client_discovered(const ClientAddress& client, const Name& qname, bool tcp);

} // namespace nearmiss
