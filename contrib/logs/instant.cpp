#include "contrib/logs/instant.hpp"

#include <array>
#include <chrono>
#include <cstdio>

namespace nearmiss::logs {

namespace {

// The number that the whole text is, or -1.
int digits(std::string_view text) noexcept {
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') {
      return -1;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

// "2026-11-23"; nullopt if there is no such day.
std::optional<Instant> midnight(std::string_view text) noexcept {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  const int year = digits(text.substr(0, 4));
  const int month = digits(text.substr(5, 2));
  const int day = digits(text.substr(8, 2));
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (year < 0 || month < 0 || day < 0 || !date.ok()) {
    return std::nullopt;
  }
  return std::chrono::sys_days(date).time_since_epoch().count() * one_day;
}

// "22:23:28.123456" with what is behind it left in `rest`.
std::optional<Instant> time_of_day(std::string_view text, std::string_view& rest) noexcept {
  if (text.size() < 8 || text[2] != ':' || text[5] != ':') {
    return std::nullopt;
  }
  const int hour = digits(text.substr(0, 2));
  const int minute = digits(text.substr(3, 2));
  const int second = digits(text.substr(6, 2));
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
    return std::nullopt;
  }
  Instant time = hour * one_hour + minute * one_minute + second * one_second;
  std::size_t at = 8;
  if (at < text.size() && text[at] == '.') {
    Instant unit = one_second / 10;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      time += (text[at] - '0') * unit;
      unit /= 10;
    }
    if (text[at - 1] == '.') {
      return std::nullopt;
    }
  }
  rest = text.substr(at);
  return time;
}

// "Z" or "+01:30", as what to subtract to get UTC.
std::optional<Instant> offset(std::string_view text) noexcept {
  if (text == "Z" || text == "z") {
    return 0;
  }
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
    return std::nullopt;
  }
  const int hours = digits(text.substr(1, 2));
  const int minutes = digits(text.substr(4, 2));
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) {
    return std::nullopt;
  }
  const Instant size = hours * one_hour + minutes * one_minute;
  return text[0] == '-' ? -size : size;
}

std::string formatted(Instant instant, char between, const char* end) {
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(instant)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const auto second = std::chrono::duration_cast<std::chrono::seconds>(time - day).count();
  std::array<char, 64> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02u%c%02d:%02d:%02d%s",
                    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                    static_cast<unsigned>(date.day()), between, static_cast<int>(second / 3600),
                    static_cast<int>(second / 60 % 60), static_cast<int>(second % 60), end);
  return {text.data(), static_cast<std::size_t>(length)};
}

} // namespace

std::optional<Instant> instant_from_rfc3339(std::string_view text) noexcept {
  const auto date = midnight(text.substr(0, 10));
  if (!date || text.size() < 20 || (text[10] != 'T' && text[10] != 't' && text[10] != ' ')) {
    return std::nullopt;
  }
  std::string_view rest;
  const auto time = time_of_day(text.substr(11), rest);
  const auto east = time ? offset(rest) : std::nullopt;
  if (!east) {
    return std::nullopt;
  }
  return *date + *time - *east;
}

std::optional<Instant> instant_from_person(std::string_view text, Instant now) {
  if (const auto exact = instant_from_rfc3339(text)) {
    return exact;
  }
  if (const auto date = midnight(text.substr(0, 10))) {
    std::string_view rest;
    if (text.size() == 10) {
      return date;
    }
    if (text[10] != 'T' && text[10] != ' ') {
      return std::nullopt;
    }
    // To the minute is enough for a person.
    const std::string whole = std::string(text.substr(11)) + (text.size() == 16 ? ":00" : "");
    const auto time = time_of_day(whole, rest);
    return time && rest.empty() ? std::optional(*date + *time) : std::nullopt;
  }
  if (text.size() < 2 || text.size() > 7) {
    return std::nullopt;
  }
  const int number = digits(text.substr(0, text.size() - 1));
  if (number < 0) {
    return std::nullopt;
  }
  switch (text.back()) {
  case 's':
    return now - number * one_second;
  case 'm':
    return now - number * one_minute;
  case 'h':
    return now - number * one_hour;
  case 'd':
    return now - number * one_day;
  case 'w':
    return now - number * (7 * one_day);
  default:
    return std::nullopt;
  }
}

std::string to_text(Instant instant) {
  return formatted(instant, ' ', "");
}

std::string to_rfc3339(Instant instant) {
  return formatted(instant, 'T', "Z");
}

} // namespace nearmiss::logs
