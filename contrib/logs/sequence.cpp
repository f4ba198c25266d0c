#include "contrib/logs/sequence.hpp"

#include <algorithm>

namespace nearmiss::logs {

std::uint64_t Sequence::Run::missing() const noexcept {
  std::uint64_t all = missing_beyond;
  for (const auto& [to, gap] : gaps) {
    all += gap.size();
  }
  return all;
}

Sequence::Run* Sequence::find(std::string_view run) {
  auto found = runs_.find(run);
  if (found == runs_.end()) {
    if (runs_.size() >= most_runs) {
      return nullptr;
    }
    found = runs_.emplace(std::string(run), Run()).first;
  }
  return &found->second;
}

Sequence::Place Sequence::add(std::string_view id, std::uint64_t sequence, Instant time,
                              std::uint64_t tag) {
  Run* run = sequence == 0 ? nullptr : find(id);
  if (run == nullptr) {
    ++not_checked_;
    return Place::not_checked;
  }
  if (run->events++ == 0) {
    run->first = run->last = sequence;
    return Place::first;
  }
  if (sequence > run->last) {
    const bool next = sequence == run->last + 1;
    if (!next) {
      const Gap gap{run->last + 1, sequence - 1, time, tag};
      if (run->gaps.size() < most_gaps) {
        run->gaps.emplace(gap.to, gap);
      } else {
        run->missing_beyond += gap.size();
      }
    }
    run->last = sequence;
    return next ? Place::next : Place::ahead;
  }
  if (sequence < run->first) { // before the first one seen: what lies between has not come either
    if (sequence + 1 < run->first) {
      const Gap gap{sequence + 1, run->first - 1, time, tag};
      run->gaps.emplace(gap.to, gap);
    }
    run->farthest_late = std::max(run->farthest_late, run->last - sequence);
    run->first = sequence;
    return Place::late;
  }
  const auto found = run->gaps.lower_bound(sequence);
  if (found == run->gaps.end() || sequence < found->second.from) {
    if (run->missing_beyond > 0) { // it may be of a gap that was not kept
      return Place::not_checked;
    }
    ++run->duplicates;
    return Place::duplicate;
  }
  run->farthest_late = std::max(run->farthest_late, run->last - sequence);
  const Gap gap = found->second;
  run->gaps.erase(found);
  if (gap.from < sequence) {
    run->gaps.emplace(sequence - 1, Gap{gap.from, sequence - 1, gap.time, gap.tag});
  }
  if (sequence < gap.to) {
    run->gaps.emplace(gap.to, Gap{sequence + 1, gap.to, gap.time, gap.tag});
  }
  return Place::late;
}

void Sequence::add_told_lost(std::string_view id, std::uint64_t count) {
  if (Run* run = find(id)) {
    run->told_lost += count;
  }
}

} // namespace nearmiss::logs
