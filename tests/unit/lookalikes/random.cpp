// find() against the definitions written out: every variant of a class is found by that class, and
// of any other name near a domain it finds exactly those that are variants.
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/variants.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

// Few characters, so that edits of one label often meet those of another.
constexpr std::string_view alphabet = "aeswrn-1ylicom";

std::string random_label(std::mt19937& random, std::size_t size) {
  std::string label;
  while (label.size() < size) {
    const char character = alphabet[random() % alphabet.size()];
    const bool edge = label.empty() || label.size() + 1 == size;
    // "--" third and fourth is kept for A-labels (RFC 5891 section 4.2.3.1).
    if (character != '-' || (!edge && label.back() != '-')) {
      label += character;
    }
  }
  return label;
}

std::string mutated(std::mt19937& random, std::string text) {
  for (std::size_t times = 1 + random() % 2; times-- > 0 && !text.empty();) {
    const std::size_t at = random() % text.size();
    const char character = alphabet[random() % alphabet.size()];
    switch (random() % 5) {
    case 0:
      text.erase(at, 1);
      break;
    case 1:
      text.insert(at + random() % 2, 1, character);
      break;
    case 2:
      text[at] = character;
      break;
    case 3:
      std::swap(text[at], text[(at + 1) % text.size()]);
      break;
    default:
      text += random() % 2 == 0 ? "es" : "s";
    }
  }
  return text;
}

bool is_host_label(const std::string& label) {
  return !label.empty() && label.front() != '-' && label.back() != '-' && label.size() < 64 &&
         label.find('.') == label.npos;
}

const std::vector<LookalikeClass> written_out{
    LookalikeClass::repetition,  LookalikeClass::transposition, LookalikeClass::omission,
    LookalikeClass::hyphenation, LookalikeClass::insertion,     LookalikeClass::replacement,
    LookalikeClass::vowel_swap,  LookalikeClass::bitsquatting,  LookalikeClass::addition,
    LookalikeClass::plural,      LookalikeClass::www_prefix,    LookalikeClass::dot_insertion};

std::set<std::string> texts_of(const std::vector<Variant>& variants) {
  std::set<std::string> texts;
  for (const Variant& variant : variants) {
    texts.insert(variant.name.to_text());
  }
  return texts;
}

// Every text of at most `longest` characters that `steps` replacements of one glyph pair, at any
// place, make of this one.
std::set<std::u32string> rewritten(const std::u32string& text, int steps, std::size_t longest) {
  std::set<std::u32string> made{text};
  while (steps-- > 0) {
    for (const auto& each : std::set<std::u32string>(made)) {
      for (const auto& pair : lookalike::glyph_pairs()) {
        for (const auto& [from, to] :
             {std::pair{pair.from, pair.to}, std::pair{pair.to, pair.from}}) {
          for (auto at = each.find(from); at != each.npos; at = each.find(from, at + 1)) {
            std::u32string next = each;
            next.replace(at, from.size(), to);
            if (next.size() <= longest) {
              made.insert(std::move(next));
            }
          }
        }
      }
    }
  }
  return made;
}

} // namespace

TEST_CASE("every variant of every class is found as one, and nothing else") {
  const unsigned seed = nearmiss::test::seed();
  INFO("NEARMISS_SEED=" << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 60; ++round) {
    const std::string label = random_label(random, 2 + random() % 6);
    const char* const suffixes[] = {".mil", ".com", ".co.uk"};
    const std::string suffix = suffixes[random() % std::size(suffixes)];
    const Name domain = name(label + suffix);
    for (const LookalikeClass kind : written_out) {
      const LookalikeIndex index({{domain, {kind}, 0}});
      const auto variants = texts_of(variants_of(domain, {kind}));
      for (const auto& text : variants) {
        INFO(to_string(kind) << " of " << domain.to_text() << ": " << text);
        const auto hit = index.find(name(text));
        REQUIRE(hit.has_value());
        REQUIRE(hit->kind == kind);
      }
      for (int tries = 0; tries < 60; ++tries) {
        const std::string other = mutated(random, label);
        if (!is_host_label(other) || other == label) {
          continue;
        }
        const std::string text = other + suffix;
        INFO(to_string(kind) << " of " << domain.to_text() << ": " << text);
        REQUIRE(index.find(name(text)).has_value() == (variants.count(text) == 1));
      }
    }
  }
}

TEST_CASE("variants of the other classes are found as such") {
  const ClassSet others{LookalikeClass::homoglyph,
                        LookalikeClass::near_homoglyph,
                        LookalikeClass::tld_swap,
                        LookalikeClass::missing_dot,
                        LookalikeClass::subdomain_as_prefix,
                        LookalikeClass::combosquatting,
                        LookalikeClass::embedded_domain};
  for (const char* text : {"army.mil", "us.army.mil", "a.b.example.co.uk", "hewlett-packard.com",
                           "xn--mnchen-3ya.de", "mmnnwclid.net", "co.com", "wikipedia.org"}) {
    const Name domain = name(text);
    const auto variants = variants_of(domain, others);
    REQUIRE(variants.size() > 20);
    for (const Variant& variant : variants) {
      INFO(to_string(variant.kind) << " of " << text << ": " << variant.name.to_text());
      if (variant.name.is_at_or_below(domain)) {
        continue;
      }
      const auto hit = LookalikeIndex({{domain, {variant.kind}, 0}}).find(variant.name);
      // A glyph that is merely similar may be the same by way of others (m, rn, nn).
      const bool same =
          variant.kind == LookalikeClass::near_homoglyph &&
          LookalikeIndex({{domain, {LookalikeClass::homoglyph}, 0}}).find(variant.name);
      REQUIRE((hit.has_value() || same));
    }
  }
}

TEST_CASE("homoglyphs are what glyph pairs make of a label, and no more") {
  const unsigned seed = nearmiss::test::seed();
  INFO("NEARMISS_SEED=" << seed);
  std::mt19937 random(seed);
  const ClassSet both{LookalikeClass::homoglyph, LookalikeClass::near_homoglyph};
  for (int round = 0; round < 12; ++round) {
    const std::string label = random_label(random, 3);
    const std::u32string wide(label.begin(), label.end());
    const LookalikeIndex index({{name(label + ".mil"), both, 0}});
    const auto near = rewritten(wide, 1, label.size() + 1);
    const auto far = rewritten(wide, 6, label.size() + 2);
    for (const auto& text : near) {
      const std::string narrow(text.begin(), text.end());
      INFO(label << " as " << narrow);
      REQUIRE(index.find(name(narrow + ".mil")).has_value() == (narrow != label));
    }
    for (int tries = 0; tries < 200; ++tries) {
      const std::string other = mutated(random, label);
      if (other.size() <= label.size() + 2 && is_host_label(other) &&
          index.find(name(other + ".mil"))) {
        INFO(label << " as " << other);
        REQUIRE(far.count(std::u32string(other.begin(), other.end())) == 1);
      }
    }
  }
}
