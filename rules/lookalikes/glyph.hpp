// Labels as people see them: U-labels, characters that look like ASCII ones, similar ASCII glyphs.
//
// Three steps, each coarser. decode() turns an A-label into the U-label a mail client shows. fold()
// turns each character beyond ASCII into the ASCII one it looks like (UTS #39's skeleton, less the
// accents). coarse_skeleton() makes all ASCII glyphs the same that may stand for each other, by
// however many steps: labels that look alike share one, but not all that share one look alike, so
// glyph_distance() then compares the two.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nearmiss::lookalike {

// A short text of code points, inline. What does not fit is left out, which only makes it match
// less.
class Text { // NOLINT(*-member-init): read up to size_ only
 public:
  static constexpr std::size_t capacity = 128;
  void append(char32_t character) noexcept {
    if (size_ < capacity) {
      characters_[size_++] = character;
    }
  }
  // Before the character at `place`, which is at most the size.
  void insert(std::size_t place, char32_t character) noexcept {
    if (size_ < capacity) {
      std::copy_backward(characters_.data() + place, characters_.data() + size_,
                         characters_.data() + size_ + 1);
      characters_[place] = character;
      ++size_;
    }
  }
  void clear() noexcept { size_ = 0; }
  std::u32string_view view() const noexcept { return {characters_.data(), size_}; }

 private:
  std::array<char32_t, capacity> characters_;
  std::size_t size_ = 0;
};

// Opens ICU's checkers and works out the readings of each glyph; later calls do nothing. Throws
// std::runtime_error if ICU's data is missing. Must have returned before any function below is
// called.
void load_glyphs();

// An A-label (RFC 5890 section 2.3.2.1) as its U-label; any other label, an "xn--" label that is no
// A-label included, octet for octet. In lower case. ICU, which allocates, is asked about an A-label
// with a character that it has not been asked about before; little else allocates.
Text decode(std::string_view label) noexcept;

// Each character beyond ASCII as the ASCII it looks like; kept where it looks like none.
Text fold(std::u32string_view text) noexcept;

// Of folded text.
Text coarse_skeleton(std::u32string_view text) noexcept;

// What a number of coarse skeletons have in common.
class Skeletons {
 public:
  void add(std::u32string_view skeleton);
  // coarse_skeleton(fold(text)); nullopt if that is, as its beginning tells, none of these.
  std::optional<Text> find_possible(std::u32string_view text) const noexcept;

 private:
  std::size_t longest_ = 0;     // characters
  std::u32string beyond_ascii_; // all that are, sorted
};

// How many kinds of merely similar glyphs (m and n, c and e) must be taken for one another to read
// one folded text as the other, 0..2: 0 where they are equal or differ in glyphs that look the same
// only (rn and m, l and 1). nullopt: more than 2, or not at all. Does not allocate.
std::optional<unsigned> glyph_distance(std::u32string_view a, std::u32string_view b) noexcept;

// A character and what it is taken for.
struct GlyphPair {
  std::u32string_view from, to;
  bool similar; // only similar; else they look the same
};
// The pairs of ASCII glyphs; each holds in both directions.
std::span<const GlyphPair> glyph_pairs() noexcept;

} // namespace nearmiss::lookalike
