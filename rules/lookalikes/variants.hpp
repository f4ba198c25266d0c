// The look-alikes of a domain, written out: the definitions of rules/lookalikes/lookalike.hpp the
// other way round. For people and for tests; the resolver never needs them.
#pragma once

#include "rules/lookalikes/lookalike.hpp"

#include <vector>

namespace nearmiss {

struct Variant {
  Name name;
  LookalikeClass kind = LookalikeClass::homoglyph;
};

// Every variant of the domain in these classes, sorted by class, then by name; a name that comes of
// several classes stands there once for each. Some classes have no end and are given in part:
//   homoglyph, near_homoglyph: one pair of glyphs, at one place or at all; beyond ASCII the letters
//     of the Latin, Greek and Cyrillic blocks that look like one, and the whole label in them;
//   tld_swap: the pairs of rules/lookalikes/tld_pairs.hpp and the delegated TLDs that are one edit
//   away, and the
//     suffix with its first label left out;
//   subdomain_as_prefix, embedded_domain: under the TLD "example" (RFC 2606), and, joined with the
//     protected suffix, under it and under com;
//   combosquatting: the words that hosts are usually named by.
// Names that are no host names (RFC 1123) or over 255 octets are left out, and so is the domain.
// Throws std::invalid_argument for a domain of fewer than two labels.
std::vector<Variant> variants_of(const Name& domain, ClassSet classes);

} // namespace nearmiss
