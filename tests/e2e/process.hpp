// Child processes of a test: real servers, which never outlive it.
//
// A child writes its output to a file, is ended by its process id (SIGTERM, then SIGKILL), and dies
// with the thread that started it (PR_SET_PDEATHSIG), so start children from the main thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace e2e {

// How long a server may take for anything: it only ends a test that hangs. Instrumented ones take
// longer.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::chrono::seconds patience{120};
#else
inline constexpr std::chrono::seconds patience{20};
#endif

// Waits until `done` holds, asking it every few milliseconds. False if `limit` passed first.
// The limit only ends a test that hangs; nothing is asserted about time.
bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds limit = patience);

std::string read_file(const std::filesystem::path& file); // empty if there is none
void write_file(const std::filesystem::path& file, const std::string& text);

// A folder of its own under the temporary folder, removed at the end of the test. It stays where
// NEARMISS_KEEP_SCRATCH is set, for a look at configurations and logs.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

class Process {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // Runs argv[0], looked up in PATH and in /usr/sbin, with both outputs appended to `log`.
  // Throws std::system_error if it cannot be started.
  Process(const std::vector<std::string>& argv, std::filesystem::path log,
          const Environment& added = {});
  ~Process(); // stops it
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool alive();          // false once it has ended
  void stop();           // SIGTERM, after a while SIGKILL; returns when it has ended
  void send(int signal); // if it is alive
  int exit_code();       // waits for its end; 128 + N if signal N ended it
  pid_t pid() const noexcept { return pid_; }
  std::string log() const { return read_file(log_); }

  // True when the log holds `text`; false when the process ended, or much time passed, without.
  bool wait_for_log(const std::string& text);

 private:
  pid_t pid_ = -1;
  int status_ = 0;
  bool ended_ = false;
  std::filesystem::path log_;
};

struct Outcome {
  int exit_code;
  std::string output; // both streams
};
// Runs a command to its end.
Outcome run(const std::vector<std::string>& argv, const Process::Environment& added = {});

} // namespace e2e
