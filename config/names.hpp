// Domain names as an admin writes them.
#pragma once

#include "rules/name.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace nearmiss {

// A name from a policy or a list: final dot optional, RFC 1035 escapes, U-labels converted to
// A-labels (IDNA2008 with the mapping of UTS #46, non-transitional, so that case and width do not
// matter). nullopt: not a name; `problem` then says why, and what to write instead.
std::optional<Name> read_name(std::string_view text, std::string& problem);

// As read_name(), for a name that somebody lists. Beside letters, digits, `-` and `_` it must hold
// no ASCII character without an escape: `||bad.example^`, of a filter list for browsers, would be a
// name that nobody ever asks for.
std::optional<Name> read_listed_name(std::string_view text, std::string& problem);

// True for the root and for a name under which the public registers names: the Public Suffix List,
// ICANN and private section, and every single label, listed or not. Any thread.
// Needs have_public_suffix_list().
bool is_public_suffix(const Name& name) noexcept;

// True for those of the Public Suffix List's private section alone: an organisation's own domain
// below which it lets others have names, as github.io. Otherwise as is_public_suffix().
bool is_private_suffix(const Name& name) noexcept;

// Is the label a top-level domain: one of the list's, or one that RFCs 2606, 6761, 6762, 7686 or
// ICANN set apart, or that networks use for themselves, as `local` and `lan`?
bool is_top_level_domain(std::string_view label) noexcept;

// False where libpsl was built without its list: no policy can be checked then.
bool have_public_suffix_list() noexcept;

} // namespace nearmiss
