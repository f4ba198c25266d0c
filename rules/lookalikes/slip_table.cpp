#include "rules/lookalikes/slip_table.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <stdexcept>

namespace nearmiss::lookalike {

SlipTable::SlipTable(std::vector<Entry> entries) {
  if (entries.empty()) {
    return;
  }
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return a.key != b.key ? a.key < b.key : a.value < b.value;
  });
  // Not std::ranges::unique(), whose subrange clang 14 cannot read in libstdc++ 12.
  entries.erase(std::unique(entries.begin(), entries.end(),
                            [](const Entry& a, const Entry& b) {
                              return a.key == b.key && a.value == b.value;
                            }),
                entries.end());
  if (entries.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw std::length_error("too many domains are protected: their slips make more than 2^32 keys");
  }
  const std::size_t buckets = std::bit_ceil(entries.size() / 2 + 2);
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(buckets));
  starts_.reserve(buckets + 1);
  cells_.reserve(entries.size());
  filter_.assign(std::max<std::size_t>(1, std::bit_ceil(entries.size()) / 4), 0);
  for (const Entry& entry : entries) {
    while (starts_.size() <= entry.key >> shift_) {
      starts_.push_back(static_cast<std::uint32_t>(cells_.size()));
    }
    cells_.push_back({static_cast<std::uint32_t>(entry.key), entry.value});
    filter_[filter_word(entry.key)] |= filter_pattern(entry.key);
  }
  starts_.resize(buckets + 1, static_cast<std::uint32_t>(cells_.size()));
}

std::size_t SlipTable::octets() const noexcept {
  return starts_.size() * sizeof(std::uint32_t) + cells_.size() * sizeof(Cell) +
         filter_.size() * sizeof(std::uint64_t);
}

} // namespace nearmiss::lookalike
