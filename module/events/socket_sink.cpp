// Sinks that are sockets: this machine's syslog and journal, and a syslog server over TCP.
#include "module/events/sink.hpp"
#include "module/events/timestamp.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <utility>

namespace nearmiss {

namespace {

// Ends with its owner; -1: not open.
class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() { close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const noexcept { return fd_; }
  bool open() const noexcept { return fd_ >= 0; }
  void reset(int fd) {
    close();
    fd_ = fd;
  }
  void close() {
    if (fd_ >= 0) {
      ::close(std::exchange(fd_, -1));
    }
  }

 private:
  int fd_ = -1;
};

bool is_busy(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS || error == EINTR;
}

// A datagram an event, to a socket of this machine.
class DatagramSink : public EventSink {
 public:
  DatagramSink(std::string name, const std::filesystem::path& path, Complain complain)
      : EventSink(std::move(name), std::move(complain)) {
    const std::string& text = path.native();
    if (text.size() >= sizeof(address_.sun_path)) {
      throw std::invalid_argument("too long for a socket: " + text);
    }
    address_.sun_family = AF_UNIX;
    text.copy(address_.sun_path, sizeof(address_.sun_path) - 1);
  }

 private:
  std::size_t pass_on() override {
    if (!socket_.open()) {
      socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (!socket_.open() || connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&address_),
                                     sizeof(address_)) != 0) {
        fail_with(errno);
        return 0;
      }
    }
    std::size_t events = 0;
    std::size_t at = 0;
    for (const std::uint32_t size : waiting_sizes()) {
      const std::string_view datagram = waiting_text().substr(at, size);
      if (send(socket_.fd(), datagram.data(), datagram.size(), MSG_NOSIGNAL) < 0) {
        if (errno != EMSGSIZE) {
          if (!is_busy(errno)) {
            fail_with(errno);
          }
          break;
        }
        lose(std::string(address_.sun_path) + " takes no message of " + std::to_string(size) +
             " octets");
      }
      at += size;
      ++events;
    }
    return events;
  }

  void fail_with(int error) {
    socket_.close();
    fail(std::string(address_.sun_path) + ": " + std::strerror(error));
  }

  sockaddr_un address_{};
  Socket socket_;
};

class JournalSink : public DatagramSink {
 public:
  using DatagramSink::DatagramSink;

 private:
  void frame(const spdlog::details::log_msg& message, std::string& out) override {
    out.append(message.payload.data(), message.payload.size());
  }
};

// What syslog is told of an event, by the level that the event log gives it. `msgid` names the
// kinds of events for a relay that does not read JSON.
struct SyslogKind {
  int severity; // RFC 5424 section 6.2.1
  const char* msgid;
};

SyslogKind kind_of(const spdlog::details::log_msg& message) {
  switch (message.level) {
  case spdlog::level::err:
    return {3, "trouble"};
  case spdlog::level::warn:
    return {4, "blocked"};
  case spdlog::level::info:
    return {5, "observed"};
  default:
    return {6, "notice"};
  }
}

int priority(const SyslogKind& kind) {
  constexpr int facility_daemon = 3;
  return facility_daemon * 8 + kind.severity;
}

// What RFC 5424 takes for a HOSTNAME: printable ASCII without spaces.
std::string syslog_host(std::string name) {
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  return name.empty() ? "-" : name;
}

// As syslog(3) of the C library writes it, which is what listens at /dev/log reads; RFC 5424 is
// not.
class LocalSyslogSink : public DatagramSink {
 public:
  using DatagramSink::DatagramSink;

 private:
  void frame(const spdlog::details::log_msg& message, std::string& out) override {
    const std::time_t seconds = spdlog::log_clock::to_time_t(message.time);
    std::tm local{};
    localtime_r(&seconds, &local);
    constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 64> head{};
    const int size =
        std::snprintf(head.data(), head.size(),
                      "<%d>%s %2d %02d:%02d:%02d nearmiss[%d]: ", priority(kind_of(message)),
                      months[local.tm_mon], local.tm_mday, local.tm_hour, local.tm_min,
                      local.tm_sec, int{getpid()});
    out.append(head.data(), static_cast<std::size_t>(size));
    out.append(message.payload.data(), message.payload.size());
  }
};

// RFC 5424 over TCP, each message with its length in front (RFC 6587 section 3.4.1). There are no
// structured data: all is in the JSON, which stands without a byte order mark (RFC 8259
// section 8.1).
//
// Syslog has no acknowledgements, TCP has: an event is done with when the server's machine has
// acknowledged its last octet, and one that has not been is sent again on the next connection, so
// it may arrive twice (under one event.id). What a server's machine took and its syslog daemon
// never read is lost without a word.
class TcpSyslogSink : public EventSink {
 public:
  TcpSyslogSink(const ClientAddress& host, std::uint16_t port, std::string hostname,
                Complain complain)
      : EventSink("syslog " + host.to_text() + " port " + std::to_string(port),
                  std::move(complain)),
        hostname_(syslog_host(std::move(hostname))) {
    // A v6 socket reaches IPv4 by mapped addresses, but not where IPv6 is switched off.
    if (host.is_v4()) {
      auto* const in = reinterpret_cast<sockaddr_in*>(&address_);
      in->sin_family = AF_INET;
      in->sin_port = htons(port);
      std::memcpy(&in->sin_addr, host.octets().data() + 12, 4);
      address_size_ = sizeof(*in);
    } else {
      auto* const in6 = reinterpret_cast<sockaddr_in6*>(&address_);
      in6->sin6_family = AF_INET6;
      in6->sin6_port = htons(port);
      std::memcpy(&in6->sin6_addr, host.octets().data(), 16);
      address_size_ = sizeof(*in6);
    }
  }

 private:
  static constexpr std::chrono::seconds connect_limit{10};
  static constexpr unsigned dead_after = 30'000; // milliseconds without an acknowledgement

  void frame(const spdlog::details::log_msg& message, std::string& out) override {
    const SyslogKind kind = kind_of(message);
    line_ = '<' + std::to_string(priority(kind)) + ">1 ";
    line_ += timestamp_.text(message.time);
    line_ += ' ' + hostname_ + " nearmiss " + std::to_string(getpid()) + ' ' + kind.msgid + " - ";
    line_.append(message.payload.data(), message.payload.size());
    out += std::to_string(line_.size());
    out += ' ';
    out += line_;
  }

  std::size_t pass_on() override {
    if (!is_connected()) {
      return 0;
    }
    const std::string_view text = waiting_text();
    std::array<char, 256> ignored; // NOLINT(*-member-init): what a server says is not looked at
    ssize_t got = 0;
    while ((got = recv(socket_.fd(), ignored.data(), ignored.size(), MSG_DONTWAIT)) > 0) {
    }
    if (got == 0) {
      return disconnect("the server closed the connection");
    }
    while (sent_ < text.size()) {
      const ssize_t wrote =
          send(socket_.fd(), text.data() + sent_, text.size() - sent_, MSG_NOSIGNAL);
      if (wrote < 0) {
        if (is_busy(errno)) {
          break;
        }
        return disconnect(std::strerror(errno));
      }
      sent_ += static_cast<std::size_t>(wrote);
    }
    return acknowledged();
  }

  // How many events the server's machine has as a whole; they no longer count as sent.
  std::size_t acknowledged() {
    int outstanding = 0;
    if (sent_ == 0 || ioctl(socket_.fd(), SIOCOUTQ, &outstanding) != 0) {
      return 0;
    }
    const std::size_t arrived = sent_ - std::min(static_cast<std::size_t>(outstanding), sent_);
    std::size_t events = 0;
    std::size_t whole = 0;
    for (const std::uint32_t size : waiting_sizes()) {
      if (whole + size > arrived) {
        break;
      }
      whole += size;
      ++events;
    }
    sent_ -= whole;
    return events;
  }

  std::size_t disconnect(const char* why) {
    const std::size_t events = acknowledged();
    sent_ = 0; // the rest is sent again on the next connection
    connecting_ = false;
    socket_.close();
    fail(why);
    return events;
  }

  // Never waits: a connection may come about over several calls.
  bool is_connected() {
    if (!socket_.open()) {
      socket_.reset(::socket(address_.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      if (!socket_.open()) {
        disconnect(std::strerror(errno));
        return false;
      }
      setsockopt(socket_.fd(), IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_after, sizeof(dead_after));
      const int on = 1;
      setsockopt(socket_.fd(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
      connecting_ = true;
      give_up_at_ = Clock::now() + connect_limit;
      if (connect(socket_.fd(), reinterpret_cast<const sockaddr*>(&address_), address_size_) != 0 &&
          errno != EINPROGRESS) {
        disconnect(std::strerror(errno));
        return false;
      }
    }
    if (connecting_) {
      pollfd ready{socket_.fd(), POLLOUT, 0};
      if (poll(&ready, 1, 0) <= 0) {
        if (Clock::now() > give_up_at_) {
          disconnect("no connection");
        }
        return false;
      }
      int error = 0;
      socklen_t size = sizeof(error);
      if (getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
        disconnect(std::strerror(error));
        return false;
      }
      connecting_ = false;
    }
    return true;
  }

  const std::string hostname_;
  sockaddr_storage address_{};
  socklen_t address_size_ = 0;
  Timestamp timestamp_;
  std::string line_;
  Socket socket_;
  bool connecting_ = false;
  Clock::time_point give_up_at_{};
  std::size_t sent_ = 0; // octets of waiting_text() that this connection took
};

} // namespace

std::shared_ptr<EventSink> make_local_syslog_sink(const std::filesystem::path& socket,
                                                  Complain complain) {
  return std::make_shared<LocalSyslogSink>("syslog", socket, std::move(complain));
}

std::shared_ptr<EventSink> make_tcp_syslog_sink(const ClientAddress& host, std::uint16_t port,
                                                std::string hostname, Complain complain) {
  return std::make_shared<TcpSyslogSink>(host, port, std::move(hostname), std::move(complain));
}

std::shared_ptr<EventSink> make_journal_sink(const std::filesystem::path& socket,
                                             Complain complain) {
  return std::make_shared<JournalSink>("journald", socket, std::move(complain));
}

} // namespace nearmiss
