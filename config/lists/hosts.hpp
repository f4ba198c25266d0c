// List files of `format: hosts`: blocklists in the form of hosts(5).
//
//   0.0.0.0 ads.example tracker.example   # a comment
//
// Some publishers begin comments with `!`. // A line is an address that leads nowhere (0.0.0.0,
// 127.0.0.0/8, :: or ::1) and names behind it. A hosts file says nothing of what is below a name,
// so each stands for itself alone. The names that every hosts file has (localhost, broadcasthost,
// ip6-allnodes ...) are passed over with whatever address they have. Another address is a broken
// line: the file maps names rather than block them.
#pragma once

#include "config/lists/list.hpp"

#include <string_view>

namespace nearmiss {

// Is it an address that leads nowhere?
bool is_nowhere(std::string_view address);

// Adds the names of `content` to `rule`.
void read_hosts_list(std::string_view content, std::size_t rule, ListLoad& load);

} // namespace nearmiss
