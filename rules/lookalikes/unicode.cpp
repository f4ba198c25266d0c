// decode() and fold(): the part of rules/lookalikes/glyph.hpp that needs ICU.
#include "rules/lookalikes/unicode.hpp"

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unorm2.h>
#include <unicode/uspoof.h>
#include <unicode/utf16.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>

namespace nearmiss::lookalike {

namespace {

struct Close {
  void operator()(USpoofChecker* checker) const noexcept { uspoof_close(checker); }
  void operator()(UIDNA* idna) const noexcept { uidna_close(idna); }
};

// All may be used by any number of threads once open, as nothing is set on them (ICU's manual).
struct Icu {
  UErrorCode status = U_ZERO_ERROR;
  std::unique_ptr<USpoofChecker, Close> spoof{uspoof_open(&status)};
  std::unique_ptr<UIDNA, Close> idna{
      uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE, &status)};
  const UNormalizer2* nfc = unorm2_getNFCInstance(&status); // ICU's own
};

const Icu& icu() {
  static const Icu& instance = *new Icu; // threads may use it while the process ends
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

void fold_by_icu(char32_t character, Text& folded) noexcept {
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

// false: not a U-label's. In lower case.
bool to_u_label(std::u16string_view label, Text& text) noexcept {
  std::array<UChar, 128> decoded{};
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  UErrorCode status = U_ZERO_ERROR;
  const std::int32_t size =
      uidna_labelToUnicode(icu().idna.get(), label.data(), static_cast<std::int32_t>(label.size()),
                           decoded.data(), decoded.size(), &info, &status);
  if (U_FAILURE(status) || info.errors != 0) {
    return false;
  }
  text.clear();
  for (std::int32_t at = 0; at < size;) {
    UChar32 character = 0;
    U16_NEXT(decoded.data(), at, size, character);
    text.append(static_cast<char32_t>(character));
  }
  return true;
}

bool is_mark(char32_t character) noexcept {
  return (U_GET_GC_MASK(static_cast<UChar32>(character)) & U_GC_M_MASK) != 0;
}

Standing ask_standing(char32_t character) noexcept {
  const auto point = static_cast<UChar32>(character);
  // Behind a letter that is never written as one with what follows.
  std::array<UChar, 3> source{u'q'};
  std::size_t size = 1;
  U16_APPEND_UNSAFE(source.data(), size, point);
  Text text;
  if (!to_u_label({source.data(), size}, text) ||
      text.view().substr(1) != std::u32string_view(&character, 1)) {
    return Standing::disallowed;
  }
  const bool combines = is_mark(character) || u_getCombiningClass(point) != 0 ||
                        u_getIntPropertyValue(point, UCHAR_NFC_QUICK_CHECK) == UNORM_MAYBE;
  return combines ? Standing::combines : Standing::allowed;
}

Character ask_icu(char32_t character) noexcept {
  Text folded;
  fold_by_icu(character, folded);
  Character answer;
  answer.standing = ask_standing(character);
  answer.folded_has_more = folded.view().size() > answer.folded.size();
  folded.view().copy(answer.folded.data(), answer.folded.size());
  return answer;
}

// A Character in 64 bits, so that threads can share it without a lock; 0: not asked for yet.
constexpr unsigned folded_bits = 20;
constexpr std::uint64_t folded_mask = (std::uint64_t{1} << folded_bits) - 1;

std::uint64_t pack(const Character& character) noexcept {
  std::uint64_t packed = 1 | (static_cast<std::uint64_t>(character.standing) << 1) |
                         (std::uint64_t{character.folded_has_more} << 3);
  for (std::size_t at = 0; at < character.folded.size(); ++at) {
    if (character.folded[at] > folded_mask) {
      return 0;
    }
    packed |= std::uint64_t{character.folded[at]} << (4 + at * folded_bits);
  }
  return packed;
}

Standing unpack_standing(std::uint64_t packed) noexcept {
  return static_cast<Standing>(packed >> 1 & 3);
}

Character unpack(std::uint64_t packed) noexcept {
  Character character;
  character.standing = unpack_standing(packed);
  character.folded_has_more = (packed >> 3 & 1) != 0;
  for (std::size_t at = 0; at < character.folded.size(); ++at) {
    character.folded[at] = static_cast<char32_t>(packed >> (4 + at * folded_bits) & folded_mask);
  }
  return character;
}

// Of zeros, so that it takes memory only where characters have been asked for: two megabytes at
// most.
std::array<std::atomic<std::uint64_t>, 0x40000> known_characters;

Standing standing_of(char32_t character) noexcept {
  if (character < known_characters.size()) {
    const std::uint64_t packed = known_characters[character].load(std::memory_order_relaxed);
    if (packed != 0) {
      return unpack_standing(packed);
    }
  }
  return character_of(character).standing;
}

// RFC 3492 section 6.2, as far as an A-label of lower case letters and digits goes.
struct Punycode {
  static constexpr std::uint32_t base = 36, least = 1, most = 26, limit = 0x7fffffff;

  static std::uint32_t digit(char octet) noexcept {
    return octet >= 'a' && octet <= 'z'   ? static_cast<std::uint32_t>(octet - 'a')
           : octet >= '0' && octet <= '9' ? static_cast<std::uint32_t>(octet - '0') + 26
                                          : base;
  }

  static std::uint32_t adapt(std::uint32_t delta, std::uint32_t size, bool first) noexcept {
    delta = first ? delta / 700 : delta / 2;
    delta += delta / size;
    std::uint32_t bias = 0;
    for (; delta > (base - least) * most / 2; delta /= base - least) {
      bias += base;
    }
    return bias + (base - least + 1) * delta / (delta + 38);
  }

  // Of what is behind "xn--". false: this is no Punycode.
  static bool decode(std::string_view code, Text& text) noexcept {
    text.clear();
    const std::size_t delimiter = code.rfind('-');
    const std::size_t basic = delimiter == code.npos ? 0 : delimiter;
    for (const char octet : code.substr(0, basic)) {
      text.append(static_cast<unsigned char>(octet));
    }
    std::uint32_t character = 0x80;
    std::uint64_t place = 0;
    std::uint32_t bias = 72;
    bool first = true;
    for (std::size_t at = basic > 0 ? basic + 1 : 0; at < code.size();) {
      const std::uint64_t before = place;
      std::uint64_t weight = 1;
      for (std::uint32_t step = base;; step += base) {
        const std::uint32_t value = at < code.size() ? digit(code[at++]) : base;
        place += value * weight;
        if (value == base || place > limit) {
          return false;
        }
        const std::uint32_t threshold = step <= bias + least  ? least
                                        : step >= bias + most ? most
                                                              : step - bias;
        if (value < threshold) {
          break;
        }
        weight *= base - threshold;
        if (weight > limit) {
          return false;
        }
      }
      const auto size = static_cast<std::uint32_t>(text.view().size()) + 1;
      const auto distance = static_cast<std::uint32_t>(place);
      bias = adapt(distance - static_cast<std::uint32_t>(before), size, first);
      first = false;
      character += distance / size;
      place = distance % size;
      if (character > 0x10ffff || U_IS_SURROGATE(character)) {
        return false;
      }
      text.insert(place++, character);
    }
    return true;
  }
};

bool is_nfc(std::u32string_view text) noexcept {
  std::array<UChar, 2 * Text::capacity> source{};
  std::int32_t size = 0;
  for (const char32_t character : text) {
    U16_APPEND_UNSAFE(source.data(), size, static_cast<UChar32>(character));
  }
  UErrorCode status = U_ZERO_ERROR;
  return unorm2_isNormalized(icu().nfc, source.data(), size, &status) != 0 && U_SUCCESS(status);
}

// Is this an A-label? Its text, if that can be told by its characters.
Standing decode_by_characters(std::string_view label, Text& text) noexcept {
  const bool plain = std::ranges::all_of(label, [](char octet) {
    return Punycode::digit(octet) < Punycode::base || octet == '-' || octet == '_';
  });
  if (!plain) {
    return Standing::unknown;
  }
  if (!Punycode::decode(label.substr(4), text)) {
    return Standing::disallowed;
  }
  const std::u32string_view decoded = text.view();
  if (decoded.starts_with(U'-') || decoded.ends_with(U'-')) {
    return Standing::disallowed;
  }
  if (decoded.find(U"--") <= 2) {
    return Standing::unknown; // third and fourth they are not allowed, counted in UTF-16
  }
  bool ascii = true;
  bool combines = false;
  bool unknown = false;
  for (const char32_t character : decoded) {
    if (character < 0x80) {
      continue;
    }
    ascii = false;
    const Standing standing = standing_of(character);
    if (standing == Standing::disallowed) {
      return standing;
    }
    combines = combines || standing == Standing::combines;
    unknown = unknown || standing == Standing::unknown;
  }
  if (ascii || unknown) {
    return Standing::unknown;
  }
  if (combines && (is_mark(decoded.front()) || !is_nfc(decoded))) {
    return Standing::disallowed;
  }
  return Standing::allowed;
}

bool decode_a_label(std::string_view label, Text& text) noexcept {
  const Standing standing = decode_by_characters(label, text);
  if (standing != Standing::unknown) {
    return standing == Standing::allowed;
  }
  std::array<UChar, 64> source{};
  for (std::size_t index = 0; index < label.size(); ++index) {
    source[index] = static_cast<unsigned char>(label[index]);
  }
  return to_u_label({source.data(), label.size()}, text);
}

} // namespace

void load_unicode() {
  if (U_FAILURE(icu().status)) {
    throw std::runtime_error(std::string("ICU cannot open its confusables or IDNA data: ") +
                             u_errorName(icu().status));
  }
}

Character character_of(char32_t character) noexcept {
  if (character >= known_characters.size()) {
    return {};
  }
  auto& known = known_characters[character];
  if (const std::uint64_t packed = known.load(std::memory_order_relaxed); packed != 0) {
    return unpack(packed);
  }
  const Character answer = ask_icu(character);
  known.store(pack(answer), std::memory_order_relaxed);
  return answer;
}

void append_folded(char32_t character, Text& text) noexcept {
  const Character known = character_of(character);
  if (known.folded_has_more) {
    fold_by_icu(character, text);
    return;
  }
  for (const char32_t part : known.folded) {
    if (part != 0) {
      text.append(part);
    }
  }
}

Text decode(std::string_view label) noexcept {
  Text text;
  if (label.starts_with("xn--") && decode_a_label(label, text)) {
    return text;
  }
  text.clear();
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
      append_folded(character, folded);
    }
  }
  return folded;
}

} // namespace nearmiss::lookalike
