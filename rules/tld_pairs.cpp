#include "rules/tld_pairs.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

constexpr std::array<TldPair, 1> pairs{{{"mil", "ml", "one letter left out", "x"}}};

} // namespace

std::span<const TldPair> tld_pairs() noexcept { return pairs; }

std::vector<std::string_view> mistyped_of(std::string_view tld) {
  std::vector<std::string_view> found;
  for (const TldPair& pair : pairs) {
    if (pair.meant == tld) {
      found.push_back(pair.mistyped);
    }
  }
  return found;
}

bool is_mistyped(std::string_view asked, std::string_view meant) noexcept {
  return std::ranges::any_of(
      pairs, [&](const TldPair& pair) { return pair.mistyped == asked && pair.meant == meant; });
}

} // namespace nearmiss
