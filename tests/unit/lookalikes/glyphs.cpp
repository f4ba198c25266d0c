// decode() against ICU, and what is kept of ICU's answers about characters.
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/variants_glyph.hpp"
#include "tests/catch.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/rules/names.hpp"

#include <unicode/uidna.h>
#include <unicode/unistr.h>

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace nearmiss;
using nearmiss::test::allocations;
using nearmiss::test::name;

namespace {

struct Close {
  void operator()(UIDNA* idna) const noexcept { uidna_close(idna); }
};

// What decode() has to come to, all by ICU.
std::u32string by_icu(const std::string& label) {
  UErrorCode status = U_ZERO_ERROR;
  static const std::unique_ptr<UIDNA, Close> idna{
      uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE, &status)};
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  std::u16string source;
  for (const char octet : label) {
    source += static_cast<unsigned char>(octet);
  }
  std::u16string decoded(256, u'\0');
  const std::int32_t size = uidna_labelToUnicode(
      idna.get(), source.data(), static_cast<std::int32_t>(source.size()), decoded.data(),
      static_cast<std::int32_t>(decoded.size()), &info, &status);
  REQUIRE(U_SUCCESS(status));
  if (info.errors != 0) {
    return {source.begin(), source.end()};
  }
  const icu::UnicodeString text(decoded.data(), size);
  std::u32string characters;
  for (std::int32_t at = 0; at < text.length(); at = text.moveIndex32(at, 1)) {
    characters += static_cast<char32_t>(text.char32At(at));
  }
  return characters;
}

void check_decoded(const std::string& label) {
  INFO(label);
  REQUIRE(std::u32string(lookalike::decode(label).view()) == by_icu(label));
}

// Some characters after each of these: letters, marks, what is written in ways of its own, and what
// no label may hold.
constexpr char32_t scripts[] = {
    0x80,   0xe0,   0x100,  0x2b0,  0x300,  0x370,   0x400,   0x530,   0x590,   0x600,   0x900,
    0xe00,  0x10a0, 0x1100, 0x13a0, 0x1d00, 0x1e00,  0x1f00,  0x2000,  0x2c60,  0x3040,  0x4e00,
    0xac00, 0xfb00, 0xff00, 0xd7f0, 0xfff0, 0x1d400, 0x1f300, 0x1fff0, 0x20000, 0x10fff0};

char32_t random_character(std::mt19937& random, char32_t script) {
  constexpr std::string_view plain = "abcxyz019-_";
  return random() % 4 == 0 ? static_cast<char32_t>(plain[random() % plain.size()])
                           : script + random() % 0x100;
}

// An A-label, one with a character of it changed, or what only begins like one.
std::string random_a_label(std::mt19937& random) {
  std::u32string text;
  const char32_t script = scripts[random() % std::size(scripts)];
  const std::size_t size = 1 + random() % 30;
  while (text.size() < size) {
    text += random_character(random, script);
  }
  const auto written = lookalike::to_a_label(text);
  std::string label = written && written->starts_with("xn--") ? *written : "xn--";
  constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  if (label.size() == 4) {
    for (std::size_t more = random() % 20; more-- > 0;) {
      label += alphabet[random() % alphabet.size()];
    }
  } else if (random() % 2 == 0) {
    label[4 + random() % (label.size() - 4)] = alphabet[random() % alphabet.size()];
  }
  return label;
}

} // namespace

TEST_CASE("an A-label is decoded as ICU decodes it, whatever it holds") {
  lookalike::load_glyphs();
  const unsigned seed = nearmiss::test::seed();
  INFO("NEARMISS_SEED=" << seed);
  std::mt19937 random(seed);
  for (int times = 0; times < 100000; ++times) {
    check_decoded(random_a_label(random));
  }
  // No Punycode, nothing beyond ASCII, hyphens where none may be, numbers that are too large
  for (const char* label :
       {"xn--", "xn---", "xn----", "xn--a", "xn--a-", "xn--army-", "xn---a", "xn--99999999",
        "xn--zzzzzzzzzzzzz", "xn--a-0000000000", "xn--ls8h", "xn--A-1ga", "xn--mnchen-3ya",
        "xn----7sbabc", "xn--ab--xyz", "xn---mnchen-3ya", "xn--mnchen--pza", "xn--mn.chen-3ya",
        "xn--mnchen-\xfc"}) {
    check_decoded(label);
  }
}

TEST_CASE("a single character is decoded as ICU decodes it, and beside another one") {
  lookalike::load_glyphs();
  for (char32_t character = 0x80; character < 0x3000; ++character) {
    for (const auto& text :
         {std::u32string{character}, std::u32string{U'a', character},
          std::u32string{character, U'a'}, std::u32string{U'\u0431', character}}) {
      if (const auto label = lookalike::to_a_label(text)) {
        check_decoded(*label);
      }
    }
  }
}

TEST_CASE("a character is folded alike the first time and later") {
  lookalike::load_glyphs();
  for (const char32_t character : {U'\u00e9', U'\u0430', U'\u00e6', U'\u4e2d', U'\uac02',
                                   U'\U0001f600', U'\U00020000', U'\u0301'}) {
    const std::u32string first(lookalike::fold({&character, 1}).view());
    CHECK(std::u32string(lookalike::fold({&character, 1}).view()) == first);
  }
  CHECK(lookalike::fold(U"\u0430r\u043c\u00fd").view() == U"army");
  CHECK(lookalike::fold(U"\u00e6on").view() == U"aeon");
  CHECK(lookalike::fold(U"\u4e2d\u6587").view() == U"\u4e2d\u6587"); // look like none
}

TEST_CASE("skeletons that no protected label has are given up, others are not") {
  lookalike::load_glyphs();
  lookalike::Skeletons skeletons;
  skeletons.add(U"anny");
  skeletons.add(U"\u0436yna");
  const auto skeleton_of = [&](std::u32string_view text) {
    const auto found = skeletons.find_possible(text);
    return found ? std::u32string(found->view()) : U"given up";
  };
  CHECK(skeleton_of(U"army") == U"any");
  CHECK(skeleton_of(U"xaxy") == U"xaxy");
  CHECK(skeleton_of(U"iilxlaxyl1") == U"xaxy"); // i, l and 1 leave no trace
  CHECK(skeleton_of(U"xaxyz") == U"given up");  // longer than any
  CHECK(skeleton_of(U"\u0430r\u043cy") == U"any");
  CHECK(skeleton_of(U"\u0436a") == U"\u0436a");
  CHECK(skeleton_of(U"\u0434a") == U"given up"); // no protected label has this letter
}

TEST_CASE("of an IDN look-alikes are found that share its letters") {
  // Of "zhuk": its first letter is like none of ASCII, the others are.
  const std::string own = lookalike::to_a_label(U"\u0436\u0443\u043a").value() + ".com";
  const LookalikeIndex index({{name(own), {LookalikeClass::homoglyph}, 0}});
  CHECK(index.find(name(lookalike::to_a_label(U"\u0436yk").value() + ".com")));
  CHECK(index.find(name(lookalike::to_a_label(U"\u0436\u0443k").value() + ".com")));
  CHECK_FALSE(index.find(name(lookalike::to_a_label(U"\u0434\u0443k").value() + ".com")));
  CHECK_FALSE(index.find(name(own)));
}

TEST_CASE("an A-label whose letters were seen before allocates nothing") {
  const LookalikeIndex index({{name("army.mil"), ClassSet::all(), 0}});
  const Name hit = name(lookalike::to_a_label(U"\u0430rmy").value() + ".mil");
  const Name miss = name(lookalike::to_a_label(U"\u043f\u043e\u0447\u0442\u0430").value() + ".mil");
  REQUIRE(index.find(hit));
  REQUIRE_FALSE(index.find(miss));
  const std::size_t before = allocations();
  const bool found = index.find(hit) && !index.find(miss);
  const std::size_t during = allocations() - before;
  CHECK(found);
  CHECK(during == 0);
}
