#include "module/reload/current_snapshot.hpp"

#include <array>
#include <chrono>
#include <thread>
#include <utility>

namespace nearmiss {

namespace {

// A thread's announcement, on a cache line of its own.
struct alignas(64) Reader {
  std::atomic<const PolicySnapshot*> reads{nullptr};
  std::atomic<const PolicySnapshot*> lingers{nullptr}; // never followed
  std::atomic<bool> taken{false};
};

// Of the process, as threads are: a thread keeps its place until it ends.
std::array<Reader, CurrentSnapshot::max_readers> readers; // NOLINT: shared by design

class Place {
 public:
  Place() noexcept {
    for (Reader& reader : readers) {
      if (!reader.taken.load(std::memory_order_relaxed) &&
          !reader.taken.exchange(true, std::memory_order_acquire)) {
        reader_ = &reader;
        return;
      }
    }
  }
  ~Place() {
    if (reader_ != nullptr) {
      reader_->taken.store(false, std::memory_order_release);
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  Reader* reader() const noexcept { return reader_; }

 private:
  Reader* reader_ = nullptr;
};

Reader* this_reader() noexcept {
  static thread_local const Place place;
  return place.reader();
}

} // namespace

CurrentSnapshot::CurrentSnapshot(std::shared_ptr<const PolicySnapshot> first)
    : current_(first.get()), newest_(std::move(first)) {}

const PolicySnapshot* CurrentSnapshot::enter() const noexcept {
  Reader* const reader = this_reader();
  if (reader == nullptr) {
    return nullptr;
  }
  const PolicySnapshot* policy = current_.load(std::memory_order_relaxed);
  for (;;) {
    // Both in the one order that publish() sees too: either it finds the announcement, or the load
    // finds the new policy.
    reader->reads.store(policy, std::memory_order_seq_cst);
    const PolicySnapshot* const now = current_.load(std::memory_order_seq_cst);
    if (now == policy) {
      reader->lingers.store(nullptr, std::memory_order_release);
      return policy;
    }
    policy = now;
  }
}

void CurrentSnapshot::leave() noexcept {
  if (Reader* const reader = this_reader()) {
    reader->lingers.store(nullptr, std::memory_order_release);
    reader->reads.store(nullptr, std::memory_order_release);
  }
}

void CurrentSnapshot::linger() noexcept {
  Reader* const reader = this_reader();
  if (reader == nullptr) {
    return;
  }
  if (const PolicySnapshot* const policy = reader->reads.load(std::memory_order_relaxed)) {
    // At every moment one of the two says it.
    reader->lingers.store(policy, std::memory_order_release);
    reader->reads.store(nullptr, std::memory_order_release);
  }
}

std::shared_ptr<const PolicySnapshot>
CurrentSnapshot::publish(std::shared_ptr<const PolicySnapshot> next) {
  current_.store(next.get(), std::memory_order_seq_cst);
  auto old = std::exchange(newest_, std::move(next));
  for (const Reader& reader : readers) {
    // A call lasts microseconds; this thread has time.
    while (reader.reads.load(std::memory_order_seq_cst) == old.get()) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  const auto limit = std::chrono::steady_clock::now() + patience;
  for (const Reader& reader : readers) {
    while (reader.lingers.load(std::memory_order_acquire) == old.get() &&
           std::chrono::steady_clock::now() < limit) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  return old;
}

} // namespace nearmiss
