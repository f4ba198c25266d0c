// decode() and fold(): the part of rules/lookalikes/glyph.hpp that needs ICU.
#include "rules/lookalikes/unicode.hpp"

#include "rules/lookalikes/glyph.hpp"

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/uspoof.h>
#include <unicode/utf16.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace nearmiss::lookalike {

namespace {

struct Close {
  void operator()(USpoofChecker* checker) const noexcept { uspoof_close(checker); }
  void operator()(UIDNA* idna) const noexcept { uidna_close(idna); }
};

// Both may be used by any number of threads once open, as nothing is set on them (ICU's manual).
struct Icu {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<USpoofChecker, Close> spoof{uspoof_open(&status)};
  std::unique_ptr<UIDNA, Close> idna{
      uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE, &status)};
};

const Icu& icu() {
  static const Icu instance;
  return instance;
}

// Glyphs that look like ASCII ones and that neither UTS #39 nor their names say so of.
constexpr char32_t hand_folded(char32_t character) noexcept {
  switch (character) {
  case 0x0185: // tone six
  case 0x044c: // Cyrillic soft sign
  case 0x0432: // Cyrillic ve
    return U'b';
  case 0x0259: // schwa, the a of Azerbaijani
    return U'a';
  case 0x0289: // u bar
    return U'u';
  case 0x01bb: // two with stroke
    return U'2';
  case 0x01bd: // tone five
    return U'5';
  case 0x01bf: // wynn
    return U'p';
  case 0x043a: // Cyrillic ka
    return U'k';
  case 0x043c: // Cyrillic em
    return U'm';
  case 0x0442: // Cyrillic te
    return U't';
  case 0x0475: // Cyrillic izhitsa
    return U'v';
  default:
    return 0;
  }
}

// The base letter that the character's name gives: LATIN SMALL LETTER S WITH HOOK, LATIN LETTER
// SMALL CAPITAL B. 0: none.
char32_t letter_named(char32_t character) noexcept {
  std::array<char, 128> buffer{};
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t size = u_charName(static_cast<UChar32>(character), U_UNICODE_CHAR_NAME,
                                       buffer.data(), buffer.size(), &status);
  if (U_FAILURE(status) || size <= 0) {
    return 0;
  }
  const std::string_view name(buffer.data(), static_cast<std::size_t>(size));
  for (const std::string_view before :
       {"LATIN SMALL LETTER ", "LATIN LETTER SMALL CAPITAL ", "LATIN SMALL CAPITAL LETTER "}) {
    if (name.starts_with(before)) {
      const auto rest = name.substr(before.size());
      const bool one_letter = rest.size() == 1 || rest.substr(1).starts_with(" WITH ");
      return one_letter ? static_cast<char32_t>(rest[0] - 'A' + 'a') : 0;
    }
  }
  return 0;
}

void fold_character(char32_t character, Text& folded) noexcept {
  if (const char32_t by_hand = hand_folded(character)) {
    folded.append(by_hand);
    return;
  }
  // Before UTS #39, which takes a small capital M for a turned w.
  if (const char32_t named = letter_named(character)) {
    folded.append(named);
    return;
  }
  std::array<UChar, 2> source{};
  std::int32_t source_size = 0;
  U16_APPEND_UNSAFE(source.data(), source_size, static_cast<UChar32>(character));
  std::array<UChar, 64> skeleton{};
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t size = uspoof_getSkeleton(icu().spoof.get(), 0, source.data(), source_size,
                                               skeleton.data(), skeleton.size(), &status);
  if (U_FAILURE(status)) {
    folded.append(character);
    return;
  }
  for (std::int32_t at = 0; at < size;) {
    UChar32 part = 0;
    U16_NEXT(skeleton.data(), at, size, part);
    const auto category = u_charType(part);
    if (category == U_NON_SPACING_MARK || category == U_ENCLOSING_MARK) {
      continue;
    }
    part = u_tolower(part);
    const char32_t named = part < 0x80 ? 0 : letter_named(static_cast<char32_t>(part));
    folded.append(named != 0 ? named : static_cast<char32_t>(part));
  }
}

} // namespace

void load_unicode() {
  if (U_FAILURE(icu().status)) {
    throw std::runtime_error(std::string("ICU cannot open its confusables or IDNA data: ") +
                             u_errorName(icu().status));
  }
}

Text decode(std::string_view label) noexcept {
  Text text;
  if (label.starts_with("xn--")) {
    std::array<UChar, 64> source{};
    for (std::size_t index = 0; index < label.size(); ++index) {
      source[index] = static_cast<unsigned char>(label[index]);
    }
    std::array<UChar, 128> decoded{};
    UIDNAInfo info = UIDNA_INFO_INITIALIZER;
    UErrorCode status = U_ZERO_ERROR;
    const std::int32_t size = uidna_labelToUnicode(icu().idna.get(), source.data(),
                                                   static_cast<std::int32_t>(label.size()),
                                                   decoded.data(), decoded.size(), &info, &status);
    if (U_SUCCESS(status) && info.errors == 0) {
      for (std::int32_t at = 0; at < size;) {
        UChar32 character = 0;
        U16_NEXT(decoded.data(), at, size, character);
        text.append(static_cast<char32_t>(character));
      }
      return text;
    }
  }
  for (const char octet : label) {
    text.append(static_cast<unsigned char>(octet));
  }
  return text;
}

Text fold(std::u32string_view text) noexcept {
  Text folded;
  for (const char32_t character : text) {
    if (character < 0x80) {
      folded.append(character);
    } else {
      fold_character(character, folded);
    }
  }
  return folded;
}

} // namespace nearmiss::lookalike
