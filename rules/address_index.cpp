#include "rules/address_index.hpp"

#include <algorithm>
#include <tuple>

namespace nearmiss {

AddressIndex::AddressIndex(const std::vector<std::pair<Prefix, std::uint32_t>>& prefixes) {
  entries_.reserve(prefixes.size());
  for (const auto& [prefix, rule] : prefixes) {
    entries_.push_back({prefix, rule, none});
  }
  // A prefix stands in front of those inside it. Of equal ones the earlier rule counts as the inner
  // one, so that a search meets it first.
  std::ranges::sort(entries_, [](const Entry& a, const Entry& b) {
    return std::tuple(a.prefix.address, a.prefix.bits, b.rule) <
           std::tuple(b.prefix.address, b.prefix.bits, a.rule);
  });
  std::uint32_t around = none;
  for (std::uint32_t at = 0; at < entries_.size(); ++at) {
    while (around != none && !entries_[around].prefix.holds(entries_[at].prefix.address)) {
      around = entries_[around].around;
    }
    entries_[at].around = around;
    around = at;
  }
}

std::uint32_t AddressIndex::innermost(const ClientAddress& address) const noexcept {
  const auto after = std::ranges::upper_bound(
      entries_, address, {},
      [](const Entry& entry) -> const ClientAddress& { return entry.prefix.address; });
  // The last prefix that starts at or before the address holds it, or one around that does.
  std::uint32_t at =
      after == entries_.begin() ? none : static_cast<std::uint32_t>(after - entries_.begin()) - 1;
  while (at != none && !entries_[at].prefix.holds(address)) {
    at = entries_[at].around;
  }
  return at;
}

} // namespace nearmiss
