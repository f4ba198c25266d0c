// The hash of the name index: keyed, so that nobody who chooses names can foresee it.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nearmiss {

// SipHash (Aumasson, Bernstein 2012) over the labels of a name from the last to the first, so that
// one pass gives the hashes of all suffixes. A label is hashed as its length octet and its octets,
// in words of eight, of which the last may overlap the one before: the length, read first, tells
// how far, and no branch has to. Values stay in this process, so the order of octets in a word does
// not matter.
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
    std::size_t left = label[0] + std::size_t{1};
    if (left < 8) {
      absorb(few(label, left));
      return;
    }
    for (; left > 8; left -= 8, label += 8) {
      absorb(load<std::uint64_t>(label));
    }
    absorb(load<std::uint64_t>(label + left - 8));
  }

  // 0 to 63, of what was added so far: a poor hash, for nothing.
  unsigned digest() const noexcept { return static_cast<unsigned>(v0_ ^ v1_ ^ v2_ ^ v3_) & 63; }

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
  template<class Word> static std::uint64_t load(const std::uint8_t* octets) noexcept {
    Word word = 0;
    std::memcpy(&word, octets, sizeof word);
    return word;
  }

  // 1 to 7 octets as a word.
  static std::uint64_t few(const std::uint8_t* octets, std::size_t count) noexcept {
    if (count >= 4) {
      return load<std::uint32_t>(octets) | load<std::uint32_t>(octets + count - 4) << 32;
    }
    return octets[0] | std::uint64_t{octets[count / 2]} << 8 |
           std::uint64_t{octets[count - 1]} << 16;
  }

  void absorb(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }

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

} // namespace nearmiss
