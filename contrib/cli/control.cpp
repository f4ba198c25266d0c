#include "contrib/cli/control.hpp"

#include "config/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <optional>
#include <system_error>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

namespace {

using Clock = std::chrono::steady_clock;

std::filesystem::path socket_of(const ControlOptions& options) {
  if (!options.socket.empty()) {
    return options.socket;
  }
  if (auto socket = control_socket_of(options.config)) {
    return *socket;
  }
  auto usual = std::filesystem::path(options.config).parent_path() / "nearmiss.sock";
  if (options.json) {
    return usual;
  }
  std::cerr << "nearmiss: " << shown(options.config) << " cannot be read, so this asks "
            << shown(usual.native()) << "; name another socket by --socket\n";
  return usual;
}

// A conversation of one line each way, which ends by a deadline.
class Conversation {
 public:
  Conversation(const std::filesystem::path& path, std::chrono::seconds patience)
      : path_(path.native()), patience_(patience), deadline_(Clock::now() + patience),
        fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
      throw std::runtime_error(path_ + ": longer than a socket's path may be");
    }
    path_.copy(static_cast<char*>(address.sun_path), path_.size());
    // NOLINTNEXTLINE: the socket interface
    while (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      if (errno != EAGAIN && errno != EINTR) { // EAGAIN: others are before this one
        fail(errno == EACCES ? "; be root or of the socket's group"
                             : "; does Unbound run with nearmiss, and is this its `control: "
                               "{socket: ...}`? Name another one by --socket");
      }
      (void)poll(nullptr, 0, std::min(20, left()));
    }
  }
  ~Conversation() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  std::string answer_to(const std::string& command) {
    const std::string line = command + '\n';
    if (send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
      fail("");
    }
    std::string answer;
    std::array<char, 4096> buffer{};
    for (;;) {
      pollfd readable{.fd = fd_, .events = POLLIN, .revents = 0};
      (void)poll(&readable, 1, left());
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got < 0 && errno != EINTR && errno != EAGAIN) {
        fail("");
      }
      if (got == 0) {
        return answer;
      }
      answer.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    }
  }

 private:
  // Milliseconds until the deadline; throws once it has passed.
  int left() const {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    if (left.count() <= 0) {
      throw std::runtime_error(path_ + ": no answer within " + std::to_string(patience_.count()) +
                               " s; Unbound is stopped, hangs or has other clients to serve. Its "
                               "log may say more; --timeout waits longer");
    }
    return static_cast<int>(left.count());
  }

  [[noreturn]] void fail(const char* remedy) const {
    throw std::runtime_error(path_ + ": " + std::generic_category().message(errno) + remedy);
  }

  std::string path_;
  std::chrono::seconds patience_;
  Clock::time_point deadline_;
  int fd_;
};

} // namespace

void add_control_options(CLI::App& command, ControlOptions& options) {
  constexpr unsigned longest = 86400;
  add_config_option(command, options.config);
  command.add_option("--socket", options.socket,
                     "the module's control socket; else the one that the policy names");
  command.add_option("--timeout", options.timeout, "how many seconds to wait for the answer")
      ->check(CLI::Range(1U, longest))
      ->capture_default_str();
  command.add_flag("--json", options.json, "print the answer as JSON");
}

ControlAnswer ask(const ControlOptions& options, const std::string& command) {
  const std::filesystem::path socket_path = socket_of(options);
  Conversation conversation(socket_path, std::chrono::seconds(options.timeout));
  ControlAnswer answer = ControlAnswer::parse(conversation.answer_to(command), nullptr, false);
  if (!answer.is_object() || answer.empty()) {
    throw std::runtime_error(socket_path.native() + ": no answer; is it nearmiss's socket?");
  }
  return answer;
}

std::string text_of(const ControlAnswer& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

} // namespace nearmiss::cli
