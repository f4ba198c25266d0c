#include "contrib/logs/query_log.hpp"

#include "rules/rule.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace nearmiss::logs {

namespace {

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_hex(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f');
}

// Does `text` end in "[123:0"?
bool ends_in_thread(std::string_view text) noexcept {
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind('[');
  if (colon == std::string_view::npos || bracket == std::string_view::npos || colon < bracket + 2 ||
      colon + 1 == text.size()) {
    return false;
  }
  const auto pid = text.substr(bracket + 1, colon - bracket - 1);
  const auto thread = text.substr(colon + 1);
  return std::all_of(pid.begin(), pid.end(), is_digit) &&
         std::all_of(thread.begin(), thread.end(), is_hex);
}

// What Unbound says behind "[PID:THREAD] info: ", query: or reply:. The first such place counts: a
// client chooses the text behind it.
std::optional<std::string_view> message_of(std::string_view line) noexcept {
  constexpr std::array<std::string_view, 3> levels{"] info: ", "] query: ", "] reply: "};
  for (std::size_t at = line.find("] "); at != std::string_view::npos;
       at = line.find("] ", at + 1)) {
    for (const std::string_view level : levels) {
      if (line.substr(at, level.size()) == level && ends_in_thread(line.substr(0, at))) {
        return line.substr(at + level.size());
      }
    }
  }
  return std::nullopt;
}

// "[1700000000] " or "2026-11-23T22:23:28.123+00:00 ", or RFC 5424's "<30>1 2026-...Z ".
std::optional<Instant> time_of(std::string_view line) noexcept {
  if (line.starts_with('<')) {
    const std::size_t space = line.find(' ');
    return space > 8 ? std::nullopt : time_of(line.substr(space + 1));
  }
  if (line.starts_with('[')) {
    const std::size_t end = line.find(']');
    std::int64_t seconds = 0;
    if (end > 16) { // or there is none
      return std::nullopt;
    }
    const auto [stop, error] = std::from_chars(line.data() + 1, line.data() + end, seconds);
    return error == std::errc() && stop == line.data() + end ? std::optional(seconds * one_second)
                                                             : std::nullopt;
  }
  const std::size_t space = line.find(' ', 11);
  return space == std::string_view::npos ? std::nullopt
                                         : instant_from_rfc3339(line.substr(0, space));
}

// The next word of `text`, which loses it and the space behind it.
std::string_view word(std::string_view& text) noexcept {
  const std::size_t space = text.find(' ');
  const std::string_view found = text.substr(0, space);
  text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  return found;
}

} // namespace

QueryLine read_query_line(std::string_view line, Lookup& lookup) noexcept {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  const auto message = message_of(line);
  if (!message) {
    return QueryLine::other;
  }
  std::string_view rest = *message;
  const auto client = ClientAddress::from_text(word(rest));
  if (!client) {
    return QueryLine::other;
  }
  const std::string_view name_text = word(rest);
  const std::string_view type_text = word(rest);
  const std::string_view class_text = word(rest);
  if (name_text == "-" && type_text == "-" && class_text == "-") {
    return QueryLine::other; // the answer to what was no query: FORMERR
  }
  const auto name = Name::from_text(name_text);
  const auto type = type_from_text(type_text);
  if (!name || !type || class_text.empty()) {
    return QueryLine::damaged;
  }
  if (class_text != "IN") {
    return class_text == "CH" || class_text == "HS" || class_text == "ANY" ||
                   class_text.starts_with("CLASS")
               ? QueryLine::other
               : QueryLine::damaged;
  }
  lookup = {time_of(line), *client, *name, *type};
  return rest.empty() ? QueryLine::query : QueryLine::reply;
}

} // namespace nearmiss::logs
