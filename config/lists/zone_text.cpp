#include "config/lists/zone_text.hpp"

#include "rules/rule.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace nearmiss {

namespace {

enum class Kind : std::uint8_t { word, blank, line_end, comment, open, close, control, high };

constexpr std::array<Kind, 256> kinds = [] {
  std::array<Kind, 256> table{};
  for (std::size_t octet = 0; octet < table.size(); ++octet) {
    table[octet] =
        octet < 0x20 || octet == 0x7F ? Kind::control : (octet >= 0x80 ? Kind::high : Kind::word);
  }
  table[' '] = table['\t'] = Kind::blank;
  table['\n'] = Kind::line_end;
  table[';'] = Kind::comment;
  table['('] = Kind::open;
  table[')'] = Kind::close;
  return table;
}();

Kind kind_of(char c) noexcept {
  return kinds[static_cast<unsigned char>(c)];
}

constexpr std::string_view not_ascii =
    "a character beyond ASCII; write the name in A-label form (xn--...), or the octet as `\\` and "
    "three digits";
constexpr std::string_view lone_return =
    "a carriage return inside the line; end each line with LF or CR LF";
constexpr std::string_view control_character =
    "a control character or a NUL octet; take it out, or write it as `\\` and three digits";
constexpr std::string_view open_quote =
    "a quote that does not end on its line; write the second `\"`";
constexpr std::string_view last_backslash = "a backslash at the end of the line; take it away";

bool equal_fold(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(a, b, [](char x, char y) {
    return std::toupper(static_cast<unsigned char>(x)) ==
           std::toupper(static_cast<unsigned char>(y));
  });
}

bool is_directive(std::string_view word) noexcept {
  return std::ranges::any_of(
      std::array<std::string_view, 4>{"$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"},
      [&](std::string_view one) { return equal_fold(word, one); });
}

} // namespace

ZoneClass zone_class(std::string_view word) noexcept {
  if (word.size() == 2 && equal_fold(word, "IN")) {
    return ZoneClass::in;
  }
  constexpr std::array<std::string_view, 5> others{"CH", "HS", "CS", "CHAOS", "HESIOD"};
  if (std::ranges::any_of(others, [&](auto one) { return equal_fold(word, one); })) {
    return ZoneClass::other;
  }
  constexpr std::size_t prefix = 5; // CLASS1, RFC 3597
  if (word.size() > prefix && equal_fold(word.substr(0, prefix), "CLASS") &&
      word.find_first_not_of("0123456789", prefix) == std::string_view::npos) {
    return word.substr(prefix) == "1" ? ZoneClass::in : ZoneClass::other;
  }
  return ZoneClass::none;
}

bool zone_ttl(std::string_view word, std::size_t& ttl) noexcept {
  constexpr std::size_t longest = 20;
  if (word.empty() || word.size() > longest || word[0] < '0' || word[0] > '9') {
    return false;
  }
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool digits = false;
  for (const char c : word) {
    if (c >= '0' && c <= '9') {
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
      digits = true;
      if (number > UINT32_MAX) {
        number = UINT32_MAX; // too large whatever follows
      }
      continue;
    }
    constexpr std::string_view units = "smhdw";
    constexpr std::array<std::uint64_t, 5> seconds{1, 60, 3600, 86400, 604800};
    const std::size_t unit = units.find(static_cast<char>(c | 0x20));
    if (!digits || unit == std::string_view::npos) {
      return false;
    }
    total += number * seconds[unit];
    number = 0;
    digits = false;
  }
  ttl = total + number;
  return true;
}

bool begins_record(std::string_view text) noexcept {
  text = text.substr(0, text.find_first_of(";\n"));
  if (text.empty() || kind_of(text[0]) != Kind::word || text[0] == '"') {
    return false;
  }
  constexpr std::string_view blanks = " \t\r";
  const auto next_word = [&] {
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    const std::size_t end = std::min(text.find_first_of(blanks, begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    text.remove_prefix(end);
    return word;
  };
  const std::string_view owner = next_word();
  if (is_directive(owner)) {
    return true;
  }
  std::string_view word = next_word();
  std::size_t unused = 0;
  const bool class_first = zone_class(word) != ZoneClass::none;
  word = class_first ? next_word() : word;
  if (zone_ttl(word, unused)) {
    word = next_word();
    word = !class_first && zone_class(word) != ZoneClass::none ? next_word() : word;
  }
  return !word.empty() && type_from_text(word) && !next_word().empty();
}

bool ZoneText::next(ZoneEntry& entry) {
  while (at_ < content_.size()) {
    if (read(entry)) {
      return true;
    }
  }
  return false;
}

bool ZoneText::read(ZoneEntry& entry) {
  entry.line = line_;
  entry.continued = kind_of(content_[at_]) == Kind::blank;
  entry.words.clear();
  entry.problem.clear();
  entry.owner_sound = true;
  open_.clear();
  second_line_ = 0;
  while (at_ < content_.size()) {
    switch (kind_of(content_[at_])) {
    case Kind::blank:
      ++at_;
      break;
    case Kind::line_end:
      end_line();
      if (open_.empty()) {
        return !entry.words.empty() || !entry.problem.empty();
      }
      if (!goes_on(entry)) {
        return true;
      }
      break;
    case Kind::comment:
      skip_comment(entry);
      break;
    case Kind::open:
      open_.push_back(at_);
      while (!unclosed_.empty() && unclosed_.front() < at_) {
        unclosed_.pop_front();
      }
      if (!unclosed_.empty() && unclosed_.front() == at_) {
        never_closed(entry,
                     "a `(` that is never closed; write a `)` behind the record's last line");
        return true;
      }
      ++at_;
      break;
    case Kind::close:
      if (open_.empty()) {
        problem(entry, "a `)` without a `(` before it; take it away");
      } else {
        open_.pop_back();
      }
      ++at_;
      break;
    case Kind::control: {
      const std::size_t end = content_.find_first_not_of('\r', at_);
      const bool ends_line = end == std::string_view::npos || content_[end] == '\n';
      if (!ends_line) {
        problem(entry, content_[at_] == '\r' ? lone_return : control_character);
      }
      at_ = ends_line ? std::min(end, content_.size()) : at_ + 1;
      break;
    }
    case Kind::high:
    case Kind::word:
      read_word(entry);
      break;
    }
  }
  if (!open_.empty()) {
    never_closed(entry, "a `(` that is never closed; write a `)` behind the record's last line");
  }
  return !entry.words.empty() || !entry.problem.empty();
}

void ZoneText::read_word(ZoneEntry& entry) {
  const std::size_t begin = at_;
  const bool all_quoted = content_[at_] == '"';
  bool quoted = all_quoted;
  for (at_ += quoted ? 1 : 0; at_ < content_.size(); ++at_) {
    const char c = content_[at_];
    if (c == '\n') {
      break;
    }
    if (c == '\\') {
      const std::string_view next = content_.substr(at_ + 1, 2);
      if (next.empty() || next[0] == '\n' || next == "\r\n" || next == "\r") {
        problem(entry, last_backslash);
      } else {
        ++at_;
      }
      continue;
    }
    if (c == '"') {
      quoted = !quoted;
      if (all_quoted) {
        ++at_;
        break;
      }
      continue;
    }
    const Kind kind = kind_of(c);
    if (quoted) {
      if (c == '\0' || c == '\r') {
        problem(entry, c == '\r' ? lone_return : control_character);
      }
    } else if (kind == Kind::high) {
      problem(entry, not_ascii);
    } else if (kind != Kind::word) {
      break;
    }
  }
  if (quoted) {
    problem(entry, open_quote);
  }
  entry.words.push_back(content_.substr(begin, at_ - begin));
}

void ZoneText::skip_comment(ZoneEntry& entry) {
  const std::size_t end = std::min(content_.find('\n', at_), content_.size());
  std::string_view comment = content_.substr(at_, end - at_);
  while (comment.ends_with('\r')) {
    comment.remove_suffix(1);
  }
  if (comment.find('\r') != std::string_view::npos) {
    problem(entry, lone_return); // what stands behind it would be part of the comment
  }
  at_ = end;
}

void ZoneText::end_line() noexcept {
  ++at_;
  ++line_;
  if (second_line_ == 0) {
    second_line_ = at_;
  }
}

bool ZoneText::goes_on(ZoneEntry& entry) {
  if (!begins_record(content_.substr(at_))) {
    return true;
  }
  never_closed(entry, "a `(` that is never closed, as line " + std::to_string(line_) +
                          " begins a record; write a `)` behind the record's last line");
  return false;
}

void ZoneText::never_closed(ZoneEntry& entry, std::string problem) {
  entry.owner_sound = entry.problem.empty() ? !entry.words.empty() : entry.owner_sound;
  entry.problem = std::move(problem);
  for (const std::size_t at : open_) {
    if (unclosed_.empty() || at > unclosed_.back()) {
      unclosed_.push_back(at);
    }
  }
  at_ = second_line_ != 0 ? second_line_
                          : std::min(content_.find('\n', at_), content_.size() - 1) + 1;
  line_ = entry.line + 1;
}

void ZoneText::problem(ZoneEntry& entry, std::string_view what) {
  if (entry.problem.empty()) {
    entry.problem = what;
    entry.owner_sound = !entry.words.empty();
  }
}

} // namespace nearmiss
