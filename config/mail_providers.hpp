// Domains and MX hosts of large mail providers: a list that blocks one of them ends mail to all of
// its users. config/lists/mail_providers.txt, which is part of the program, or the policy's own.
#pragma once

#include "config/diagnostics.hpp"
#include "rules/name.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// The names that ship.
std::vector<Name> shipped_mail_providers();

// A name a line; `#` begins a comment. Reports at `file` what is none.
std::vector<Name> read_mail_providers(std::string_view content, const std::string& file,
                                      Report& report);

} // namespace nearmiss
