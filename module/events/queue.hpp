// From the resolver's threads to the event log's one: a bounded queue of small records.
//
// Handing an attempt over costs a lock that is held for the copying of some hundred octets, and no
// allocation. When `max_attempts` wait, or their names fill `max_text`, further attempts are
// dropped and counted; their numbers are used up all the same, so the log shows the gap. Notices
// are never dropped.
//
// The waiting thread takes all that waits at once, by a swap. So there is room for two such
// batches; the memory is touched only as far as it was ever needed.
#pragma once

#include "module/events/event.hpp"

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace nearmiss {

struct EventRecord {
  std::chrono::system_clock::time_point time;
  std::uint64_t sequence = 0;
  std::shared_ptr<const EventPolicy> policy;
  std::shared_ptr<const Notice> notice; // null: an attempt, and what follows is set
  const Rule* rule = nullptr;
  const std::string* client_group = nullptr;
  std::string_view confusable_class;         // static, or in the policy
  ClientAddress client, server, resolved_ip; // the last two: if has_server, has_resolved_ip
  // qname in wire form, [matched in wire form, led_to in wire form,] intended as text
  std::uint32_t text_at = 0;
  std::uint16_t intended_size = 0;
  std::uint16_t qtype = 0, id = 0, client_port = 0, server_port = 0;
  std::int16_t rcode = -1;
  Action action = Action::observe;
  MatchedBy matched_by = MatchedBy::qname;
  std::uint8_t qname_size = 0;
  std::uint8_t matched_size = 0; // 0: the last `matched_labels` of the qname matched;
                                 // of MatchedBy::answer_ip the address
  std::uint8_t led_to_size = 0;
  std::uint8_t matched_labels = 0;
  bool wildcard = false;
  bool enforced = false, tcp = false, has_server = false, has_resolved_ip = false;
  HeaderFlags flags;
};

class EventQueue {
 public:
  static constexpr std::size_t max_attempts = 8192;
  static constexpr std::size_t max_text =
      std::size_t{512} * 1024; // octets: 64 an attempt, which is usual

  struct Batch {
    std::vector<EventRecord> records;
    std::vector<char> text;
    void clear() noexcept;
  };

  // Throws std::bad_alloc.
  EventQueue();

  // Safe from any thread. Does not block but for the lock, allocate or throw.
  void push(const Attempt& attempt, const std::shared_ptr<const EventPolicy>& policy,
            std::chrono::system_clock::time_point time) noexcept;
  // Safe from any thread. Throws std::bad_alloc.
  void push(std::shared_ptr<const Notice> notice, std::shared_ptr<const EventPolicy> policy,
            std::chrono::system_clock::time_point time);
  // Nothing more will be pushed.
  void close() noexcept;

  // For one thread. Waits until there is something, or `patience` has passed, or close(); then
  // swaps what waits with `batch`, which must be clear. False when closed and empty.
  bool take(Batch& batch, std::chrono::milliseconds patience);
  // Returns at the next take(), now or later, without waiting.
  void wake() noexcept;

  // Attempts dropped since the start.
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }
  // Numbers given out, those of dropped attempts as well.
  std::uint64_t numbered() const noexcept { return sequence_.load(std::memory_order_relaxed); }

 private:
  // Both with the lock held.
  std::uint64_t next() noexcept { return sequence_.fetch_add(1, std::memory_order_relaxed) + 1; }
  bool wants_wake() noexcept;

  std::mutex mutex_;
  std::condition_variable wake_;
  Batch filling_;
  std::size_t attempts_ = 0; // in filling_
  bool waiting_ = false;     // take() waits for a signal: a signal costs a system call
  bool awake_ = false;
  bool closed_ = false;
  std::atomic<std::uint64_t> sequence_{0}, dropped_{0};
};

} // namespace nearmiss
