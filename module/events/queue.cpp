#include "module/events/queue.hpp"

#include <thread>
#include <utility>

namespace nearmiss {

void EventQueue::Batch::clear() noexcept {
  records.clear();
  text.clear();
}

EventQueue::EventQueue() {
  filling_.records.reserve(max_attempts);
  filling_.text.reserve(max_text);
}

bool EventQueue::wants_wake() noexcept {
  return std::exchange(waiting_, false);
}

void EventQueue::push(const Attempt& attempt, const std::shared_ptr<const EventPolicy>& policy,
                      std::chrono::system_clock::time_point time) noexcept {
  const Verdict& verdict = attempt.verdict;
  const auto qname = attempt.qname.wire();
  std::span<const std::uint8_t> matched;
  if (attempt.matched_address != nullptr) {
    matched = attempt.matched_address->octets();
  } else if (attempt.matched_by != MatchedBy::qname) {
    matched = verdict.matched.wire();
  }
  std::span<const std::uint8_t> led_to;
  if (attempt.led_to != nullptr) {
    led_to = attempt.led_to->wire();
  }
  const std::size_t needed =
      qname.size() + matched.size() + led_to.size() + attempt.intended.size();
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::uint64_t sequence = next();
    std::vector<char>& text = filling_.text;
    if (attempts_ == max_attempts || text.size() + needed > max_text) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    ++attempts_;
    EventRecord& record = filling_.records.emplace_back(); // reserved; notices make their own room
    record.time = time;
    record.sequence = sequence;
    record.policy = policy;
    record.rule = verdict.rule;
    record.client_group = verdict.client_group;
    record.confusable_class = verdict.confusable_class();
    record.client = attempt.client;
    if (attempt.resolved_ip != nullptr) {
      record.has_resolved_ip = true;
      record.resolved_ip = *attempt.resolved_ip;
    }
    record.text_at = static_cast<std::uint32_t>(text.size());
    record.intended_size = static_cast<std::uint16_t>(attempt.intended.size());
    record.qtype = attempt.qtype;
    record.id = attempt.id;
    record.client_port = attempt.client_port;
    if (attempt.server != nullptr) {
      record.has_server = true;
      record.server = *attempt.server;
    }
    record.server_port = attempt.server_port;
    record.rcode = static_cast<std::int16_t>(attempt.rcode);
    record.action = verdict.action;
    record.matched_by = attempt.matched_by;
    record.qname_size = static_cast<std::uint8_t>(qname.size());
    record.matched_size = static_cast<std::uint8_t>(matched.size());
    record.led_to_size = static_cast<std::uint8_t>(led_to.size());
    record.wildcard = verdict.wildcard;
    record.matched_labels = static_cast<std::uint8_t>(verdict.matched.label_count());
    record.enforced = verdict.enforced;
    record.tcp = attempt.tcp;
    record.flags = attempt.flags;
    text.insert(text.end(), qname.begin(), qname.end());
    text.insert(text.end(), matched.begin(), matched.end());
    text.insert(text.end(), led_to.begin(), led_to.end());
    text.insert(text.end(), attempt.intended.begin(), attempt.intended.end());
    wake = wants_wake();
  }
  if (wake) {
    wake_.notify_one();
  }
}

void EventQueue::push(std::shared_ptr<const Notice> notice,
                      std::shared_ptr<const EventPolicy> policy,
                      std::chrono::system_clock::time_point time) {
  EventRecord record;
  record.time = time;
  record.policy = std::move(policy);
  record.notice = std::move(notice);
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    std::vector<EventRecord>& records = filling_.records;
    records.reserve(records.size() - attempts_ + 1 + max_attempts);
    record.sequence = next();
    records.push_back(std::move(record));
    wake = wants_wake();
  }
  if (wake) {
    wake_.notify_one();
  }
}

void EventQueue::close() noexcept {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    waiting_ = false;
  }
  wake_.notify_one();
}

void EventQueue::wake() noexcept {
  {
    const std::lock_guard lock(mutex_);
    awake_ = true;
    waiting_ = false;
  }
  wake_.notify_one();
}

bool EventQueue::take(Batch& batch, std::chrono::milliseconds patience) {
  // A burst is taken a batch at a time: whoever pushes during the nap need not signal.
  constexpr std::chrono::milliseconds nap{5};
  std::unique_lock lock(mutex_);
  if (filling_.records.empty() && !closed_ && !awake_) {
    waiting_ = true;
    wake_.wait_for(lock, patience, [this] { return !waiting_; });
    waiting_ = false;
  }
  if (!filling_.records.empty() && !closed_ && attempts_ < max_attempts / 2) {
    lock.unlock();
    std::this_thread::sleep_for(nap);
    lock.lock();
  }
  awake_ = false;
  batch.records.reserve(max_attempts);
  batch.text.reserve(max_text);
  std::swap(batch, filling_);
  attempts_ = 0;
  return !(closed_ && batch.records.empty());
}

} // namespace nearmiss
