// Reads and checks the policy in a thread of its own, in idle time, while the thread that asked for
// it goes on with other work.
#pragma once

#include "config/config.hpp"

#include <exception>
#include <filesystem>
#include <memory>
#include <thread>

namespace nearmiss {

// For one thread.
class PolicyLoader {
 public:
  PolicyLoader();  // throws std::system_error
  ~PolicyLoader(); // waits for a load that runs
  PolicyLoader(const PolicyLoader&) = delete;
  PolicyLoader& operator=(const PolicyLoader&) = delete;

  // As config's load(). No other load may run. What goes wrong is told by take().
  void begin(const std::filesystem::path& file, std::chrono::sys_days today,
             std::shared_ptr<const Config> before) noexcept;
  // From begin() to take().
  bool running() const noexcept { return running_; }
  // Readable once the load has ended.
  int descriptor() const noexcept { return done_; }
  // Waits for the end. Throws what load() or the thread's start threw.
  LoadResult take();

 private:
  void work(const std::filesystem::path& file, std::chrono::sys_days today,
            const Config* before) noexcept;
  void signal() const noexcept;

  int done_; // an eventfd(2)
  bool running_ = false;
  std::thread thread_;
  LoadResult result_;
  std::exception_ptr failure_;
};

} // namespace nearmiss
