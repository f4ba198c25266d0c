// The hashes of the name index. Both take a name label by label from the last to the first, so that
// one pass gives the hashes of all suffixes, and both are keyed. Values stay in this process, so
// the order of octets in a word does not matter.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nearmiss {

// A label with its length octet before it, as words of eight octets, of which the last may overlap
// the one before: the length, read first, says how far, and no branch has to. Calls `take(word)`.
// Inlined, so that the state of a hash stays in registers.
template<class Take>
[[gnu::always_inline]] inline void for_each_word(const std::uint8_t* label, Take take) noexcept {
  const auto load = []<class Word>(const std::uint8_t* octets, Word word) noexcept {
    std::memcpy(&word, octets, sizeof word);
    return std::uint64_t{word};
  };
  std::size_t left = label[0] + std::size_t{1};
  if (left >= 8) {
    for (; left > 8; left -= 8, label += 8) {
      take(load(label, std::uint64_t{}));
    }
    take(load(label + left - 8, std::uint64_t{}));
  } else if (left >= 4) {
    take(load(label, std::uint32_t{}) | load(label + left - 4, std::uint32_t{}) << 32);
  } else {
    take(label[0] | std::uint64_t{label[left / 2]} << 8 | std::uint64_t{label[left - 1]} << 16);
  }
}

// SipHash (Aumasson, Bernstein 2012) of one round a word and three at the end: who does not know
// the key cannot foresee it, nor learn the key from what he can see.
class SuffixHash {
 public:
  struct Key {
    std::uint64_t k0 = 0, k1 = 0;
  };

  explicit SuffixHash(const Key& key) noexcept
      : v0_(key.k0 ^ 0x736f6d6570736575), v1_(key.k1 ^ 0x646f72616e646f6d),
        v2_(key.k0 ^ 0x6c7967656e657261), v3_(key.k1 ^ 0x7465646279746573) {}

  // `label` with its length octet before it.
  void add(const std::uint8_t* label) noexcept {
    for_each_word(label, [this](std::uint64_t word) noexcept {
      v3_ ^= word;
      round();
      v0_ ^= word;
    });
  }

  // The hash of what was added so far; more may be added afterwards.
  std::uint64_t value() const noexcept {
    SuffixHash end = *this;
    end.v2_ ^= 0xff;
    end.round();
    end.round();
    end.round();
    return end.v0_ ^ end.v1_ ^ end.v2_ ^ end.v3_;
  }

 private:
  void round() noexcept {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

// A hash for filters, a quarter of the other's work: a multiplication a word and one at the end.
// Names that come to the same are not hard to make for who knows the key.
class QuickSuffixHash {
 public:
  struct Key {
    std::uint64_t start = 0, factor = 0;
  };

  explicit QuickSuffixHash(const Key& key) noexcept
      : state_(key.start), factor_(key.factor | 1) {} // even factors would lose bits

  void add(const std::uint8_t* label) noexcept {
    for_each_word(label, [this](std::uint64_t word) noexcept { state_ = mixed(state_ ^ word); });
  }
  std::uint64_t value() const noexcept { return mixed(state_); }

 private:
  // A product's bits depend on those below alone, so its upper half goes into the lower, and what
  // was in the upper half of the one before reaches all of the next.
  std::uint64_t mixed(std::uint64_t word) const noexcept {
    word *= factor_;
    return word ^ word >> 32;
  }

  std::uint64_t state_, factor_;
};

} // namespace nearmiss
