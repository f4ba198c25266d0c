// Which of the resolver's threads use a policy snapshot, so that a publisher knows when no thread
// uses an older one.
//
// Each thread has a slot of its own with one word: the epoch in which it entered, and whether it
// lingers. Epochs only rise, so the publisher waits for words below its own; no pointer is compared
// that could be reused.
//
//   a reader:     enter(), then load the pointer, read, then leave() or linger()
//   a publisher:  store the new pointer, then advance(), then wait_until_left(), and the older
//                 snapshot may go
//
// A thread that lingers reads no more, but may still store in a cache what it has judged. A thread
// that ends has left. Slots are the process's, as threads are: they are shared by all publishers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace nearmiss {

class SnapshotReaders {
 public:
  // Threads that may have a slot at the same time. A thread keeps its slot until it ends.
  static constexpr std::size_t max_threads = 1024;

  using Epoch = std::uint64_t;
  using Word = std::uint64_t; // 0: neither inside nor lingering; else the epoch, and one bit
  // On a cache line of its own, as each is written by another thread.
  struct alignas(64) Slot {
    std::atomic<Word> word{0};
    std::atomic<bool> taken{false};
  };

  // For readers; calls do not nest. No lock, no allocation. False: max_threads others have a slot.
  static bool enter() noexcept {
    Slot* const slot = own_slot_ != nullptr ? own_slot_ : take_slot();
    if (slot == nullptr) {
      return false;
    }
    // The store comes before the caller's load of the pointer in the one order that the publisher
    // sees too: either it finds the word, or the load finds its pointer. The word may be older than
    // the pointer that is found, never newer.
    const Epoch epoch = current_epoch_.load(std::memory_order_seq_cst);
    slot->word.store(epoch << 1U, std::memory_order_seq_cst);
    return true;
  }
  static void leave() noexcept {
    if (own_slot_ != nullptr) {
      own_slot_->word.store(0, std::memory_order_release);
    }
  }
  // Until the thread's next enter() or leave(). Without enter() before, does nothing.
  static void linger() noexcept {
    if (own_slot_ != nullptr) {
      const Word word = own_slot_->word.load(std::memory_order_relaxed);
      own_slot_->word.store(word == 0 ? 0 : word | lingers_bit, std::memory_order_release);
    }
  }

  // For publishers.
  static Epoch advance() noexcept;
  // Waits for every thread that entered before that epoch and neither left nor lingers. A reader is
  // inside for microseconds.
  static void wait_until_left(Epoch epoch) noexcept;
  // Waits for every thread that entered before that epoch and lingers, which may have nothing to do
  // and so not say that it is done: no longer than `patience`, and false if one lingers still.
  static bool wait_until_stored(Epoch epoch, std::chrono::milliseconds patience) noexcept;

 private:
  static constexpr Word lingers_bit = 1;

  static Slot* take_slot() noexcept; // nullptr: there is none, or the thread ends

  static std::atomic<Epoch> current_epoch_;
  // In the room that the C library keeps for thread-local variables of modules that are loaded:
  // elsewhere each use would be a call to look it up.
  [[gnu::tls_model("initial-exec")]] static constinit thread_local Slot* own_slot_;
};

} // namespace nearmiss
