// Labels as people see them: U-labels, characters that look like ASCII ones, similar ASCII glyphs.
//
// Three steps, each coarser. decode() turns an A-label into the U-label a mail client shows. fold()
// turns each character beyond ASCII into the ASCII one it looks like (UTS #39's skeleton, less the
// accents). coarse_skeleton() makes all ASCII glyphs the same that may stand for each other, by
// however many steps: labels that look alike share one, but not all that share one look alike, so
// glyph_distance() then compares the two.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
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
// A-label included, octet for octet. In lower case. ICU allocates for an A-label; nothing else
// does.
Text decode(std::string_view label) noexcept;

// Each character beyond ASCII as the ASCII it looks like; kept where it looks like none.
Text fold(std::u32string_view text) noexcept;

// Of folded text.
Text coarse_skeleton(std::u32string_view text) noexcept;

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
