// List files of `format: adblock`: filters for browsers, as AdGuard, EasyList and hagezi publish
// them.
//
//   ||name^     the name and everything below it       @@||name^   an exception, of this rule
//   ||*.name^   what is below it alone                 name        that name alone
//
// Also `0.0.0.0 name`, as such lists hold it; `!` and `#` begin a comment. A filter that is about
// more than a name (a path, a pattern, an option that narrows it, a page's elements) says nothing
// that DNS can do, and is counted by kind.
#pragma once

#include "config/lists/list.hpp"

#include <string_view>

namespace nearmiss {

void read_adblock_list(std::string_view content, std::size_t rule, ListLoad& load);

} // namespace nearmiss
