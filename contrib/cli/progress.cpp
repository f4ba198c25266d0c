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

Busy::Busy(std::string what) : what_(std::move(what)) {
  if (isatty(STDERR_FILENO) != 0) {
    thread_ = std::thread([this] { show_until_done(); });
  }
}

Busy::~Busy() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
}

void Busy::show_until_done() {
  using std::chrono::seconds;
  std::unique_lock lock(mutex_);
  seconds passed{0};
  while (!changed_.wait_for(lock, seconds(1), [this] { return done_; })) {
    std::cerr << '\r' << plain(what_) << ": " << (++passed).count() << " s\x1b[K" << std::flush;
  }
  if (passed.count() > 0) {
    std::cerr << "\r\x1b[K" << std::flush;
  }
}

std::string reading(const std::string& file, std::uint64_t position, std::uint64_t size,
                    const std::string& so_far) {
  return plain(file) + ": " + (size == 0 ? std::string() : percent(position, size) + ", ") + so_far;
}

} // namespace nearmiss::cli
