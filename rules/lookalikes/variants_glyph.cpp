#include "rules/lookalikes/variants_glyph.hpp"

#include "rules/lookalikes/glyph.hpp"

#include <unicode/uchar.h>
#include <unicode/uidna.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <array>
#include <map>

namespace nearmiss::lookalike {

namespace {

// For each ASCII letter and digit the small letters of Latin, Greek and Cyrillic that look like it.
const std::map<char32_t, std::u32string>& beyond_ascii() {
  static const auto& all = *new auto([] { // never destroyed: see icu()
    constexpr std::array<std::pair<char32_t, char32_t>, 4> blocks{{
        {0x00df, 0x02af}, // Latin-1 letters, Latin Extended-A and -B, IPA Extensions
        {0x0370, 0x052f}, // Greek and Coptic, Cyrillic
        {0x1d00, 0x1dbf}, // Phonetic Extensions
        {0x1e00, 0x1eff}, // Latin Extended Additional
    }};
    std::map<char32_t, std::u32string> found;
    for (const auto& [first, last] : blocks) {
      for (char32_t character = first; character <= last; ++character) {
        const Text folded = fold({&character, 1});
        const auto written = to_a_label({&character, 1});
        // Some are mapped to others on their way into the DNS (UTS #46): those nobody ever sees.
        if (folded.view().size() == 1 && folded.view()[0] < 0x80 && written &&
            decode(*written).view() == std::u32string_view(&character, 1)) {
          found[folded.view()[0]] += character;
        }
      }
    }
    return found;
  }());
  return all;
}

// `from` replaced by `to` at each place by itself, and at all.
void replace_each(std::u32string_view label, std::u32string_view from, std::u32string_view to,
                  std::vector<std::u32string>& made) {
  std::u32string everywhere(label);
  std::size_t moved = 0;
  for (auto at = label.find(from); at != label.npos; at = label.find(from, at + from.size())) {
    std::u32string once(label);
    made.push_back(once.replace(at, from.size(), to));
    everywhere.replace(at + moved, from.size(), to);
    moved += to.size() - from.size(); // modulo 2^64, as positions are
  }
  if (everywhere != label) {
    made.push_back(everywhere);
  }
}

std::vector<std::u32string> by_pairs(std::u32string_view label, bool similar) {
  std::vector<std::u32string> made;
  for (const GlyphPair& pair : glyph_pairs()) {
    if (pair.similar == similar) {
      replace_each(label, pair.from, pair.to, made);
      replace_each(label, pair.to, pair.from, made);
    }
  }
  return made;
}

// The whole label in letters of one script; empty if one of its letters has none there.
std::u32string in_script(std::u32string_view label, char32_t first, char32_t last) {
  std::u32string made;
  for (const char32_t character : label) {
    const auto found = beyond_ascii().find(character);
    const auto letter = found == beyond_ascii().end()
                            ? std::u32string::const_iterator()
                            : std::ranges::find_if(found->second, [&](char32_t c) {
                                return c >= first && c <= last;
                              });
    if (found == beyond_ascii().end() || letter == found->second.end()) {
      return {};
    }
    made += *letter;
  }
  return made;
}

} // namespace

std::vector<std::u32string> look_same(std::u32string_view label) {
  std::vector<std::u32string> made = by_pairs(label, false);
  for (const auto& [ascii, others] : beyond_ascii()) {
    for (const char32_t other : others) {
      replace_each(label, {&ascii, 1}, {&other, 1}, made);
    }
  }
  for (const auto& whole : {in_script(label, 0x0370, 0x03ff), in_script(label, 0x0400, 0x052f)}) {
    if (!whole.empty()) {
      made.push_back(whole);
    }
  }
  return made;
}

std::vector<std::u32string> look_similar(std::u32string_view label) {
  return by_pairs(label, true);
}

std::optional<std::string> to_a_label(std::u32string_view label) {
  if (label.empty() || label.find(U'.') != label.npos) {
    return std::nullopt;
  }
  if (std::ranges::all_of(label, [](char32_t character) { return character < 0x80; })) {
    std::string text;
    for (const char32_t character : label) {
      text += static_cast<char>(character);
    }
    return text;
  }
  UErrorCode status = U_ZERO_ERROR;
  static const UIDNA* const idna = uidna_openUTS46( // never closed: see icu()
      UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE | UIDNA_USE_STD3_RULES,
      &status);
  const auto source = icu::UnicodeString::fromUTF32(reinterpret_cast<const UChar32*>(label.data()),
                                                    static_cast<std::int32_t>(label.size()));
  std::array<UChar, 128> written{};
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  status = U_ZERO_ERROR;
  const std::int32_t size = uidna_labelToASCII(idna, source.getBuffer(), source.length(),
                                               written.data(), written.size(), &info, &status);
  // UTS #46 maps capitals and the like away: what comes back as plain ASCII is no look-alike.
  if (U_FAILURE(status) || info.errors != 0 || size < 4 || written[0] != u'x' ||
      written[3] != u'-') {
    return std::nullopt;
  }
  return std::string(written.begin(), written.begin() + size);
}

} // namespace nearmiss::lookalike
