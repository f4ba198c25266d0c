// The time of an event as text.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace nearmiss {

// RFC 3339, UTC, microseconds: 2026-01-31T23:59:59.000001Z. Breaks a second down once, however many
// events fall into it. For one thread.
class Timestamp {
 public:
  using Clock = std::chrono::system_clock;
  // Valid until the next call.
  std::string_view text(Clock::time_point time);

 private:
  std::int64_t second_ = -1; // the one that text_ holds
  std::array<char, 27> text_{};
};

// To the second, for people: 2026-01-31T23:59:59Z.
std::string rfc3339(Timestamp::Clock::time_point time);

} // namespace nearmiss
