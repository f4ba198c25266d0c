// What a LookalikeIndex holds: the protected domains, taken apart, and the keys that lead to them.
#pragma once

#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/keys.hpp"
#include "rules/lookalikes/known.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/slip_table.hpp"

#include <memory_resource>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::lookalike {

// A protected domain taken apart: what a candidate needs, in one cache line. The texts are kept in
// LookalikeIndex::Tables::texts.
struct Target {
  std::u32string_view label;  // what its owner registered, as a U-label
  std::u32string_view folded; // fold(label)
  std::string_view suffix;    // wire form, without the root
  ClassSet classes;
  std::uint32_t rule; // the caller's
  std::int16_t threshold;
  std::uint8_t suffix_labels;
  bool provider; // a well-known mail provider
};
static_assert(sizeof(Target) <= 64);

// Another spelling that is the look-alike itself.
struct Alias {
  std::u32string label;
  std::string suffix; // wire form, without the root; empty: any suffix
  std::uint32_t target;
  LookalikeClass kind;
};

} // namespace nearmiss::lookalike

namespace nearmiss {

struct LookalikeIndex::Tables {
  Tables(std::vector<Protected> protected_domains, std::shared_ptr<const KnownNames> known);

  // The keys that lead from a name to its slips.
  void add_slips(const Name& name, std::uint32_t index,
                 std::vector<lookalike::SlipTable::Entry>& slips) const;

  // Takes a domain apart; `suffixes`: texts of suffixes that were had before.
  lookalike::Target take_apart(const Protected& domain, std::set<std::string_view>& suffixes);

  // The hash of a suffix or of any other sequence of labels.
  std::uint64_t hash_octets(std::string_view octets) const noexcept;
  std::uint64_t hash_text(std::u32string_view text) const noexcept;

  lookalike::Hasher hasher;
  lookalike::KeyTable keys;
  lookalike::SlipTable slips;                    // their values: see slip_value()
  std::shared_ptr<const KnownNames> known_names; // or null
  std::vector<Protected> domains;
  std::pmr::monotonic_buffer_resource texts; // of the targets
  std::vector<lookalike::Target> targets;    // one for each of `domains`
  std::vector<lookalike::Alias> aliases;
  std::vector<Name> trusted;            // nothing at or below these is a look-alike
  std::size_t longest_trusted = 0;      // labels, of any of these
  std::size_t longest_label = 0;        // characters, of any target that edits are found of
  std::size_t longest_under_suffix = 0; // characters, of any target or alias under a suffix
  std::size_t longest_suffix = 0;       // labels, of any target or alias
  lookalike::Skeletons skeletons;
  std::vector<std::size_t> sequence_labels; // the different numbers of labels of whole names
  bool anywhere = false;                    // are whole names looked for at any place?
};

// A domain, and whether its registered domain or the whole name is meant.
constexpr std::uint32_t slip_value(std::uint32_t index, bool whole) noexcept {
  return index << 1 | (whole ? 1U : 0U);
}

// The octets of the last `count` labels in wire form, without the root.
inline std::string_view last_octets(const Name& name, std::size_t count) noexcept {
  const auto octets = name.suffix(count);
  return {reinterpret_cast<const char*>(octets.data()), octets.size() - 1};
}

} // namespace nearmiss
