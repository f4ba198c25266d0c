// The keys of the look-alike test: a hash whose pieces can be joined, and the table they are kept
// in.
#pragma once

#include "rules/huge_pages.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace nearmiss::lookalike {

// A polynomial hash modulo the prime 2^61 - 1 with a secret base: two different texts of n
// characters share a hash with a chance of n / 2^61 (Carter and Wegman). The hash of a text that is
// joined from others, or has a character left out, follows from theirs without reading them again.
class Hasher {
 public:
  static constexpr std::size_t max_length = 512;

  Hasher(); // a new secret
  explicit Hasher(std::uint64_t secret) noexcept;

  std::uint64_t append(std::uint64_t hash, std::uint32_t character) const noexcept {
    return add(multiply(hash, powers_[1]), std::uint64_t{character} + 1);
  }
  // As append, for each of the octets in turn; four at a time, since each append waits for the one
  // before it.
  std::uint64_t append(std::uint64_t hash, std::string_view octets) const noexcept {
    const auto value = [&](std::size_t at) noexcept {
      return std::uint64_t{static_cast<unsigned char>(octets[at])} + 1;
    };
    std::size_t at = 0;
    for (; at + 4 <= octets.size(); at += 4) {
      const Wide four = Wide{value(at)} * powers_[3] + Wide{value(at + 1)} * powers_[2] +
                        Wide{value(at + 2)} * powers_[1] + value(at + 3);
      hash = add(multiply(hash, powers_[4]), reduce(four));
    }
    for (; at < octets.size(); ++at) {
      hash = append(hash, static_cast<unsigned char>(octets[at]));
    }
    return hash;
  }
  // The hash of two texts, the second `length` characters long, one after the other.
  std::uint64_t join(std::uint64_t first, std::uint64_t second, std::size_t length) const noexcept {
    return add(multiply(first, powers_[length]), second);
  }
  // The hash of what is behind the text `head` in the text `whole`; `length` characters.
  std::uint64_t tail(std::uint64_t whole, std::uint64_t head, std::size_t length) const noexcept {
    return add(whole, prime - multiply(head, powers_[length]));
  }

 private:
  __extension__ using Wide = unsigned __int128;
  static constexpr std::uint64_t prime = (std::uint64_t{1} << 61) - 1;
  static std::uint64_t add(std::uint64_t a, std::uint64_t b) noexcept {
    const std::uint64_t sum = a + b;
    return sum >= prime ? sum - prime : sum;
  }
  static std::uint64_t multiply(std::uint64_t a, std::uint64_t b) noexcept {
    return reduce(Wide{a} * b);
  }
  // Of a number below 2^122.
  static std::uint64_t reduce(Wide number) noexcept {
    return add(static_cast<std::uint64_t>(number) & prime,
               static_cast<std::uint64_t>(number >> 61));
  }
  std::array<std::uint64_t, max_length> powers_{};
};

// What was hashed into a key. Texts of different kinds never meet.
enum class KeyKind : std::uint8_t {
  trusted,   // a whole name nothing at or below which is a look-alike
  suffix,    // a public suffix that some protected domain stands under
  label,     // label and suffix
  alias,     // another spelling of the label, and the suffix
  deletion,  // the label less one character, and the suffix
  skeleton,  // the label's coarse skeleton, and the suffix
  any_label, // the label alone, whatever the suffix
  any_alias, // another spelling of the whole name as one label
  sequence,  // the labels of the whole name
  slip,      // the whole name without dots, less up to two characters
  // In tables of their own, that of the known names:
  known,
  // and that of the public suffix list:
  rule,           // the labels of a rule
  wildcard,       // the labels that a rule has behind its wildcard
  above_u_labels, // the labels behind the last one of a rule that is not ASCII
  top_level,      // the last label of any rule
};

// One 64-bit key of up to two hashes.
inline std::uint64_t make_key(KeyKind kind, std::uint64_t first,
                              std::uint64_t second = 0) noexcept {
  // The finaliser of splitmix64 (Steele, Lea and Flood 2014), which spreads all bits.
  std::uint64_t key = first + second * 0x9e3779b97f4a7c15U +
                      (std::uint64_t{1} + static_cast<unsigned>(kind)) * 0xd1342543de82ef95U;
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9U;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebU;
  return key ^ (key >> 31);
}

struct KeyEntry {
  std::uint64_t key = 0;
  std::uint32_t value = 0;
  bool taken = true; // false: no entry, a place left free
};

// Keys with their values, many to a key if need be: sorted, each as near as there is room to the
// place that its leading bits give, so that a key costs one cache line or two; and one filter bit
// pattern a key, so that most keys that are not there cost a line of a smaller table.
class KeyTable {
 public:
  KeyTable() = default;
  explicit KeyTable(std::vector<KeyEntry> entries);

  // The entries of this key.
  std::span<const KeyEntry> find(std::uint64_t key) const noexcept {
    if (!may_hold(key)) {
      return {};
    }
    return look_up(key);
  }
  // Has the filter's line for this key on its way from memory.
  void prefetch(std::uint64_t key) const noexcept {
    if (!filter_.empty()) {
      __builtin_prefetch(&filter_[filter_word(key)]);
    }
  }
  std::size_t octets() const noexcept;

 private:
  bool may_hold(std::uint64_t key) const noexcept {
    if (filter_.empty()) {
      return false;
    }
    const std::uint64_t pattern = filter_pattern(key);
    return (filter_[filter_word(key)] & pattern) == pattern;
  }
  static std::uint64_t filter_pattern(std::uint64_t key) noexcept {
    return (std::uint64_t{1} << (key & 63)) | (std::uint64_t{1} << ((key >> 6) & 63)) |
           (std::uint64_t{1} << ((key >> 12) & 63)) | (std::uint64_t{1} << ((key >> 18) & 63));
  }
  std::size_t filter_word(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(key >> 24) & (filter_.size() - 1);
  }
  std::size_t home(std::uint64_t key) const noexcept {
    return static_cast<std::size_t>(key >> shift_);
  }
  std::span<const KeyEntry> look_up(std::uint64_t key) const noexcept;

  template<typename T> using Table = std::vector<T, HugePageAllocator<T>>;
  Table<KeyEntry> places_;      // in the order of their keys, with free ones between
  Table<std::uint64_t> filter_; // a Bloom filter, one word a key
  unsigned shift_ = 0;
};

} // namespace nearmiss::lookalike
