#include "module/reload/control_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace nearmiss {

namespace {

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = path.native();
  if (text.size() >= sizeof(address.sun_path)) {
    throw std::runtime_error("the path " + text + " is longer than a socket's may be (" +
                             std::to_string(sizeof(address.sun_path) - 1) +
                             " octets); write a shorter one in `control: {socket: ...}`");
  }
  std::copy(text.begin(), text.end(), static_cast<char*>(address.sun_path));
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address); // NOLINT: the socket interface
}

int new_socket() {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    throw std::system_error(errno, std::generic_category(), "a control socket");
  }
  return fd;
}

bool is_served(const sockaddr_un& address) {
  const int fd = new_socket();
  const bool served = connect(fd, generic(address), sizeof(address)) == 0 || errno == EAGAIN;
  close(fd);
  return served;
}

// Of the process at the other end; root where the system does not say, who may do anything anyway.
uid_t user_of(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.uid : 0;
}

} // namespace

ControlSocket::ControlSocket(std::filesystem::path path, Answer answer)
    : path_(std::move(path)), answer_(std::move(answer)) {
  const sockaddr_un address = address_of(path_);
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) {
      throw std::runtime_error(path_.native() + " is there and is no socket; write another path " +
                               "in `control: {socket: ...}`");
    }
    if (is_served(address)) {
      throw std::runtime_error(path_.native() + " is served by another process; write another " +
                               "path in `control: {socket: ...}`");
    }
  }
  // Made under another name, so that it appears with its mode, ready, and in place of a stale one.
  const std::filesystem::path made = path_.native() + "." + std::to_string(getpid());
  const sockaddr_un made_address = address_of(made);
  listening_ = new_socket();
  unlink(made.c_str());
  if (bind(listening_, generic(made_address), sizeof(made_address)) != 0 ||
      chmod(made.c_str(), 0660) != 0 || listen(listening_, max_clients) != 0 ||
      stat(made.c_str(), &info) != 0 || rename(made.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    unlink(made.c_str());
    close(listening_);
    throw std::system_error(reason, std::generic_category(), path_.native());
  }
  identity_ = {info.st_dev, info.st_ino};
}

ControlSocket::~ControlSocket() {
  for (const Client& client : clients_) {
    close(client.fd);
  }
  close(listening_);
  struct stat info {};
  if (lstat(path_.c_str(), &info) == 0 && std::pair(info.st_dev, info.st_ino) == identity_) {
    unlink(path_.c_str());
  }
}

void ControlSocket::add_to(std::vector<pollfd>& polled) const {
  // With all places taken the next client waits in the kernel's queue; so it does when none could
  // be let in, which poll(2) would tell again and again.
  const bool open = clients_.size() < max_clients && Clock::now() >= closed_until_;
  polled.push_back({open ? listening_ : -1, POLLIN, 0});
  for (const Client& client : clients_) {
    // Of one that waits for its answer only that it has gone is told.
    const int events = client.waiting ? 0 : client.answered ? POLLOUT : POLLIN;
    polled.push_back({client.fd, static_cast<short>(events), 0});
  }
}

void ControlSocket::serve(const pollfd* polled, std::size_t count) {
  const auto now = Clock::now();
  for (std::size_t i = 1; i < count; ++i) {
    Client& client = clients_[i - 1];
    if ((polled[i].revents != 0 && !go_on(client)) || client.deadline <= now) {
      close(client.fd);
      client.fd = -1;
    }
  }
  std::erase_if(clients_, [](const Client& client) { return client.fd < 0; });
  if (count > 0 && (polled[0].revents & POLLIN) != 0) {
    accept_client();
  }
}

ControlSocket::Clock::time_point ControlSocket::due() const noexcept {
  auto due = closed_until_ > Clock::now() ? closed_until_ : Clock::time_point::max();
  for (const Client& client : clients_) {
    due = std::min(due, client.deadline);
  }
  return due;
}

void ControlSocket::accept_client() {
  const int fd = accept4(listening_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    clients_.push_back({fd, Clock::now() + patience, {}, {}, false});
  } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    closed_until_ = Clock::now() + pause;
  }
}

void ControlSocket::answer_waiting(const std::string& line) {
  for (Client& client : clients_) {
    if (client.waiting) {
      client.answer = line + '\n';
      client.waiting = false;
      client.deadline = Clock::now() + patience;
      if (!go_on(client)) { // at once: the socket may be about to be another
        close(client.fd);
        client.fd = -1;
      }
    }
  }
  std::erase_if(clients_, [](const Client& client) { return client.fd < 0; });
}

bool ControlSocket::go_on(Client& client) {
  if (!client.answered) {
    // No more than a command and its end is ever read of a client.
    std::array<char, longest_command + 1> buffer{};
    const ssize_t got = read(client.fd, buffer.data(), buffer.size() - client.command.size());
    if (got <= 0) {
      return got < 0 && (errno == EAGAIN || errno == EINTR);
    }
    client.command.append(buffer.data(), static_cast<std::size_t>(got));
    const std::size_t end = client.command.find('\n');
    if (end == std::string::npos) {
      return client.command.size() <= longest_command;
    }
    auto answer = answer_(std::string_view(client.command).substr(0, end), user_of(client.fd));
    client.waiting = !answer;
    client.answer = std::move(answer).value_or("") + '\n';
    client.answered = true;
    client.deadline = client.waiting ? Clock::time_point::max() : Clock::now() + patience;
    if (client.waiting) {
      return true;
    }
  }
  if (client.waiting) {
    return false; // it has gone
  }
  const ssize_t sent =
      send(client.fd, client.answer.data(), client.answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    return errno == EAGAIN || errno == EINTR;
  }
  client.answer.erase(0, static_cast<std::size_t>(sent));
  return !client.answer.empty();
}

} // namespace nearmiss
