#include "contrib/cli/progress.hpp"

#include "contrib/cli/text.hpp"

#include <iostream>

#include <unistd.h>

namespace nearmiss::cli {

namespace {

constexpr std::chrono::milliseconds patience{1000};
constexpr std::chrono::milliseconds interval{200};

} // namespace

Progress::Progress(bool writes_meanwhile)
    : enabled_(isatty(STDERR_FILENO) != 0 && !(writes_meanwhile && isatty(STDOUT_FILENO) != 0)),
      next_(Clock::now() + patience) {}

Progress::~Progress() {
  if (shown_) {
    std::cerr << "\r\x1b[K" << std::flush;
  }
}

bool Progress::time_has_come() noexcept {
  const auto now = Clock::now();
  if (now < next_) {
    return false;
  }
  next_ = now + interval;
  return true;
}

void Progress::show(const std::string& text) {
  std::cerr << '\r' << text << "\x1b[K" << std::flush;
  shown_ = true;
}

std::string reading(const std::string& file, std::uint64_t position, std::uint64_t size,
                    const std::string& so_far) {
  return plain(file) + ": " + (size == 0 ? std::string() : percent(position, size) + ", ") + so_far;
}

} // namespace nearmiss::cli
