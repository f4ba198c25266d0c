// One line on a terminal that says how far a command is, or that it is still at work, while it
// takes over a second.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

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

// For what cannot say how far it is: "nearmiss.yaml: 3 s", from a thread of its own. Nothing else
// may be written to stderr while the object lives; the line goes away with it.
class Busy {
 public:
  explicit Busy(std::string what);
  ~Busy();
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  void show_until_done();

  std::string what_;
  bool done_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::thread thread_; // none without a terminal
};

// "events.jsonl: 42 %, 1,204,331 events"; `size` 0: not known.
std::string reading(const std::string& file, std::uint64_t position, std::uint64_t size,
                    const std::string& so_far);

} // namespace nearmiss::cli
