// What each class is called, how much it weighs, and which are on by default.
#include "rules/lookalikes/class.hpp"
#include "rules/lookalikes/lookalike.hpp"

#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/suffix.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

struct ClassFacts {
  std::string_view name;
  std::uint8_t base; // of the score
};

// In the order of the enumeration. The weights say how seldom an honest name differs from another
// that way: they order verdicts, and mean nothing else.
constexpr std::array<ClassFacts, lookalike_class_count> facts{{
    {"homoglyph", 95},
    {"near-homoglyph", 85},
    {"tld-swap", 90},
    {"missing-dot", 90},
    {"dot-insertion", 85},
    {"www-prefix", 95},
    {"subdomain-as-prefix", 85},
    {"repetition", 90},
    {"transposition", 90},
    {"omission", 80},
    {"hyphenation", 85},
    {"insertion", 80},
    {"replacement", 80},
    {"vowel-swap", 75},
    {"bitsquatting", 75},
    {"addition", 70},
    {"plural", 70},
    {"combosquatting", 65},
    {"embedded-domain", 60},
    {"misspelling", 70},
    {"two-slips", 65},
    {"ending-slip", 85},
    {"label-and-ending", 70},
    {"moved-dot", 85},
}};

const ClassFacts& facts_of(LookalikeClass value) noexcept {
  return facts[static_cast<std::size_t>(value)];
}

} // namespace

std::string_view to_string(LookalikeClass value) noexcept {
  return facts_of(value).name;
}

std::optional<LookalikeClass> lookalike_class_from(std::string_view text) noexcept {
  for (std::size_t index = 0; index < facts.size(); ++index) {
    if (facts[index].name == text) {
      return static_cast<LookalikeClass>(index);
    }
  }
  return std::nullopt;
}

// What is on by default, and from how many characters of the protected label on.
//
// Chosen by contrib/bench/lookalike_classifier.sh: of the domains of organisations that Debian's
// packages name each is protected in turn, and counted if another of 119,405 real domains comes of
// it by the class. A class is on from the length from which on fewer than 5 in 1,000 have such a
// neighbour: of labels of 3 characters 2 in 1,000 have one by a character twice, but 107 by a
// keyboard neighbour (gkb.ch and zkb.ch, bbc.com and nbc.com). Three exceptions:
//   - the first six are on at any length. Who reads the address cannot tell what looks the same,
//   and
//     the other five have the whole protected name in them; their neighbours among short labels are
//     mostly one owner's own (youtu.be and youtube.com).
//   - omission is on from 8 though 9 in 1,000 have a neighbour there: a letter left out is the slip
//     that this module was made for.
//   - bitsquatting has to have none: no hand slips that way, it takes a fault in somebody's memory.
// Never on: combosquatting, as most of what it finds is the protected company's own
// (media-amazon.com), and embedded-domain, as mail servers ask domain blocklists for
// army.mil.<zone> (RFC 5782 section 4).
//
// With these, of 145,816 real names 12 are called look-alikes of the 261 domains of
// contrib/bench/lookalike_domains.txt (0.008 %): 4 are the protected companies' own
// (omniture.wal-mart.com), 2 made for the slip (g1thub.com), 6 mistakes: stripes.com, phillips.com,
// powerdms.com, office-com.jp and hosts of theirs. Of 7,186 domains that had no part in the choice
// each 261 have 0.005 % of the real domains for look-alikes, their owners' own among them.
//
// In the order of their lengths.
struct Default {
  LookalikeClass kind;
  std::size_t from; // characters of the protected label
};

constexpr std::array<Default, 17> defaults{{
    {LookalikeClass::homoglyph, 1},
    {LookalikeClass::tld_swap, 1},
    {LookalikeClass::missing_dot, 1},
    {LookalikeClass::dot_insertion, 1},
    {LookalikeClass::www_prefix, 1},
    {LookalikeClass::subdomain_as_prefix, 1},
    {LookalikeClass::repetition, 3},
    {LookalikeClass::hyphenation, 3},
    {LookalikeClass::plural, 3},
    {LookalikeClass::transposition, 4},
    {LookalikeClass::near_homoglyph, 6},
    {LookalikeClass::insertion, 6},
    {LookalikeClass::vowel_swap, 6},
    {LookalikeClass::addition, 6},
    {LookalikeClass::omission, 8},
    {LookalikeClass::replacement, 8},
    {LookalikeClass::bitsquatting, 12},
}};

ClassSet default_classes(const Name& domain) {
  lookalike::load_public_suffixes();
  lookalike::load_glyphs();
  ClassSet classes;
  if (domain.label_count() < 2) {
    return classes;
  }
  const std::size_t at = domain.label_count() - lookalike::owned_suffix_labels(domain) - 1;
  const std::size_t length = lookalike::decode(domain.label(at)).view().size();
  for (const Default& one : defaults) {
    if (length >= one.from) {
      classes.add(one.kind);
    }
  }
  return classes;
}

std::int16_t threshold_of(Sensitivity sensitivity) noexcept {
  switch (sensitivity) {
  case Sensitivity::low:
    return 100;
  case Sensitivity::high:
    return -200;
  case Sensitivity::normal:
    break;
  }
  return -70;
}

namespace {

std::string in_hundredths(int value) {
  const int size = value < 0 ? -value : value;
  std::string text = std::to_string(size / 100) + '.';
  text += static_cast<char>('0' + size / 10 % 10);
  text += static_cast<char>('0' + size % 10);
  return (value < 0 ? "-" : "") + text;
}

std::string explain_weighed(LookalikeClass kind, const LookalikeScore& score) {
  std::string text = in_hundredths(score.value());
  if (score.threshold != no_threshold) {
    LookalikeScore least;
    least.weighed = true;
    least.slip = score.threshold;
    text += ", a look-alike from " + in_hundredths(least.value()) + " on";
  }
  text += ": " + std::string(to_string(kind)) + ' ' + in_hundredths(score.slip);
  if (score.ending != 0) {
    text += ", ending " + in_hundredths(score.ending);
  }
  text += ", length of the label " + in_hundredths(score.length);
  if (score.provider != 0) {
    text += ", mail provider " + in_hundredths(score.provider);
  }
  return text;
}

} // namespace

std::string explain(LookalikeClass kind, const LookalikeScore& score) {
  if (score.weighed) {
    return explain_weighed(kind, score);
  }
  std::string text = std::to_string(score.value()) + ": " + std::string(to_string(kind)) + ' ' +
                     std::to_string(score.base);
  if (score.short_label != 0) {
    text += ", less " + std::to_string(score.short_label) + " for a short label";
  }
  if (score.changes != 0) {
    text += ", less " + std::to_string(score.changes) + " for further changes";
  }
  return text;
}

namespace lookalike {

LookalikeScore score_of(LookalikeClass kind, std::size_t label_length, unsigned further) noexcept {
  constexpr std::size_t enough = 8;
  LookalikeScore score;
  score.base = facts_of(kind).base;
  score.short_label = static_cast<std::uint8_t>(5 * (enough - std::min(label_length, enough)));
  score.changes = static_cast<std::uint8_t>(10 * further);
  return score;
}

} // namespace lookalike

} // namespace nearmiss
