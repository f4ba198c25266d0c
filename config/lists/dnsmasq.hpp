// List files of `format: dnsmasq`: a configuration that blocks names.
//
//   address=/name/          the name and everything below it; also with an address that leads
//   local=/name/            nowhere (0.0.0.0, ::, 127.0.0.1, `#`), and with several names
//   server=/name/
//   server=/name/#          an exception, of this rule
//
// `#` begins a comment. What sends a name to a real address or to another resolver, and every other
// setting, is counted by kind.
#pragma once

#include "config/lists/list.hpp"

#include <string_view>

namespace nearmiss {

void read_dnsmasq_list(std::string_view content, std::size_t rule, ListLoad& load);

} // namespace nearmiss
