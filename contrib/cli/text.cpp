#include "contrib/cli/text.hpp"

#include "config/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include <idn2.h>
#include <sys/ioctl.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>
#include <unistd.h>

namespace nearmiss::cli {

std::string grouped(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) {
      text += ',';
    }
    text += digits[i];
  }
  return text;
}

std::string counted(std::uint64_t number, const std::string& word) {
  return grouped(number) + ' ' + word + (number == 1 ? "" : "s");
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0 || part == 0) {
    return "0 %";
  }
  const double share = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  if (share < 0.01) {
    return "< 0.01 %";
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), share < 1 ? "%.2f %%" : "%.1f %%", share);
  return text.data();
}

std::size_t width(std::string_view text) noexcept {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

std::string padded(std::string_view text, std::size_t columns) {
  const std::size_t wide = width(text);
  return std::string(text) + std::string(wide < columns ? columns - wide : 0, ' ');
}

std::string right(std::string_view text, std::size_t columns) {
  const std::size_t wide = width(text);
  return std::string(wide < columns ? columns - wide : 0, ' ') + std::string(text);
}

// Of one character, which is UTF-8.
bool is_visible(std::string_view character) {
  const auto* octets = reinterpret_cast<const std::uint8_t*>(character.data());
  std::int32_t at = 0;
  UChar32 code = 0;
  U8_NEXT(octets, at, static_cast<std::int32_t>(character.size()), code);
  return code >= 0 &&
         (U_GET_GC_MASK(code) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_ZL_MASK | U_GC_ZP_MASK)) == 0 &&
         !u_hasBinaryProperty(code, UCHAR_DEFAULT_IGNORABLE_CODE_POINT);
}

std::string plain(std::string_view text) {
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    const std::size_t octets = std::max<std::size_t>(length, 1);
    if (length > 0 && is_visible(text.substr(at, length))) {
      safe += text.substr(at, length);
    } else {
      for (const char c : text.substr(at, octets)) {
        std::array<char, 8> escape{};
        std::snprintf(escape.data(), escape.size(), "\\x%02x",
                      unsigned{static_cast<unsigned char>(c)});
        safe += escape.data();
      }
    }
    at += octets;
  }
  return safe;
}

std::string as_read(const std::string& name) {
  if (name.find("xn--") == std::string::npos) {
    return {};
  }
  char* converted = nullptr;
  const int status = idn2_to_unicode_8z8z(name.c_str(), &converted, 0);
  const std::unique_ptr<char, void (*)(void*)> owner(converted, idn2_free);
  const std::string read = status == IDN2_OK && converted != name ? converted : "";
  return read == plain(read) ? read : std::string();
}

std::size_t terminal_width() noexcept {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

} // namespace nearmiss::cli
