#include "contrib/cli/text.hpp"

#include "config/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include <sys/ioctl.h>
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

std::string plain(std::string_view text) {
  std::string safe;
  for (std::size_t at = 0; at < text.size();) {
    const auto octet = static_cast<unsigned char>(text[at]);
    const std::size_t length = utf8_length(text.substr(at));
    // C1 controls (U+0080 to U+009F) are C2 80 to C2 9F.
    const bool c1 = length == 2 && octet == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
    if (length == 0 || octet < 0x20 || octet == 0x7f || c1) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", octet);
      safe += escape.data();
      ++at;
      continue;
    }
    safe += text.substr(at, length);
    at += length;
  }
  return safe;
}

std::size_t terminal_width() noexcept {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

} // namespace nearmiss::cli
