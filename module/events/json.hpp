// JSON (RFC 8259) appended to a line, fast enough for every blocked lookup.
//
// Keys are ours and need no escaping; values do. The policy's texts are UTF-8 (the loader checks),
// names and addresses are ASCII.
#pragma once

#include "module/events/line_buffer.hpp"

#include <cstdint>
#include <string_view>

namespace nearmiss::json {

// The value with quotes around it.
void append_string(LineBuffer& out, std::string_view value);

// `,"key":"value"`; `key` as `,"key":` stands in the source, so that it is copied in one piece.
inline void append_field(LineBuffer& out, std::string_view key, std::string_view value) {
  out += key;
  append_string(out, value);
}
// Nothing where the value is empty.
inline void append_optional(LineBuffer& out, std::string_view key, std::string_view value) {
  if (!value.empty()) {
    append_field(out, key, value);
  }
}
inline void append_field(LineBuffer& out, std::string_view key, std::uint64_t value) {
  out += key;
  out.append_number(value);
}

} // namespace nearmiss::json
