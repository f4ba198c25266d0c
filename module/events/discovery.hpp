// Mail servers that somebody forgot: clients that ask for MX records and are in no group of
// clients.
//
// Each is told of once an hour at most, and of no more than `max_clients` in that time. Bounded in
// memory and work, whoever asks.
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

  // True if the client is to be told of now. Safe from any thread; never waits: while another
  // thread is at it, the answer is no, and the client's next question will do.
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
