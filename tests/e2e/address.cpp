#include "tests/e2e/address.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <netinet/in.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace e2e {

namespace {

std::pair<sockaddr_storage, socklen_t> to_sockaddr(const std::string& text, std::uint16_t port) {
  sockaddr_storage storage{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return {storage, static_cast<socklen_t>(sizeof *v4)};
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return {storage, static_cast<socklen_t>(sizeof *v6)};
  }
  throw std::invalid_argument("not an address: " + text);
}

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

int bound_socket(int type, const std::string& source, std::uint16_t port) {
  const auto [address, length] = to_sockaddr(source, port);
  const int handle = socket(address.ss_family, type | SOCK_CLOEXEC, 0);
  if (handle < 0) {
    fail("socket");
  }
  const int on = 1;
  if (type == SOCK_STREAM) {
    setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  if (port == 0) {
    // Ports are picked when the socket connects: many short connections then share them.
    setsockopt(handle, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  }
  if (bind(handle, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    const int reason = errno;
    close(handle);
    errno = reason;
    fail("bind " + source + " port " + std::to_string(port));
  }
  return handle;
}

void connect_socket(int socket, const std::string& address, std::uint16_t port) {
  const auto [target, length] = to_sockaddr(address, port);
  if (connect(socket, reinterpret_cast<const sockaddr*>(&target), length) != 0) {
    fail("connect " + address + " port " + std::to_string(port));
  }
}

void set_timeout(int socket, int seconds) {
  const timeval limit{seconds, 0};
  setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

std::vector<std::uint8_t> framed(const std::vector<std::uint8_t>& message) {
  std::vector<std::uint8_t> bytes(2 + message.size());
  bytes[0] = static_cast<std::uint8_t>(message.size() >> 8);
  bytes[1] = static_cast<std::uint8_t>(message.size());
  std::copy(message.begin(), message.end(), bytes.begin() + 2);
  return bytes;
}

std::vector<std::uint8_t> receive_framed(int socket) {
  const auto receive_all = [&](std::vector<std::uint8_t>& to) {
    return recv(socket, to.data(), to.size(), MSG_WAITALL) == static_cast<ssize_t>(to.size());
  };
  std::vector<std::uint8_t> length(2);
  if (!receive_all(length)) {
    return {};
  }
  std::vector<std::uint8_t> message(static_cast<std::size_t>(length[0] << 8 | length[1]));
  return receive_all(message) ? message : std::vector<std::uint8_t>{};
}

std::string claim_network(int second) {
  std::random_device random;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    std::string network =
        "127." + std::to_string(second) + "." + std::to_string(random() % 256) + ".";
    try {
      // A socket on a port nobody serves is the claim; it stays open until the process ends.
      bound_socket(SOCK_DGRAM, network + "254", 1);
      close(bound_socket(SOCK_DGRAM, network + "1", 53));
      return network;
    } catch (const std::system_error& error) {
      if (error.code().value() != EADDRINUSE) {
        throw;
      }
    }
  }
  throw std::runtime_error("no free loopback network: are other servers bound to 0.0.0.0:53?");
}

bool has_ip6_loopback() {
  try {
    close(bound_socket(SOCK_DGRAM, "::1", 0));
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

std::uint16_t free_port(const std::string& address) {
  std::random_device random;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const auto port = static_cast<std::uint16_t>(20000 + random() % 10000);
    try {
      close(bound_socket(SOCK_DGRAM, address, port));
      close(bound_socket(SOCK_STREAM, address, port));
      return port;
    } catch (const std::system_error& error) {
      if (error.code().value() != EADDRINUSE) {
        throw;
      }
    }
  }
  throw std::runtime_error("no free port on " + address);
}

} // namespace e2e
