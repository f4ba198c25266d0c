#include "module/reload/current_snapshot.hpp"

#include <utility>

namespace nearmiss {

CurrentSnapshot::CurrentSnapshot(std::shared_ptr<const PolicySnapshot> first)
    : current_(first.get()), newest_(std::move(first)) {}

std::shared_ptr<const PolicySnapshot>
CurrentSnapshot::publish(std::shared_ptr<const PolicySnapshot> next) {
  current_.store(next.get(), std::memory_order_seq_cst);
  auto old = std::exchange(newest_, std::move(next));
  const SnapshotReaders::Epoch epoch = SnapshotReaders::advance();
  SnapshotReaders::wait_until_left(epoch);
  (void)SnapshotReaders::wait_until_stored(epoch, patience); // the host evicts again later
  return old;
}

} // namespace nearmiss
