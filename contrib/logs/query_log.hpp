// Lookups read from Unbound's own log, as `log-queries: yes` and `log-replies: yes` write them.
//
//   [1700000000] unbound[4711:0] info: 192.0.2.25 army.ml. MX IN
//   [1700000000] unbound[4711:0] info: 192.0.2.25 army.ml. MX IN NXDOMAIN 0.000021 1 104
//
// with `query:` and `reply:` for `info:` under log-tag-queryreply, and with another head under
// log-time-ascii, log-time-iso and in syslog or the journal ("Nov 23 22:23:28 mx unbound[4711]:
// [4711:0] info: ..."). The part that is always there is "[PID:THREAD] LEVEL: ".
//
// Unbound replaces every octet of a name but letters, digits, - _ and * by a question mark, so
// names with others are not quite what was asked.
#pragma once

#include "contrib/logs/instant.hpp"
#include "rules/client.hpp"
#include "rules/name.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace nearmiss::logs {

struct Lookup {
  std::optional<Instant> time; // absent where the log's form has no year
  ClientAddress client;
  Name name;
  std::uint16_t type = 0;
};

enum class QueryLine {
  query,   // a lookup, as it came in
  reply,   // a lookup, as it was answered
  other,   // anything else: another message of Unbound's, another program's, another class than IN
  damaged, // begins like a lookup and does not go on like one
};

// Fills `lookup` for a query and a reply. Does not allocate.
QueryLine read_query_line(std::string_view line, Lookup& lookup) noexcept;

} // namespace nearmiss::logs
