#include "module/events/json.hpp"

#include <algorithm>
#include <array>

namespace nearmiss::json {

namespace {

// RFC 8259 section 7; DEL as well, which terminals obey.
constexpr auto escaped = [] {
  std::array<bool, 256> table{};
  for (std::size_t octet = 0; octet < table.size(); ++octet) {
    table[octet] = octet < 0x20 || octet == 0x7f || octet == '"' || octet == '\\';
  }
  return table;
}();

constexpr bool needs_escape(char c) noexcept {
  return escaped[static_cast<unsigned char>(c)];
}

} // namespace

void append_string(LineBuffer& out, std::string_view value) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::size_t longest = 6; // \u00XX
  char* at = out.room(longest * value.size() + 2);
  *at++ = '"';
  for (const char c : value) {
    if (!needs_escape(c)) {
      *at++ = c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    *at++ = '\\';
    if (octet == '"' || octet == '\\') {
      *at++ = c;
    } else {
      at = std::ranges::copy(std::string_view("u00"), at).out;
      *at++ = hex[octet >> 4];
      *at++ = hex[octet & 0xf];
    }
  }
  *at++ = '"';
  out.end_at(at);
}

} // namespace nearmiss::json
