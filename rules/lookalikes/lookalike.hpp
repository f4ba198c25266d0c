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

#include <array>
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
  misspelling,         // arby.mil, armi.mil: another letter, or one that sounds alike
  two_slips,           // hotmial.com for hotmail.com is one, homtial.com two
  ending_slip,         // army.mli, gmail.con, yahoo.con.br: a slip within the ending
  label_and_ending,    // gmil.con: one in the label and one in the ending
  moved_dot,           // armym.il, gmailc.om, gmail..com: a dot at another place
};
constexpr std::size_t lookalike_class_count = 24;

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

// How many slips `classes: default` takes for look-alikes by their score, and so how many honest
// names.
enum class Sensitivity : std::uint8_t { low, normal, high };

// The least odds of a look-alike, in hundredths of their logarithm. What each means for honest
// names is measured, see class.cpp.
std::int16_t threshold_of(Sensitivity sensitivity) noexcept;
constexpr std::int16_t no_threshold = INT16_MAX;

struct Protected {
  Name domain; // two labels or more
  ClassSet classes;
  std::uint32_t rule = 0; // the caller's; handed back, not looked at
  // A slip is a look-alike from these odds on, whatever its class; no_threshold: by its class
  // alone.
  std::int16_t threshold = no_threshold;
};

// How sure a verdict is: 1..100. Either by its class: `base` is the class's, the rest is taken off
// it. Or weighed (score.hpp), in hundredths of the logarithm of odds.
struct LookalikeScore {
  std::uint8_t base = 0;
  std::uint8_t short_label = 0; // 5 for each character that the protected label has under 8
  std::uint8_t changes = 0;     // 10 for each change after the first
  bool weighed = false;
  std::int16_t slip = 0;                 // which slips, and how many
  std::int16_t ending = 0;               // what is wrong with the ending
  std::int16_t length = 0;               // of the protected label
  std::int16_t provider = 0;             // a well-known mail provider is protected
  std::int16_t threshold = no_threshold; // the protected domain's

  int odds() const noexcept { return slip + ending + length + provider; }
  int value() const noexcept;
};

class KnownNames;

struct Lookalike {
  LookalikeClass kind = LookalikeClass::homoglyph;
  std::uint32_t domain = 0; // index into LookalikeIndex::domains()
  LookalikeScore score;
  Name compared; // the part of the asked name that was judged: "arrny.mil" of mail.arrny.mil
};

// "85: tld-swap 90, less 5 for a short label", or "0.95, from 0.33 on: omission 0.69, a label of 7
// characters 1.87, a mail provider 3.12"
std::string explain(LookalikeClass kind, const LookalikeScore& score);

// Immutable once built: any number of threads may ask it at the same time.
class LookalikeIndex {
 public:
  LookalikeIndex(); // protects nothing
  // Throws std::invalid_argument for a domain of fewer than two labels, std::runtime_error if the
  // public suffix list or ICU's data cannot be had.
  // Names that `known` contains are no look-alikes; null: all may be.
  explicit LookalikeIndex(std::vector<Protected> domains,
                          std::shared_ptr<const KnownNames> known = nullptr);
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

  // The slip with the highest odds, whether they reach the threshold or not; known names are not
  // spared. For people who ask why a name passes.
  std::optional<Lookalike> nearest(const Name& asked) const noexcept;
  // Calls `visit(domain, features)` for each slip of any odds, with what score.hpp makes of it; for
  // those who fit its weights.
  using FeatureVisit =
      std::function<void(std::uint32_t domain, const std::array<std::uint8_t, 44>& features)>;
  void for_each_slip(const Name& asked, const FeatureVisit& visit) const;
  // Is the name one of `known`, or below one?
  bool knows(const Name& asked) const noexcept;

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
