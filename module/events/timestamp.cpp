#include "module/events/timestamp.hpp"

#include <ctime>

namespace nearmiss {

namespace {

// `value` as so many digits, zeros in front.
void write_digits(char* out, std::size_t digits, std::int64_t value) {
  for (std::size_t at = digits; at-- > 0; value /= 10) {
    out[at] = static_cast<char>('0' + value % 10);
  }
}

} // namespace

std::string_view Timestamp::text(Clock::time_point time) {
  using namespace std::chrono;
  constexpr std::string_view shape = "0000-00-00T00:00:00.000000Z";
  static_assert(shape.size() == std::tuple_size_v<decltype(text_)>);
  const std::int64_t micros = duration_cast<microseconds>(time.time_since_epoch()).count();
  const std::int64_t second = micros / 1'000'000;
  if (second != second_) {
    second_ = second;
    const std::time_t seconds = second;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    shape.copy(text_.data(), shape.size());
    write_digits(&text_[0], 4, utc.tm_year + 1900);
    write_digits(&text_[5], 2, utc.tm_mon + 1);
    write_digits(&text_[8], 2, utc.tm_mday);
    write_digits(&text_[11], 2, utc.tm_hour);
    write_digits(&text_[14], 2, utc.tm_min);
    write_digits(&text_[17], 2, utc.tm_sec);
  }
  write_digits(&text_[20], 6, micros % 1'000'000);
  return {text_.data(), text_.size()};
}

std::string rfc3339(Timestamp::Clock::time_point time) {
  constexpr std::size_t to_the_second = 19;
  return std::string(Timestamp().text(time).substr(0, to_the_second)) + 'Z';
}

} // namespace nearmiss
