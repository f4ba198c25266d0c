// List files of `format: domains`: a name a line, which stands for the name and everything below
// it.
//
// Blank lines and `#` comments (a line, or the rest of one after a space) are passed over. A line
// may end in CR LF; a name may end in a dot. There is no form for "below the name but not the
// name".
#pragma once

#include "config/list.hpp"

#include <string_view>

namespace nearmiss {

// Adds the names of `content` to `rule`. A public suffix is a broken line unless the rule allows
// it.
void read_domains_list(std::string_view content, std::size_t rule, ListLoad& load);

} // namespace nearmiss
