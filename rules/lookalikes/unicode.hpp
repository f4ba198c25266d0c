// ICU's part of rules/lookalikes/glyph.hpp.
#pragma once

#include "rules/lookalikes/glyph.hpp"

#include <array>
#include <cstdint>

namespace nearmiss::lookalike {

// Opens ICU's checkers; later calls do nothing. Throws std::runtime_error if ICU's data is missing.
void load_unicode();

// May a U-label hold this character?
enum class Standing : std::uint8_t {
  allowed,
  disallowed,
  combines, // allowed, but not first if it is a mark, and only in Normalization Form C
  unknown,
};

// What is known of a character beyond ASCII.
struct Character {
  Standing standing = Standing::unknown;
  std::array<char32_t, 3> folded{}; // what fold() makes of it; 0 behind the last
  bool folded_has_more = true;      // than stands there
};

// ICU is asked once for each character of the planes of Unicode that have letters, and its answer
// kept; of the others nothing is known. No lock.
Character character_of(char32_t character) noexcept;

// What fold() makes of a character beyond ASCII.
void append_folded(char32_t character, Text& text) noexcept;

} // namespace nearmiss::lookalike
