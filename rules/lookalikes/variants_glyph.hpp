// Labels that look like a label, for rules/lookalikes/variants.hpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::lookalike {

// U-labels that look the same, or merely similar, by one pair of glyphs at one place or at all.
std::vector<std::u32string> look_same(std::u32string_view label);
std::vector<std::u32string> look_similar(std::u32string_view label);

// The label as it goes into the DNS. nullopt: IDNA (UTS #46, with IDNA2008's rules for hyphens and
// initial marks) does not allow it.
std::optional<std::string> to_a_label(std::u32string_view label);

} // namespace nearmiss::lookalike
