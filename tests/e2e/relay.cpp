#include "tests/e2e/relay.hpp"

#include "tests/e2e/address.hpp"

#include <cctype>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace e2e {

namespace {

using Bytes = std::vector<std::uint8_t>;
using Clock = std::chrono::steady_clock;

// The question of a query, read naively: these queries come from Unbound and do not compress it.
std::optional<Relay::Asked> question_of(std::span<const std::uint8_t> query) {
  std::string name;
  std::size_t at = 12;
  while (at < query.size() && query[at] != 0) {
    const std::size_t end = at + 1 + query[at];
    if (end >= query.size()) {
      return std::nullopt;
    }
    for (++at; at < end; ++at) {
      name += static_cast<char>(std::tolower(query[at]));
    }
    name += '.';
  }
  if (at + 3 > query.size()) {
    return std::nullopt;
  }
  return Relay::Asked{name.empty() ? "." : name, query[at + 1] << 8 | query[at + 2]};
}

void send_framed(int socket, const Bytes& message) {
  const Bytes bytes = framed(message);
  send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

} // namespace

struct Relay::Loop {
  struct Pending {
    int socket; // the UDP socket, or a TCP connection
    std::optional<sockaddr_in> to;
    Bytes answer;
  };

  Loop(const std::string& address, std::uint16_t behind_port) : host(address), behind(behind_port) {
    udp = bound_socket(SOCK_DGRAM, host, 53);
    const int buffer = 4 << 20; // bursts wait here, they are not dropped
    setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    listener = bound_socket(SOCK_STREAM, host, 53);
    listen(listener, 64);
    // Each exchange with the real server takes microseconds, so one at a time will do.
    server = bound_socket(SOCK_DGRAM, host, 0);
    connect_socket(server, host, behind);
    set_timeout(server, 2);
  }
  ~Loop() {
    for (const int socket : connections) {
      close(socket);
    }
    close(server);
    close(listener);
    close(udp);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Bytes ask_udp(const Bytes& query) const {
    send(server, query.data(), query.size(), MSG_NOSIGNAL);
    Bytes answer(65535);
    for (;;) {
      const ssize_t size = recv(server, answer.data(), answer.size(), 0);
      if (size < 2) {
        return {}; // no answer: Unbound will ask again
      }
      if (answer[0] == query[0] && answer[1] == query[1]) {
        answer.resize(static_cast<std::size_t>(size));
        return answer;
      }
    }
  }

  Bytes ask_tcp(const Bytes& query) const {
    const int socket = bound_socket(SOCK_STREAM, host, 0);
    set_timeout(socket, 2);
    connect_socket(socket, host, behind);
    send_framed(socket, query);
    Bytes answer = receive_framed(socket);
    close(socket);
    return answer;
  }

  Bytes answer(const Relay& relay, const Asked& asked, const Bytes& query, bool tcp) const {
    if (const Forger forger = relay.forger_of(asked.first)) {
      return forger(query, tcp);
    }
    return tcp ? ask_tcp(query) : ask_udp(query);
  }

  void drop(int connection) {
    std::erase_if(waiting, [&](const auto& entry) { return entry.second.socket == connection; });
    connections.erase(connection);
    close(connection);
  }

  void send_due() {
    while (!waiting.empty() && waiting.begin()->first <= Clock::now()) {
      const Pending& next = waiting.begin()->second;
      if (next.to) {
        sendto(next.socket, next.answer.data(), next.answer.size(), 0,
               reinterpret_cast<const sockaddr*>(&*next.to), sizeof *next.to);
      } else {
        send_framed(next.socket, next.answer);
      }
      waiting.erase(waiting.begin());
    }
  }

  void step(Relay& relay) {
    std::vector<pollfd> polled{{udp, POLLIN, 0}, {listener, POLLIN, 0}};
    for (const int connection : connections) {
      polled.push_back({connection, POLLIN, 0});
    }
    poll(polled.data(), polled.size(), waiting.empty() ? 20 : 2);
    send_due();
    if (polled[0].revents != 0) {
      Bytes query(65535);
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t size =
          recvfrom(udp, query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
      query.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
      if (const auto asked = question_of(query)) {
        relay.count(*asked);
        waiting.emplace(Clock::now() + relay.delay_of(asked->first),
                        Pending{udp, from, answer(relay, *asked, query, false)});
      }
    }
    if (polled[1].revents != 0) {
      const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection >= 0) {
        set_timeout(connection, 2);
        connections.insert(connection);
      }
    }
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) {
        continue;
      }
      const Bytes query = receive_framed(polled[i].fd);
      const auto asked = question_of(query);
      if (!asked) {
        drop(polled[i].fd);
        continue;
      }
      relay.count(*asked);
      waiting.emplace(Clock::now() + relay.delay_of(asked->first),
                      Pending{polled[i].fd, std::nullopt, answer(relay, *asked, query, true)});
    }
    send_due();
  }

  std::string host;
  std::uint16_t behind;
  int udp = -1, listener = -1, server = -1;
  std::set<int> connections;
  std::multimap<Clock::time_point, Pending> waiting;
};

Relay::Relay(std::string address, std::uint16_t behind)
    : address_(std::move(address)), behind_(behind),
      loop_(std::make_unique<Loop>(address_, behind_)) {
  thread_ = std::thread([this] {
    while (!stopping_) {
      loop_->step(*this);
    }
  });
}

Relay::~Relay() {
  stopping_ = true;
  thread_.join();
}

void Relay::count(const Asked& what) {
  const std::lock_guard lock(mutex_);
  ++counts_[what];
}

std::chrono::milliseconds Relay::delay_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = slowed_.find(name);
  return found == slowed_.end() ? std::chrono::milliseconds(0) : found->second;
}

std::size_t Relay::queries(const Asked& what) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(what);
  return found == counts_.end() ? 0 : found->second;
}

std::map<Relay::Asked, std::size_t> Relay::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void Relay::forget_counts() {
  const std::lock_guard lock(mutex_);
  counts_.clear();
}

void Relay::forge(const std::string& name, Forger forger) {
  const std::lock_guard lock(mutex_);
  forged_[name] = std::move(forger);
}

Relay::Forger Relay::forger_of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = forged_.find(name);
  return found == forged_.end() ? Forger() : found->second;
}

void Relay::slow(const std::string& name, std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  slowed_[name] = delay;
}

} // namespace e2e
