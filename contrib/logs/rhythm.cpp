#include "contrib/logs/rhythm.hpp"

#include <cmath>

namespace nearmiss::logs {

void Rhythm::add(Instant time) {
  if (attempts_ == 0) {
    first_ = time;
  } else if (time <= last_) {
    return;
  } else if (!paused_) {
    note(static_cast<double>(time - last_) / static_cast<double>(one_second));
  }
  paused_ = false;
  last_ = time;
  ++attempts_;
  const Instant in_day = (time % one_day + one_day) % one_day;
  ++by_hour_[static_cast<std::size_t>(in_day / one_hour)];
}

void Rhythm::note(double seconds) noexcept {
  ++intervals_;
  if (votes_ == 0) {
    mean_ = seconds;
    votes_ = agreed_ = 1;
  } else if (std::abs(seconds - mean_) <= mean_ / 10) {
    ++votes_;
    ++agreed_;
    mean_ += (seconds - mean_) / agreed_;
  } else {
    --votes_;
  }
}

std::optional<double> Rhythm::interval() const noexcept {
  const bool regular =
      intervals_ >= least_intervals && std::uint64_t{agreed_} * 3 >= std::uint64_t{intervals_} * 2;
  return regular ? std::optional(mean_) : std::nullopt;
}

std::optional<Rhythm::Hours> Rhythm::hours() const noexcept {
  if (attempts_ < least_for_hours || last_ - first_ < 3 * one_day) {
    return std::nullopt;
  }
  // The longest stretch of hours, across midnight too, that one in fifty attempts at most falls in.
  const int size = static_cast<int>(by_hour_.size());
  int longest = 0;
  int begin = 0;
  for (int from = 0; from < size; ++from) {
    std::uint32_t within = 0;
    for (int length = 1; length < size; ++length) {
      within += by_hour_[static_cast<std::size_t>((from + length - 1) % size)];
      if (within > attempts_ / 50) {
        break;
      }
      if (length > longest) {
        longest = length;
        begin = from;
      }
    }
  }
  if (longest <= 3) {
    return Hours{};
  }
  return longest >= 7 ? std::optional(Hours{(begin + longest) % size, begin}) : std::nullopt;
}

} // namespace nearmiss::logs
