// A Unix socket on which the module takes commands: `nearmiss status`, `reload`, `observe`, ...
//
// A client writes one line, the command, gets one line, a JSON object, and is disconnected. Who may
// connect is the socket's mode, 0660. A client that says nothing, says too much or does not read is
// disconnected after a while, and few are served at a time, so none can do harm. For one thread.
#pragma once

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

class ControlSocket {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t max_clients = 8;
  static constexpr std::size_t longest_command = 4096; // octets
  static constexpr std::chrono::seconds patience{5};   // with one client, all told
  static constexpr std::chrono::seconds pause{1};      // without a descriptor for the next one

  // Makes the line for a command of a process of that user. nullopt: answer_waiting() will.
  using Answer = std::function<std::optional<std::string>(std::string_view command, uid_t user)>;

  // `answer` shall not throw. Takes the place of a socket that no process serves any more. Throws
  // std::system_error, or std::runtime_error where another process serves it or the path is too
  // long for a socket.
  ControlSocket(std::filesystem::path path, Answer answer);
  // Removes the socket if it is still its own.
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  const std::filesystem::path& path() const noexcept { return path_; }

  // To be polled; then serve() with the same part of the list.
  void add_to(std::vector<pollfd>& polled) const;
  void serve(const pollfd* polled, std::size_t count);
  // When serve() must be called even if nothing is readable; max(): never.
  Clock::time_point due() const noexcept;
  // The line for every client that waits for it. Throws std::bad_alloc.
  void answer_waiting(const std::string& line);

 private:
  struct Client {
    int fd = -1;
    Clock::time_point deadline;
    std::string command;
    std::string answer; // what of it is not sent yet
    bool answered = false;
    bool waiting = false; // for answer_waiting()
  };

  void accept_client();
  // False: done with this client.
  bool go_on(Client& client);

  std::filesystem::path path_;
  Answer answer_;
  int listening_ = -1;
  std::pair<dev_t, ino_t> identity_{};
  std::vector<Client> clients_;
  Clock::time_point closed_until_{};
};

} // namespace nearmiss
