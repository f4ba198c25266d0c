// The module's own thread: reloads the policy when its files change or an admin asks for it, ends
// what was switched for a while, and serves the control socket, also while a policy is being read.
// Unbound's threads never wait for it.
#pragma once

#include "module/reload/control_socket.hpp"
#include "module/reload/file_watch.hpp"
#include "module/reload/policy_keeper.hpp"

#include <optional>
#include <string>
#include <thread>

namespace nearmiss {

class Housekeeping {
 public:
  // `keeper` must outlive this.
  Housekeeping(PolicyKeeper& keeper, PolicyKeeper::LogLine log);
  ~Housekeeping(); // stops it
  Housekeeping(const Housekeeping&) = delete;
  Housekeeping& operator=(const Housekeeping&) = delete;

  // Starts the thread. Throws std::system_error.
  void start();
  // Ends the thread, if it has started, and takes the control socket away; the policy changes no
  // more.
  void stop() noexcept;

 private:
  void run() noexcept;
  void step();
  int wait_in_ms() const;
  void end_reload();
  void open_socket();
  std::optional<std::string> answer(std::string_view command, uid_t user) noexcept;

  PolicyKeeper& keeper_;
  PolicyKeeper::LogLine log_;
  FileWatch watch_;
  std::optional<ControlSocket> socket_;
  // A refused policy is read again now and then: what was missing (a descriptor, memory) may be
  // there again.
  static constexpr std::chrono::seconds first_retry{5}, last_retry{320};
  FileWatch::Clock::time_point retry_ = FileWatch::Clock::time_point::max();
  std::chrono::seconds retry_after_ = first_retry;
  bool once_more_ = false; // a reload was asked for while one ran
  int stop_;               // an eventfd(2)
  std::thread thread_;
};

} // namespace nearmiss
