// What each class is called, how much it weighs, and which are on by default.
#include "rules/lookalike_class.hpp"
#include "rules/lookalike.hpp"

#include "rules/lookalike_glyph.hpp"
#include "rules/lookalike_suffix.hpp"

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
// Chosen by contrib/bench/lookalike_classifier.sh with 261 protected domains. Of the 9,603 real
// names of Debian's home pages and maintainers and of the public suffix list's private section, all
// classes together hit 16, of which 12 by labels under four characters: us.com for ups.com, gr.com
// for ge.com, kit.edu for mit.edu. Most short names are one slip from another that somebody
// honestly owns. At four characters omission and replacement still hit (hbc.com for hsbc.com,
// cell.com for dell.com), at five mail.com for gmail.com, rochen.com for roche.com and icahn.org
// for icann.org; the classes that take one of few variants each (a character twice, neighbours
// swapped, a hyphen) hit none there.
//
// With these defaults 2 of the 9,603 are hit: spiegl.de, another's, and gitlib.com, a slip for
// gitlab.com in a package's home page. Of 133,000 host names in two browser extensions' lists 28
// are: 7 names of others (stripes.com, phillips.com, titter.com), 4 of the protected company's own
// (wal-mart.com), the rest registered or written for the slip (uoutube.com, twitterr.com).
//
// Never on: combosquatting, as most of the 50 names it hits there are the protected company's own
// (media-amazon.com), and embedded-domain, as mail servers ask domain blocklists for
// army.mil.<zone> (RFC 5782 section 4).
ClassSet default_classes(const Name& domain) {
  lookalike::load_public_suffixes();
  lookalike::load_glyphs();
  if (domain.label_count() < 2) {
    return {};
  }
  ClassSet classes{LookalikeClass::homoglyph,   LookalikeClass::tld_swap,
                   LookalikeClass::missing_dot, LookalikeClass::dot_insertion,
                   LookalikeClass::www_prefix,  LookalikeClass::subdomain_as_prefix};
  const std::size_t at = domain.label_count() - lookalike::owned_suffix_labels(domain) - 1;
  const std::size_t length = lookalike::decode(domain.label(at)).view().size();
  if (length >= 4) {
    classes.add(LookalikeClass::repetition);
    classes.add(LookalikeClass::transposition);
    classes.add(LookalikeClass::hyphenation);
  }
  if (length >= 5) {
    classes.add(LookalikeClass::near_homoglyph);
    classes.add(LookalikeClass::insertion);
    classes.add(LookalikeClass::vowel_swap);
    classes.add(LookalikeClass::bitsquatting);
    classes.add(LookalikeClass::plural);
  }
  if (length >= 6) {
    classes.add(LookalikeClass::omission);
    classes.add(LookalikeClass::replacement);
    classes.add(LookalikeClass::addition);
  }
  return classes;
}

std::string explain(LookalikeClass kind, const LookalikeScore& score) {
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
