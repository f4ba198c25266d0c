// Where a name's public suffix begins, by the public suffix list (both its sections: names under
// github.io belong to different owners).
#pragma once

#include "rules/name.hpp"

#include <cstddef>
#include <optional>

namespace nearmiss::lookalike {

// Loads the list; later calls do nothing. Throws std::runtime_error if there is none. Must have
// returned before any of the functions below is called.
void load_public_suffixes();

// No public suffix has more labels than this (the longest of 2023 has five).
constexpr std::size_t max_suffix_labels = 8;

// The number of labels of the name's public suffix: 2 for army.co.uk. A top-level domain that the
// list does not know is a public suffix. Of a name that is itself a public suffix: its own number.
// Does not allocate.
std::size_t suffix_labels(const Name& name) noexcept;

// As suffix_labels, but at least one label of the name is left in front of the suffix (if it has
// two): what is protected as gov.uk is compared by "gov" under "uk".
std::size_t owned_suffix_labels(const Name& name) noexcept;

// Are the name's last `labels` a suffix that somebody let others use, as the list's second section
// has it (de.com)? Costs some thousand instructions. Does not allocate.
bool is_private_suffix(const Name& name, std::size_t labels) noexcept;

// Is the suffix of `asked` (its last `asked_labels`) a slip for that of `meant`? 0: a pair of
// rules/lookalikes/tld_pairs.hpp; 1: one edit between two labels, or the first labels left out (uk
// for co.uk). Two country codes (two letters each) are a slip only as a pair of the table: any is
// one edit from some fifty others, under which the same owner often has the same label. nullopt: no
// slip, or the same suffix. Does not allocate.
std::optional<unsigned> suffix_slip(const Name& asked, std::size_t asked_labels, const Name& meant,
                                    std::size_t meant_labels) noexcept;

// At least suffix_labels(name), and seldom more: as many as the list may take for the suffix, told
// without libpsl where its list is that of the build. Does not allocate.
std::size_t most_suffix_labels(const Name& name) noexcept;

// Is the name's last label no top-level domain at all, as `con`? Of a name of one label or more;
// the list's rules say, and the few names that are reserved are none. Does not allocate.
bool has_no_such_ending(const Name& name) noexcept;

// Is this, without a dot, a top-level domain that IANA has delegated, as the list has it?
bool is_top_level_domain(const char* label) noexcept;

} // namespace nearmiss::lookalike
