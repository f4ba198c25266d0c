#include "rules/lookalikes/edit.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace nearmiss::lookalike {

namespace {

constexpr std::size_t key_count = 36;

constexpr std::size_t key_of(char character) noexcept {
  return static_cast<std::size_t>(character >= 'a' ? character - 'a' : character - '0' + 26);
}

// For each key the keys beside it, a bit each, on any of the three keyboards.
using KeyMap = std::array<std::uint64_t, key_count>;

constexpr KeyMap make_key_map() {
  using Keyboard = std::array<std::string_view, 4>;
  constexpr std::array<Keyboard, 3> keyboards{{
      {"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"},
      {"1234567890", "qwertzuiop", "asdfghjkl", "yxcvbnm"},
      {"1234567890", "azertyuiop", "qsdfghjklm", "wxcvbn"},
  }};
  KeyMap map{};
  const auto link = [&map](char a, char b) {
    map[key_of(a)] |= std::uint64_t{1} << key_of(b);
    map[key_of(b)] |= std::uint64_t{1} << key_of(a);
  };
  for (const auto& rows : keyboards) {
    for (std::size_t row = 0; row < rows.size(); ++row) {
      for (std::size_t column = 0; column < rows[row].size(); ++column) {
        const char key = rows[row][column];
        if (column + 1 < rows[row].size()) {
          link(key, rows[row][column + 1]);
        }
        // Each row is shifted to the right: a key lies under two keys of the row above.
        for (std::size_t above = column; row > 0 && above <= column + 1; ++above) {
          if (above < rows[row - 1].size()) {
            link(key, rows[row - 1][above]);
          }
        }
      }
    }
  }
  return map;
}

constexpr KeyMap key_map = make_key_map();

// What mail servers and their web pages are called, and the branches most names have.
constexpr std::array<std::u32string_view, 28> words{
    U"mail",       U"email", U"webmail",  U"smtp",       U"mx",     U"imap",   U"pop",
    U"pop3",       U"owa",   U"exchange", U"mailserver", U"mta",    U"relay",  U"autodiscover",
    U"autoconfig", U"ns",    U"ftp",      U"vpn",        U"remote", U"portal", U"login",
    U"secure",     U"web",   U"my",       U"us",         U"uk",     U"eu",     U"intl",
};

ClassSet shorter_by_one(std::u32string_view asked, std::u32string_view meant,
                        std::size_t at) noexcept {
  if (asked.substr(at) != meant.substr(at + 1)) {
    return {};
  }
  ClassSet classes{LookalikeClass::omission};
  if (meant[at] == U'-') {
    classes.add(LookalikeClass::hyphenation);
  }
  if (meant.back() == U's' && meant.starts_with(asked)) {
    classes.add(LookalikeClass::plural);
  }
  return classes;
}

ClassSet longer_by_one(std::u32string_view asked, std::u32string_view meant,
                       std::size_t at) noexcept {
  if (asked.substr(at + 1) != meant.substr(at)) {
    return {};
  }
  ClassSet classes;
  const char32_t added = asked[at];
  // Put into a run of its own kind, a character could have gone in anywhere along it.
  std::size_t begin = at;
  std::size_t end = at + 1;
  while (begin > 0 && asked[begin - 1] == added) {
    --begin;
  }
  while (end < asked.size() && asked[end] == added) {
    ++end;
  }
  if (end - begin > 1) {
    classes.add(LookalikeClass::repetition);
  }
  if (added == U'-' && begin > 0 && end < asked.size()) {
    classes.add(LookalikeClass::hyphenation);
  }
  if ((begin > 0 && are_key_neighbours(asked[begin - 1], added)) ||
      (end < asked.size() && are_key_neighbours(asked[end], added))) {
    classes.add(LookalikeClass::insertion);
  }
  if (end == asked.size() && is_letter_or_digit(added)) {
    classes.add(LookalikeClass::addition);
    if (added == U's') {
      classes.add(LookalikeClass::plural);
    }
  }
  return classes;
}

ClassSet same_length(std::u32string_view asked, std::u32string_view meant,
                     std::size_t at) noexcept {
  const char32_t a = asked[at];
  const char32_t b = meant[at];
  if (asked.substr(at + 1) != meant.substr(at + 1)) {
    const bool swapped = at + 1 < asked.size() && a == meant[at + 1] && b == asked[at + 1] &&
                         asked.substr(at + 2) == meant.substr(at + 2);
    return swapped ? ClassSet{LookalikeClass::transposition} : ClassSet{};
  }
  ClassSet classes;
  if (are_key_neighbours(a, b)) {
    classes.add(LookalikeClass::replacement);
  }
  if (is_vowel(a) && is_vowel(b)) {
    classes.add(LookalikeClass::vowel_swap);
  }
  if (a < 0x80 && b < 0x80 && std::has_single_bit(std::uint32_t{a} ^ std::uint32_t{b}) &&
      (is_letter_or_digit(a) || a == U'-')) {
    classes.add(LookalikeClass::bitsquatting);
  }
  return classes;
}

bool is_longer_plural(std::u32string_view plural, std::u32string_view word) noexcept {
  if (plural.size() != word.size() + 2) {
    return false;
  }
  if (plural.starts_with(word) && plural.ends_with(U"es")) {
    return true;
  }
  return word.ends_with(U'y') && plural.ends_with(U"ies") &&
         plural.starts_with(word.substr(0, word.size() - 1));
}

} // namespace

bool are_key_neighbours(char32_t a, char32_t b) noexcept {
  return is_letter_or_digit(a) && is_letter_or_digit(b) &&
         (key_map[key_of(static_cast<char>(a))] >> key_of(static_cast<char>(b)) & 1) != 0;
}

std::span<const std::u32string_view> host_words() noexcept {
  return words;
}

bool is_host_word(std::u32string_view label) noexcept {
  return std::ranges::find(words, label) != words.end();
}

ClassSet edit_classes(std::u32string_view asked, std::u32string_view meant) noexcept {
  if (is_longer_plural(asked, meant) || is_longer_plural(meant, asked)) {
    return {LookalikeClass::plural};
  }
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(asked, meant).in1 - asked.begin());
  if (asked.size() + 1 == meant.size()) {
    return shorter_by_one(asked, meant, at);
  }
  if (asked.size() == meant.size() + 1) {
    return longer_by_one(asked, meant, at);
  }
  if (asked.size() == meant.size() && at < asked.size()) {
    return same_length(asked, meant, at);
  }
  return {};
}

std::vector<std::u32string> other_numbers(std::u32string_view word) {
  const std::u32string text(word);
  std::vector<std::u32string> numbers{text + U"s", text + U"es"};
  if (word.ends_with(U'y')) {
    numbers.push_back(text.substr(0, text.size() - 1) + U"ies");
  }
  if (word.size() > 1 && word.ends_with(U's')) {
    numbers.push_back(text.substr(0, text.size() - 1));
  }
  if (word.size() > 2 && word.ends_with(U"es")) {
    numbers.push_back(text.substr(0, text.size() - 2));
  }
  if (word.size() > 3 && word.ends_with(U"ies")) {
    numbers.push_back(text.substr(0, text.size() - 3) + U"y");
  }
  return numbers;
}

} // namespace nearmiss::lookalike
