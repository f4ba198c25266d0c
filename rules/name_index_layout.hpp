// How name_index.hpp's index lies in memory: what its search and its builder share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace nearmiss {

constexpr std::size_t mark_octets = 1; // the octet before each name in the blob
constexpr std::uint8_t in_overflow = 255;

constexpr std::uint8_t mark_octet(std::uint32_t id) noexcept {
  return id < in_overflow ? static_cast<std::uint8_t>(id) : in_overflow;
}

// A place for a hash among `count`, by its upper half: the group of a name (SuffixHash), the word
// of the filter (QuickSuffixHash).
constexpr std::size_t place_of(std::uint64_t hash, std::size_t count) noexcept {
  return static_cast<std::size_t>(((hash >> 32) * count) >> 32);
}

// By the lower half of a SuffixHash, a name's tag, and the bit it leaves in groups that pass it on.
// Never 0, which is a free slot, and never 1, for which found_tags() may take one.
constexpr std::uint16_t tag_of(std::uint64_t hash) noexcept {
  const auto low = static_cast<std::uint16_t>(hash);
  return low < 2 ? static_cast<std::uint16_t>(low + 2) : low;
}
constexpr std::uint32_t passed_on_bit(std::uint64_t hash) noexcept {
  return std::uint32_t{1} << (hash >> 16 & 31);
}

// Where a word of four tags may hold this one: the top bit of each 16. The lowest bit is right. One
// above it may be wrong, but only at a tag that differs from the wanted one by 1.
constexpr std::uint64_t found_tags(std::uint64_t tags, std::uint16_t wanted) noexcept {
  constexpr std::uint64_t each_tag = 0x0001000100010001;
  constexpr std::uint64_t top_bits = 0x8000800080008000;
  const std::uint64_t difference = tags ^ wanted * each_tag;
  return (difference - each_tag) & ~difference & top_bits;
}

// By the lower half of a QuickSuffixHash, a name's bits in its word of the filter, and among those
// of its depth.
constexpr std::uint64_t filter_bits(std::uint64_t hash) noexcept {
  const auto bit = [hash](unsigned from) { return std::uint64_t{1} << (hash >> from & 63); };
  return bit(0) | bit(6) | bit(12) | bit(18);
}
constexpr std::uint64_t depth_bit(std::uint64_t hash) noexcept {
  return std::uint64_t{1} << (hash >> 24 & 63);
}

// By the upper half, its bit in a sieve of so many words, and the word that has it.
constexpr std::pair<std::size_t, std::uint64_t> sieve_bit(std::uint64_t hash,
                                                          std::size_t words) noexcept {
  const std::size_t place = place_of(hash, words * 64);
  return {place / 64, std::uint64_t{1} << (place % 64)};
}

// What a name takes in the blob.
inline std::size_t stored_octets(const std::uint8_t* stored) noexcept {
  const std::uint8_t* at = stored + mark_octets;
  while (*at != 0) {
    at += *at + 1;
  }
  return static_cast<std::size_t>(at + 1 - stored);
}

} // namespace nearmiss
