#include "module/reload/snapshot_readers.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <utility>

namespace nearmiss {

namespace {

using Word = SnapshotReaders::Word;

// Has no destructor, so that threads may use it while the process ends.
std::array<SnapshotReaders::Slot, SnapshotReaders::max_threads> slots; // NOLINT: shared by design

void pause() noexcept {
  std::this_thread::sleep_for(std::chrono::microseconds(100));
}

} // namespace

constinit std::atomic<SnapshotReaders::Epoch> SnapshotReaders::current_epoch_{1};
constinit thread_local SnapshotReaders::Slot* SnapshotReaders::own_slot_ = nullptr;

SnapshotReaders::Slot* SnapshotReaders::take_slot() noexcept {
  // Gives the slot back when the thread ends, after which the thread gets no other one.
  static thread_local bool is_over = false;
  struct Lease {
    Lease() = default;
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      is_over = true;
      if (Slot* const slot = std::exchange(own_slot_, nullptr)) {
        slot->word.store(0, std::memory_order_release);
        slot->taken.store(false, std::memory_order_release);
      }
    }
  };
  if (is_over) {
    return nullptr;
  }
  static thread_local const Lease lease;
  for (Slot& slot : slots) {
    if (!slot.taken.load(std::memory_order_relaxed) &&
        !slot.taken.exchange(true, std::memory_order_acquire)) {
      own_slot_ = &slot;
      break;
    }
  }
  return own_slot_;
}

SnapshotReaders::Epoch SnapshotReaders::advance() noexcept {
  return current_epoch_.fetch_add(1, std::memory_order_seq_cst) + 1;
}

void SnapshotReaders::wait_until_left(Epoch epoch) noexcept {
  for (const Slot& slot : slots) {
    for (;;) {
      const Word word = slot.word.load(std::memory_order_seq_cst);
      if (word == 0 || (word & lingers_bit) != 0 || word >> 1 >= epoch) {
        break;
      }
      pause();
    }
  }
}

bool SnapshotReaders::wait_until_stored(Epoch epoch, std::chrono::milliseconds patience) noexcept {
  const auto limit = std::chrono::steady_clock::now() + patience;
  for (const Slot& slot : slots) {
    for (;;) {
      const Word word = slot.word.load(std::memory_order_acquire);
      if (word == 0 || word >> 1 >= epoch) {
        break;
      }
      if (std::chrono::steady_clock::now() >= limit) {
        return false;
      }
      pause();
    }
  }
  return true;
}

} // namespace nearmiss
