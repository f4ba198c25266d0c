// JSON (RFC 8259) appended to a string, fast enough for every blocked lookup.
//
// Keys are ours and need no escaping; values do. The policy's texts are UTF-8 (the loader checks),
// names and addresses are ASCII.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace nearmiss::json {

inline void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits; // NOLINT(*-member-init): written before it is read
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

// The value with quotes around it.
void append_string(std::string& out, std::string_view value);

// `,"key":"value"`; `key` as `,"key":` stands in the source, so that it is copied in one piece.
inline void append_field(std::string& out, std::string_view key, std::string_view value) {
  out += key;
  append_string(out, value);
}
// Nothing where the value is empty.
inline void append_optional(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) {
    append_field(out, key, value);
  }
}
inline void append_field(std::string& out, std::string_view key, std::uint64_t value) {
  out += key;
  append_number(out, value);
}

} // namespace nearmiss::json
