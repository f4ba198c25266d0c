// From an address in an answer to the rules that match it: `answer_ip`.
//
// Immutable once built; any number of threads may search it at the same time. Prefixes (CIDR) are
// nested or disjoint, so those that hold an address form a chain, from the longest up.
#pragma once

#include "rules/client.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace nearmiss {

class AddressIndex {
 public:
  struct Entry {
    Prefix prefix;
    std::uint32_t rule = 0;
    std::uint32_t around = 0; // the next entry of the chain; `none` at its end
  };
  static constexpr std::uint32_t none = UINT32_MAX;

  AddressIndex() = default; // empty
  // Sorts and links the prefixes. Throws std::bad_alloc.
  explicit AddressIndex(const std::vector<std::pair<Prefix, std::uint32_t>>& prefixes);

  bool empty() const noexcept { return entries_.empty(); }
  std::size_t size() const noexcept { return entries_.size(); }

  // Calls `visit(entry)` for every prefix that holds the address: the longest first, and of equal
  // ones in the order of their rules. Stops where it returns false. No lock, no allocation.
  template<typename Visit> void search(const ClientAddress& address, Visit visit) const {
    for (std::uint32_t at = innermost(address); at != none; at = entries_[at].around) {
      if (!visit(entries_[at])) {
        return;
      }
    }
  }

 private:
  std::uint32_t innermost(const ClientAddress& address) const noexcept;

  std::vector<Entry> entries_; // by address, then length, then descending rule
};

} // namespace nearmiss
