// List files of `format: domains`: a name a line, which stands for the name and everything below
// it.
//
// Blank lines and `#` comments (a line, or the rest of one after a space) are passed over. A line
// may end in CR LF; a name may end in a dot. There is no form for "below the name but not the
// name".
#pragma once

#include "config/diagnostics.hpp"
#include "rules/policy_builder.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace nearmiss {

// Adds the names of `content` to `rule`; reports each broken line at its place in `file`, the first
// twenty in full. A public suffix is an error unless `public_suffixes`. Returns how many names.
std::size_t read_domains_list(std::string_view content, const std::string& file,
                              bool public_suffixes, PolicyBuilder& builder, std::size_t rule,
                              Report& report);

} // namespace nearmiss
