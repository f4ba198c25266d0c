// Events as ECS 8 JSON, one object a line.
//
// Every event has a number from one counter without gaps since the module's start, so a reader of
// the log sees whether one is missing. Text that comes from outside (names, the policy's texts) is
// escaped: no query can end a string, a field or a line.
#pragma once

#include "config/config.hpp"
#include "module/answer.hpp"

#include <libpsl.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace nearmiss {

// How the listed name was met.
enum class MatchedBy : std::uint8_t { qname, cname, mx_exchange, answer_ip };

// A lookup that drew a block or a note, and what became of it.
struct Attempt {
  const Verdict& verdict;
  MatchedBy matched_by;
  const ClientAddress* matched_address; // of answer_ip, else null
  const Name& qname;
  std::string_view intended; // the domain that was meant; empty if not known
  std::uint16_t qtype;
  std::uint16_t id;
  const ClientAddress& client;
  std::uint16_t client_port;
  bool tcp;
  int rcode; // as sent; -1: not known, the real answer went out, or no answer at all
  const ClientAddress* resolved_ip; // the sinkhole's or the local data's, or null
};

class EventWriter {
 public:
  using Clock = std::chrono::system_clock;

  // Throws std::bad_alloc.
  EventWriter();

  // Each returns one line without its newline, and takes the next number of the sequence. Safe from
  // any thread. Throw std::bad_alloc.
  std::string attempt(const Attempt& attempt, const Config& config, std::uint64_t generation,
                      Clock::time_point now);
  // About the module itself: action "policy-loaded", "policy-refused", "module-stopped" ...
  std::string lifecycle(std::string_view action, bool success, std::string_view message,
                        const Config* config, std::uint64_t generation, Clock::time_point now);
  // `count` events could not be written.
  std::string lost(std::uint64_t count, Clock::time_point now);

 private:
  std::uint64_t next() noexcept { return sequence_.fetch_add(1, std::memory_order_relaxed) + 1; }

  std::atomic<std::uint64_t> sequence_{0};
  std::string id_prefix_;     // unique to this start of the module
  std::string observer_;      // the fields that are the same in every event
  const psl_ctx_t* suffixes_; // libpsl's own, static
};

} // namespace nearmiss
