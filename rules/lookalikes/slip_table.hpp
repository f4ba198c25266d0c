// The keys of the slips: for each protected name its letters without the dots, and with one and two
// of them left out. Two texts that are an edit or two apart share such a key (the deletion
// neighbourhood of SymSpell), wherever the edit is: in the label, in the ending, or at a dot.
//
// Some 90 keys a name, 12 octets each and 2 to 4 of a filter: about 1 KiB a protected domain.
#pragma once

#include "rules/huge_pages.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace nearmiss::lookalike {

// Immutable once built. A key may be found that was never put in, with a chance of one in 2^32 and
// more: what it leads to is a candidate, and compared.
class SlipTable {
 public:
  struct Entry {
    std::uint64_t key;
    std::uint32_t value;
  };
  SlipTable() = default;
  explicit SlipTable(std::vector<Entry> entries);

  bool empty() const noexcept { return filter_.empty(); }
  void prefetch(std::uint64_t key) const noexcept {
    __builtin_prefetch(&filter_[filter_word(key)]);
  }
  bool may_hold(std::uint64_t key) const noexcept {
    const std::uint64_t pattern = filter_pattern(key);
    return (filter_[filter_word(key)] & pattern) == pattern;
  }
  // Calls `visit(value)` for the values of this key until it returns false.
  template<typename Visit> void each(std::uint64_t key, Visit visit) const noexcept {
    const std::size_t bucket = key >> shift_;
    const auto print = static_cast<std::uint32_t>(key);
    for (std::uint32_t at = starts_[bucket]; at < starts_[bucket + 1]; ++at) {
      if (cells_[at].print == print && !visit(cells_[at].value)) {
        return;
      }
    }
  }
  std::size_t octets() const noexcept;

 private:
  struct Cell {
    std::uint32_t print; // the key's low bits
    std::uint32_t value;
  };
  static std::uint64_t filter_pattern(std::uint64_t key) noexcept {
    return (std::uint64_t{1} << (key & 63)) | (std::uint64_t{1} << ((key >> 6) & 63)) |
           (std::uint64_t{1} << ((key >> 12) & 63)) | (std::uint64_t{1} << ((key >> 18) & 63));
  }
  std::size_t filter_word(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(key >> 24) & (filter_.size() - 1);
  }

  template<typename T> using Table = std::vector<T, HugePageAllocator<T>>;
  Table<std::uint32_t> starts_; // of each bucket's cells, and the end
  Table<Cell> cells_;
  Table<std::uint64_t> filter_; // a Bloom filter, one word a key
  unsigned shift_ = 0;
};

} // namespace nearmiss::lookalike
