#include "rules/lookalikes/keys.hpp"

#include <algorithm>
#include <bit>
#include <random>

namespace nearmiss::lookalike {

namespace {

std::uint64_t random_secret() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

} // namespace

Hasher::Hasher() : Hasher(random_secret()) {}

Hasher::Hasher(std::uint64_t secret) noexcept {
  powers_[0] = 1;
  // Never 0 or 1, with which the order of the characters would not count.
  const std::uint64_t base = secret % (prime - 1024) + 1024;
  for (std::size_t index = 1; index < max_length; ++index) {
    powers_[index] = multiply(powers_[index - 1], base);
  }
}

KeyTable::KeyTable(std::vector<KeyEntry> entries) {
  if (entries.empty()) {
    return;
  }
  const auto order = [](const KeyEntry& a, const KeyEntry& b) {
    return a.key != b.key ? a.key < b.key : a.value < b.value;
  };
  const auto same = [](const KeyEntry& a, const KeyEntry& b) {
    return a.key == b.key && a.value == b.value;
  };
  std::sort(entries.begin(), entries.end(), order);
  entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());

  // One to two homes for each key, and 16 to 32 filter bits.
  const std::size_t homes = std::bit_ceil(entries.size() + 1);
  shift_ = 64U - static_cast<unsigned>(std::countr_zero(homes));
  constexpr KeyEntry free_place{0, 0, false};
  places_.reserve(homes + 64);
  for (const KeyEntry& entry : entries) {
    places_.resize(std::max(places_.size(), home(entry.key)), free_place);
    places_.push_back(entry);
  }
  // The last is always free, so that a search ends there.
  places_.resize(std::max(places_.size(), homes) + 1, free_place);

  filter_.assign(std::max<std::size_t>(1, homes / 4), 0);
  for (const auto& entry : entries) {
    filter_[filter_word(entry.key)] |= filter_pattern(entry.key);
  }
}

std::span<const KeyEntry> KeyTable::look_up(std::uint64_t key) const noexcept {
  // A key stands at its home or behind it, with no free place between.
  std::size_t begin = home(key);
  while (places_[begin].taken && places_[begin].key < key) {
    ++begin;
  }
  std::size_t end = begin;
  while (places_[end].taken && places_[end].key == key) {
    ++end;
  }
  return {places_.data() + begin, end - begin};
}

std::size_t KeyTable::octets() const noexcept {
  return places_.size() * sizeof(KeyEntry) + filter_.size() * sizeof(std::uint64_t);
}

} // namespace nearmiss::lookalike
