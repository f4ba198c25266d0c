// The classes in which a label is the protected one with a single slip of the keyboard or the wire.
#pragma once

#include "rules/lookalikes/lookalike.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::lookalike {

// All classes by which `asked` comes from `meant`: repetition, transposition, omission,
// hyphenation, insertion, replacement, vowel_swap, bitsquatting, addition, plural. Empty where none
// does, and where the two are equal. Linear in the length; does not allocate.
ClassSet edit_classes(std::u32string_view asked, std::u32string_view meant) noexcept;

// Are these two on neighbouring keys of a qwerty, qwertz or azerty keyboard?
bool are_key_neighbours(char32_t a, char32_t b) noexcept;

// The plurals and singulars of a word as English makes them, whether they make sense or not: of
// "army" armys, armyes, armies; of "boxes" boxess, boxeses, boxe and box. Allocates.
std::vector<std::u32string> other_numbers(std::u32string_view word);

// Is this a label that hosts or branches are usually named by: mail, webmail, us?
bool is_host_word(std::u32string_view label) noexcept;
std::span<const std::u32string_view> host_words() noexcept;

constexpr bool is_vowel(char32_t character) noexcept {
  return std::u32string_view(U"aeiou").find(character) != std::u32string_view::npos;
}

// May stand in a host name's label (RFC 952, RFC 1123 section 2.1).
constexpr bool is_letter_or_digit(char32_t character) noexcept {
  return (character >= U'a' && character <= U'z') || (character >= U'0' && character <= U'9');
}

} // namespace nearmiss::lookalike
