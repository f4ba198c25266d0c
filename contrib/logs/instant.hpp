// Points in time as logs write them: microseconds since 1970 in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace nearmiss::logs {

using Instant = std::int64_t; // microseconds since 1970-01-01T00:00:00Z

inline constexpr Instant one_second = 1'000'000;
inline constexpr Instant one_minute = 60 * one_second;
inline constexpr Instant one_hour = 60 * one_minute;
inline constexpr Instant one_day = 24 * one_hour;

// "2026-11-23T22:23:28.123456Z", as RFC 3339 says: a space for the T, no fraction or any number of
// digits (those beyond the sixth are dropped), an offset for the Z. nullopt: anything else.
std::optional<Instant> instant_from_rfc3339(std::string_view text) noexcept;

// What a person writes for --since: RFC 3339, a date alone ("2026-11-23", its midnight), a date and
// time without an offset (both UTC), or a time before `now` such as "90m", "36h", "7d", "2w".
std::optional<Instant> instant_from_person(std::string_view text, Instant now);

// "2026-11-23 22:23:28", UTC.
std::string to_text(Instant instant);
// "2026-11-23T22:23:28Z"
std::string to_rfc3339(Instant instant);

} // namespace nearmiss::logs
