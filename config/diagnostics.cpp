#include "config/diagnostics.hpp"

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace nearmiss {

namespace {

constexpr std::size_t longest_quote = 80; // octets; a message stays on a line or two

// The length in octets of the character at the start of `text`, or 0 if that is no character to
// show: not UTF-8, or a control. C1 controls (U+0080 to U+009F) steer terminals as well as C0 ones.
std::size_t printable_length(std::string_view text) {
  const std::size_t length = utf8_length(text);
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const bool control = length == 1 ? octet(0) < 0x20 || octet(0) == 0x7F
                                   : length == 2 && octet(0) == 0xC2 && octet(1) < 0xA0;
  return control ? 0 : length;
}

// Optimal string alignment distance: Levenshtein plus the swap of two neighbours.
std::size_t typing_errors(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t wrong = a[i - 1] == b[j - 1] ? 0 : 1;
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + wrong});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

} // namespace

std::string_view to_string(Severity severity) noexcept {
  switch (severity) {
  case Severity::error:
    return "error";
  case Severity::warning:
    return "warning";
  case Severity::note:
    break;
  }
  return "note";
}

std::string to_text(const Diagnostic& diagnostic) {
  std::string text = printable(diagnostic.file);
  if (diagnostic.line > 0) {
    text += ':' + std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.column);
  }
  return text + ": " + std::string(to_string(diagnostic.severity)) + ": " + diagnostic.message;
}

void Report::error(const std::string& file, Place place, std::string message) {
  diagnostics_.push_back({Severity::error, file, place.line, place.column, std::move(message)});
  ++errors_;
}

void Report::warning(const std::string& file, Place place, std::string message) {
  diagnostics_.push_back({Severity::warning, file, place.line, place.column, std::move(message)});
}

void Report::note(const std::string& file, Place place, std::string message) {
  diagnostics_.push_back({Severity::note, file, place.line, place.column, std::move(message)});
}

std::string Report::forgive(std::size_t errors) {
  std::size_t unforgiven = errors_ - errors;
  errors_ = errors;
  for (auto one = diagnostics_.rbegin();; ++one) { // the last ones reported
    if (one->severity == Severity::error && --unforgiven == 0) {
      return to_text(*one);
    }
  }
}

std::vector<Diagnostic> Report::take(const std::vector<SourceFile>& files) && {
  const auto rank = [&](const Diagnostic& d) {
    const auto file = std::ranges::find_if(
        files, [&](const SourceFile& source) { return source.path.native() == d.file; });
    return std::tuple(file - files.begin(), d.line == 0, d.line, d.column);
  };
  std::stable_sort(diagnostics_.begin(), diagnostics_.end(),
                   [&](const Diagnostic& a, const Diagnostic& b) { return rank(a) < rank(b); });
  return std::move(diagnostics_);
}

std::string shown(std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out = "`";
  while (!text.empty()) {
    if (out.size() > longest_quote) {
      return out + "...`";
    }
    const std::size_t length = printable_length(text);
    if (length == 0) {
      const std::size_t octets = std::max<std::size_t>(utf8_length(text), 1);
      for (std::size_t i = 0; i < octets; ++i) {
        const auto value = static_cast<std::uint8_t>(text[i]);
        out += "\\x";
        out += hex[value >> 4U];
        out += hex[value & 15U];
      }
      text.remove_prefix(octets);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out + '`';
}

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t length = printable_length(text);
    out += length == 0 ? "\xEF\xBF\xBD" : text.substr(0, length);
    text.remove_prefix(std::max<std::size_t>(utf8_length(text), 1));
  }
  return out;
}

std::string_view closest(std::string_view text, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  std::size_t best_errors = 3;
  if (text.size() > longest_quote) {
    return best;
  }
  for (const std::string_view candidate : candidates) {
    const std::size_t errors = typing_errors(text, candidate);
    if (errors < best_errors && errors * 2 < std::max(text.size(), candidate.size())) {
      best = candidate;
      best_errors = errors;
    }
  }
  return best;
}

std::string joined(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) {
    text += text.empty() ? "" : ", ";
    text += printable(word);
  }
  return text;
}

std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto continues = [&](std::size_t i) { return i < text.size() && (at(i) & 0xC0U) == 0x80; };
  if (text.empty()) {
    return 0;
  }
  const std::uint8_t first = at(0);
  if (first < 0x80) {
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF) {
    return continues(1) ? 2 : 0;
  }
  if (first >= 0xE0 && first <= 0xEF) {
    const bool valid = continues(1) && continues(2) && !(first == 0xE0 && at(1) < 0xA0) &&
                       !(first == 0xED && at(1) > 0x9F); // no overlong form, no surrogate
    return valid ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool valid = continues(1) && continues(2) && continues(3) &&
                       !(first == 0xF0 && at(1) < 0x90) && !(first == 0xF4 && at(1) > 0x8F);
    return valid ? 4 : 0;
  }
  return 0;
}

} // namespace nearmiss
