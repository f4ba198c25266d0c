// Mail servers that an admin forgot: clients that ask for MX records and are in no group of
// clients.
//
// Each is reported once an hour at most, and no more than `max_clients` in that time. Bounded in
// memory and work for any clients.
#pragma once

#include "rules/client.hpp"

#include <array>
#include <chrono>
#include <mutex>

namespace nearmiss {

class Discovery {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t max_clients = 256;
  static constexpr std::chrono::hours quiet{1};

  // True if the client is to be reported now. Safe from any thread; never waits: while another
  // thread is at it, the result is false, and the client's next question will do.
  bool is_news(const ClientAddress& client, Clock::time_point now) noexcept;

 private:
  struct Told {
    ClientAddress client;
    Clock::time_point until; // it is known; past: the place is free
  };
  std::mutex mutex_;
  std::array<Told, max_clients> told_{};
};

} // namespace nearmiss
