#include "module/events/json.hpp"

#include <algorithm>

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

void append_string(std::string& out, std::string_view value) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  while (true) {
    const auto* const special = std::find_if(value.begin(), value.end(), needs_escape);
    const auto plain = static_cast<std::size_t>(special - value.begin());
    out.append(value.data(), plain);
    if (plain == value.size()) {
      break;
    }
    const auto octet = static_cast<unsigned char>(value[plain]);
    if (octet == '"' || octet == '\\') {
      out += '\\';
      out += value[plain];
    } else {
      out += "\\u00";
      out += hex[octet >> 4];
      out += hex[octet & 0xf];
    }
    value.remove_prefix(plain + 1);
  }
  out += '"';
}

} // namespace nearmiss::json
