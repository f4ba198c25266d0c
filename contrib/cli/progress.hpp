// One line on a terminal that says how far a command is, while it takes over a second.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace nearmiss::cli {

// Writes to stderr, where that is a terminal and stdout is not one that the command is writing to
// at the same time. The line goes away with the object. Not safe for use by several threads.
class Progress {
 public:
  // `writes_meanwhile`: the command prints to stdout before it is done.
  explicit Progress(bool writes_meanwhile = false);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Is it time to show something? Cheap: may be asked after every line that is read.
  bool due() noexcept { return enabled_ && (++calls_ & 0xfU) == 0 && time_has_come(); }
  void show(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  bool time_has_come() noexcept;

  bool enabled_;
  bool shown_ = false;
  std::uint32_t calls_ = 0;
  Clock::time_point next_;
};

// "events.jsonl: 42 %, 1,204,331 events"; `size` 0: not known.
std::string reading(const std::string& file, std::uint64_t position, std::uint64_t size,
                    const std::string& so_far);

} // namespace nearmiss::cli
