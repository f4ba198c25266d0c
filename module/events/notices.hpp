// What a notice says that takes some finding out.
#pragma once

#include "module/events/event.hpp"

namespace nearmiss {

// "policy-loaded": which rules were added, removed and changed against `before` (null: there was
// none), and whose the policy file is. Names that a list brings are not compared one by one; that
// some changed shows in rule.version.
Notice policy_loaded(const Config* before, const Config& now, const std::string& message);

// "mail-client-discovered".
Notice client_discovered(const ClientAddress& client, const Name& qname, bool tcp);

} // namespace nearmiss
