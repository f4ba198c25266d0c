// Top-level domains that are mistyped for one another.
//
// Only delegated ones: a slip into a TLD that does not exist (.og for .org, .gv for .gov) reaches
// nobody, as the root itself answers NXDOMAIN.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace nearmiss {

struct TldPair {
  std::string_view meant, mistyped; // A-labels in lower case, no dot
  std::string_view reason;          // how the slip happens, or what is known of it
  std::string_view source;          // who reported it; the delegation's record where nobody did
};

std::span<const TldPair> tld_pairs() noexcept;

// The TLDs that are mistyped for this one ("mil": "ml"); empty if none is known. Without a dot, in
// lower case.
std::vector<std::string_view> mistyped_of(std::string_view tld);

bool is_mistyped(std::string_view asked, std::string_view meant) noexcept;

} // namespace nearmiss
