// The policy snapshot in force, read by the resolver's threads without a lock while another thread
// replaces it. Who reads which is in snapshot_readers.hpp.
//
// A thread that has judged by a snapshot may go on to store what it has judged in a cache. It
// lingers then, with no pointer to the snapshot any more, and publish() waits for that as well, so
// that whatever goes through the cache afterwards finds all that was judged by the older policy.
#pragma once

#include "module/reload/policy_snapshot.hpp"
#include "module/reload/snapshot_readers.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>

namespace nearmiss {

class CurrentSnapshot {
 public:
  // Threads that may read at the same time, in the process.
  static constexpr std::size_t max_readers = SnapshotReaders::max_threads;

  explicit CurrentSnapshot(std::shared_ptr<const PolicySnapshot> first);
  // No thread may be inside.
  ~CurrentSnapshot() = default;
  CurrentSnapshot(const CurrentSnapshot&) = delete;
  CurrentSnapshot& operator=(const CurrentSnapshot&) = delete;

  // The current snapshot, valid until the thread's leave() or linger(); calls do not nest. nullptr
  // if more than max_readers threads came. No lock, no allocation.
  const PolicySnapshot* enter() const noexcept {
    return SnapshotReaders::enter() ? current_.load(std::memory_order_seq_cst) : nullptr;
  }
  static void leave() noexcept { SnapshotReaders::leave(); }
  // Until the thread's next enter() or leave().
  static void linger() noexcept { SnapshotReaders::linger(); }

  // The rest is for one thread.

  // How long publish() waits for a thread that lingers: it may have nothing to do, and so not say
  // that it has stored what it had.
  static constexpr std::chrono::seconds patience{2};

  // Returns the snapshot before, which no thread reads any more.
  std::shared_ptr<const PolicySnapshot> publish(std::shared_ptr<const PolicySnapshot> next);
  const std::shared_ptr<const PolicySnapshot>& newest() const noexcept { return newest_; }

 private:
  std::atomic<const PolicySnapshot*> current_;
  std::shared_ptr<const PolicySnapshot> newest_;
};

} // namespace nearmiss
