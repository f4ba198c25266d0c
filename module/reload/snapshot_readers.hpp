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

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace nearmiss {

class SnapshotReaders {
 public:
  // Threads that may have a slot at the same time. A thread keeps its slot until it ends.
  static constexpr std::size_t max_threads = 1024;

  // For readers; calls do not nest. No lock, no allocation. False: max_threads others have a slot.
  static bool enter() noexcept;
  static void leave() noexcept;
  // Until the thread's next enter() or leave(). Without enter() before, does nothing.
  static void linger() noexcept;

  // For publishers.
  using Epoch = std::uint64_t;
  static Epoch advance() noexcept;
  // Waits for every thread that entered before that epoch and neither left nor lingers. A reader is
  // inside for microseconds.
  static void wait_until_left(Epoch epoch) noexcept;
  // Waits for every thread that entered before that epoch and lingers, which may have nothing to do
  // and so not say that it is done: no longer than `patience`, and false if one lingers still.
  static bool wait_until_stored(Epoch epoch, std::chrono::milliseconds patience) noexcept;
};

} // namespace nearmiss
