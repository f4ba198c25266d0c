#include "module/reload/snapshot_readers.hpp"

#include <array>
#include <atomic>
#include <thread>

namespace nearmiss {

namespace {

using Word = std::uint64_t; // 0: neither inside nor lingering; else the epoch, and one bit
constexpr Word lingers = 1;

// On a cache line of its own, as each is written by another thread.
struct alignas(64) Slot {
  std::atomic<Word> word{0};
  std::atomic<bool> taken{false};
};

// Neither has a destructor, so that threads may use them while the process ends.
std::array<Slot, SnapshotReaders::max_threads> slots; // NOLINT: shared by design
std::atomic<SnapshotReaders::Epoch> current_epoch{1}; // NOLINT: likewise

class Place {
 public:
  Place() noexcept {
    for (Slot& slot : slots) {
      if (!slot.taken.load(std::memory_order_relaxed) &&
          !slot.taken.exchange(true, std::memory_order_acquire)) {
        slot_ = &slot;
        return;
      }
    }
  }
  ~Place() {
    if (slot_ != nullptr) {
      slot_->word.store(0, std::memory_order_release);
      slot_->taken.store(false, std::memory_order_release);
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  Slot* slot() const noexcept { return slot_; }

 private:
  Slot* slot_ = nullptr;
};

Slot* own_slot() noexcept {
  static thread_local const Place place;
  return place.slot();
}

void pause() noexcept {
  std::this_thread::sleep_for(std::chrono::microseconds(100));
}

} // namespace

bool SnapshotReaders::enter() noexcept {
  Slot* const slot = own_slot();
  if (slot == nullptr) {
    return false;
  }
  // The store comes before the caller's load of the pointer in the one order that the publisher
  // sees too: either it finds the word, or the load finds its pointer. The word may be older than
  // the pointer that is found, never newer.
  const Epoch epoch = current_epoch.load(std::memory_order_seq_cst);
  slot->word.store(epoch << 1, std::memory_order_seq_cst);
  return true;
}

void SnapshotReaders::leave() noexcept {
  if (Slot* const slot = own_slot()) {
    slot->word.store(0, std::memory_order_release);
  }
}

void SnapshotReaders::linger() noexcept {
  if (Slot* const slot = own_slot()) {
    const Word word = slot->word.load(std::memory_order_relaxed);
    slot->word.store(word == 0 ? 0 : word | lingers, std::memory_order_release);
  }
}

SnapshotReaders::Epoch SnapshotReaders::advance() noexcept {
  return current_epoch.fetch_add(1, std::memory_order_seq_cst) + 1;
}

void SnapshotReaders::wait_until_left(Epoch epoch) noexcept {
  for (const Slot& slot : slots) {
    for (;;) {
      const Word word = slot.word.load(std::memory_order_seq_cst);
      if (word == 0 || (word & lingers) != 0 || word >> 1 >= epoch) {
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
