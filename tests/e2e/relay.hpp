// A relay in front of an authoritative server: it counts the queries, and on request delays answers
// or gives false ones.
//
// But for those the data comes from the real server behind it (NSD). One thread serves UDP and TCP;
// delayed answers wait in a queue, so a slow name does not slow another one. Every member may be
// called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace e2e {

class Relay {
 public:
  // Listens on `address`, port 53; the real server listens on the same address, port `behind`.
  Relay(std::string address, std::uint16_t behind);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // Names are in lower case with a final dot, whatever case was asked; types are RR type numbers.
  using Asked = std::pair<std::string, int>;
  std::size_t queries(const Asked& what) const;
  std::map<Asked, std::size_t> counts() const;
  void forget_counts();

  // Answers to questions for `name`, of any type, wait for `delay` from now on; 0 ends that.
  void slow(const std::string& name, std::chrono::milliseconds delay);

  // Makes the answer to a query, both as whole DNS messages; runs on the relay's thread.
  using Forger =
      std::function<std::vector<std::uint8_t>(const std::vector<std::uint8_t>& query, bool tcp)>;
  // Questions for `name`, of any type, get their answers from `forger` from now on.
  void forge(const std::string& name, Forger forger);

 private:
  struct Loop;
  void count(const Asked& what);
  std::chrono::milliseconds delay_of(const std::string& name) const;
  Forger forger_of(const std::string& name) const; // empty: none

  const std::string address_;
  const std::uint16_t behind_;
  mutable std::mutex mutex_;
  std::map<Asked, std::size_t> counts_;
  std::map<std::string, std::chrono::milliseconds> slowed_;
  std::map<std::string, Forger> forged_;
  std::atomic<bool> stopping_ = false;
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

} // namespace e2e
