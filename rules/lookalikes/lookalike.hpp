// Look-alikes of protected domains that nobody listed.
//
// The model. A protected domain (army.mil) is split by the public suffix list into the label its
// owner registered (army) and the suffix it stands under (mil). An asked name is split the same
// way, and its registered label is compared with the protected ones under the same suffix:
// mail.arrny.mil is judged by "arrny". Some classes compare more than that label: the suffix
// (army.ml), or the labels around it (army.mil.example, ar.my.mil).
//
// Nothing is expanded into lists of variants. Each protected domain leaves a few keys in one hash
// table: its label, its label with each character left out (two labels that differ by one edit
// share such a key, as in SymSpell), and the skeleton of its label, in which characters that look
// alike are the same. A lookup makes the same keys of the asked name. A key that is found is only a
// candidate: the two labels are then compared, so a hash never decides.
//
// What is never a look-alike: a protected domain, the registered domain it stands in, anything
// below these, and so no protected domain of another one.
//
// Bounded work. The keys of one lookup are at most some hundreds, whatever the name: the longest
// label has 63 octets, and labels longer than any protected one are not tried. Hashes are seeded at
// random for each index, so nobody can choose names that collide.
#pragma once

#include "rules/name.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// How a look-alike came from the protected domain. Terms of dnstwist, URLCrazy and UTS #39 where
// these have one. Examples are look-alikes of army.mil, or of the name given.
enum class LookalikeClass : std::uint8_t {
  homoglyph,      // arrny.mil, and "army" with a Cyrillic letter: glyphs that look the same
  near_homoglyph, // amny.mil: one or two glyphs that are only similar (m and n, c and e, b and d)
  tld_swap,       // army.ml: a TLD mistyped, see rules/lookalikes/tld_pairs.hpp
  missing_dot,    // usarmy.mil for us.army.mil; exampleco.uk for example.co.uk
  dot_insertion,  // ar.my.mil
  www_prefix,     // wwwarmy.mil
  subdomain_as_prefix, // army.mil.example, armymil.example, army-mil.example, mail-army.mil
  repetition,          // armyy.mil: a character twice
  transposition,       // amry.mil: neighbours swapped
  omission,            // arm.mil: a character left out
  hyphenation,         // ar-my.mil: a hyphen put in or left out
  insertion,           // arfmy.mil: beside a character, also one of its keyboard neighbours
  replacement,         // arny.mil: a keyboard neighbour instead (qwerty, qwertz, azerty)
  vowel_swap,          // urmy.mil
  bitsquatting,        // crmy.mil: one bit flipped
  addition,            // armyx.mil: a letter or digit at the end
  plural,              // armys.mil, armies.mil
  combosquatting,      // any-army.mil: any word and a hyphen before it (Kintis et al., CCS 2017)
  embedded_domain,     // army.mil.dbl.example.net: the whole name inside another one
};
constexpr std::size_t lookalike_class_count = 19;

// The spelling that policies and events use: "tld-swap".
std::string_view to_string(LookalikeClass value) noexcept;
// nullopt if the text names no class.
std::optional<LookalikeClass> lookalike_class_from(std::string_view text) noexcept;

class ClassSet {
 public:
  constexpr ClassSet() noexcept = default;
  constexpr ClassSet(std::initializer_list<LookalikeClass> classes) noexcept {
    for (const auto value : classes) {
      add(value);
    }
  }
  static constexpr ClassSet all() noexcept {
    ClassSet set;
    set.bits_ = (std::uint32_t{1} << lookalike_class_count) - 1;
    return set;
  }
  constexpr void add(LookalikeClass value) noexcept { bits_ |= bit(value); }
  constexpr void add(ClassSet other) noexcept { bits_ |= other.bits_; }
  constexpr void remove(LookalikeClass value) noexcept { bits_ &= ~bit(value); }
  constexpr bool contains(LookalikeClass value) const noexcept { return (bits_ & bit(value)) != 0; }
  constexpr bool meets(ClassSet other) const noexcept { return (bits_ & other.bits_) != 0; }
  constexpr bool contains_all(ClassSet other) const noexcept {
    return (bits_ & other.bits_) == other.bits_;
  }
  constexpr bool empty() const noexcept { return bits_ == 0; }
  // By no meaning, for ordered containers.
  friend constexpr auto operator<=>(ClassSet, ClassSet) noexcept = default;

 private:
  static constexpr std::uint32_t bit(LookalikeClass value) noexcept {
    return std::uint32_t{1} << static_cast<unsigned>(value);
  }
  std::uint32_t bits_ = 0;
};

// The classes that `classes: default` means for this domain. The shorter its registered label, the
// fewer: see class.cpp for the figures behind it.
ClassSet default_classes(const Name& domain);

struct Protected {
  Name domain; // two labels or more
  ClassSet classes;
  std::uint32_t rule = 0; // the caller's; handed back, not looked at
};

// How sure a verdict is: 1..100. `base` is the class's; the rest is taken off it.
struct LookalikeScore {
  std::uint8_t base = 0;
  std::uint8_t short_label = 0; // 5 for each character that the protected label has under 8
  std::uint8_t changes = 0;     // 10 for each change after the first
  constexpr int value() const noexcept {
    const int left = base - short_label - changes;
    return left < 1 ? 1 : left;
  }
};

struct Lookalike {
  LookalikeClass kind = LookalikeClass::homoglyph;
  std::uint32_t domain = 0; // index into LookalikeIndex::domains()
  LookalikeScore score;
  Name compared; // the part of the asked name that was judged: "arrny.mil" of mail.arrny.mil
};

// "85: tld-swap 90, less 5 for a short label"
std::string explain(LookalikeClass kind, const LookalikeScore& score);

// Immutable once built: any number of threads may ask it at the same time.
class LookalikeIndex {
 public:
  LookalikeIndex(); // protects nothing
  // Throws std::invalid_argument for a domain of fewer than two labels, std::runtime_error if the
  // public suffix list or ICU's data cannot be had.
  explicit LookalikeIndex(std::vector<Protected> domains);
  LookalikeIndex(const LookalikeIndex&) = delete;
  LookalikeIndex& operator=(const LookalikeIndex&) = delete;
  LookalikeIndex(LookalikeIndex&&) noexcept;
  LookalikeIndex& operator=(LookalikeIndex&&) noexcept;
  ~LookalikeIndex();

  // The look-alike with the highest score; among equals the earlier class of the enumeration, then
  // the earlier domain. What is true of a registered domain is told of the shortest protected name
  // in it that has the same classes and rule: amry.mil of army.mil rather than of us.army.mil. No
  // lock. Allocates only where ICU is asked about an A-label, see decode().
  std::optional<Lookalike> find(const Name& asked) const noexcept;
  // As find, of the domains of those rules alone that `wanted` says true for. It is asked about
  // candidates only, must not throw, and allocates nothing if made of std::cref().
  using RuleFilter = std::function<bool(std::uint32_t rule)>;
  std::optional<Lookalike> find(const Name& asked, const RuleFilter& wanted) const noexcept;

  // What find() does for this name, counted: keys looked up and candidates compared. At most some
  // hundreds for any name, whoever chose it; for tests and benchmarks.
  std::size_t work(const Name& asked) const noexcept;

  std::span<const Protected> domains() const noexcept;

 private:
  struct Tables;
  class Search;
  std::unique_ptr<const Tables> tables_;
};

} // namespace nearmiss
