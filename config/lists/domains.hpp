// List files of `format: domains`: a name a line, which stands for the name and everything below
// it. A wildcard, `*.` before a name, stands for everything below it and not for the name (as in a
// response policy zone, and RFC 4592); where no other line lists that name a warning says so.
//
// Blank lines and `#` comments (a line, or the rest of one after a space) are passed over. A line
// may end in CR LF; a name may end in a dot.
#pragma once

#include "config/lists/list.hpp"

#include <string_view>

namespace nearmiss {

// Adds the names of `content` to `rule`. A public suffix is a broken line unless the rule allows
// it.
void read_domains_list(std::string_view content, std::size_t rule, ListLoad& load);

} // namespace nearmiss
