#include "rules/lookalike_keys.hpp"

#include <algorithm>
#include <bit>

namespace nearmiss::lookalike {

Hasher::Hasher(std::uint64_t secret) noexcept {
  powers_[0] = 1;
  // Never 0 or 1, with which the order of the characters would not count.
  const std::uint64_t base = secret % (prime - 1024) + 1024;
  for (std::size_t index = 1; index < max_length; ++index) {
    powers_[index] = multiply(powers_[index - 1], base);
  }
}

KeyTable::KeyTable(std::vector<KeyEntry> entries) : entries_(std::move(entries)) {
  if (entries_.empty()) {
    return;
  }
  const auto order = [](const KeyEntry& a, const KeyEntry& b) {
    return a.key != b.key ? a.key < b.key : a.value < b.value;
  };
  const auto same = [](const KeyEntry& a, const KeyEntry& b) {
    return a.key == b.key && a.value == b.value;
  };
  std::sort(entries_.begin(), entries_.end(), order);
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  entries_.shrink_to_fit();

  // About one key for each pair of leading bits, and 16 to 32 filter bits for each key.
  const std::size_t slots = std::bit_ceil(entries_.size() + 1);
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots));
  directory_.assign(slots + 1, 0);
  for (const auto& entry : entries_) {
    ++directory_[(entry.key >> shift_) + 1];
  }
  for (std::size_t slot = 1; slot <= slots; ++slot) {
    directory_[slot] += directory_[slot - 1];
  }
  filter_.assign(std::max<std::size_t>(1, slots / 4), 0);
  for (const auto& entry : entries_) {
    filter_[filter_word(entry.key)] |= filter_pattern(entry.key);
  }
}

std::span<const KeyEntry> KeyTable::look_up(std::uint64_t key) const noexcept {
  const auto slot = static_cast<std::size_t>(key >> shift_);
  std::size_t begin = directory_[slot];
  std::size_t end = directory_[slot + 1];
  while (begin < end && entries_[begin].key < key) {
    ++begin;
  }
  while (end > begin && entries_[end - 1].key > key) {
    --end;
  }
  return {entries_.data() + begin, end - begin};
}

std::size_t KeyTable::octets() const noexcept {
  return entries_.size() * sizeof(KeyEntry) + directory_.size() * sizeof(std::uint32_t) +
         filter_.size() * sizeof(std::uint64_t);
}

} // namespace nearmiss::lookalike
