// The triggers of a zone that were read, each with its action and line: a trigger has one action.
#pragma once

#include "rules/name.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// A hash table, as there may be millions of triggers. The hash has no key, so a feed can hold names
// that come to the same: it only finds the place, and the octets decide.
class TriggerTable {
 public:
  static constexpr unsigned any_block = 255; // an action beside those of rules/action.hpp

  struct Seen {
    unsigned action;
    std::size_t line;
  };
  // What the trigger had before; if it is new, what it has from now on.
  Seen see(const Name& name, bool wildcard, unsigned action, std::size_t line) {
    if (used_ * 2 >= slots_.size()) {
      grow();
    }
    const std::string_view octets = octets_of(name);
    const std::uint64_t hash = hash_of(octets, wildcard);
    Slot& slot = slots_[slot_for(hash, octets, wildcard)];
    if (slot.line == 0) {
      slot = {hash, octets_.size(), static_cast<std::uint32_t>(line), action};
      octets_ += wildcard ? '*' : '.';
      octets_ += octets;
      ++used_;
    }
    return {slot.action, slot.line};
  }

  // The action of the trigger, if it was seen.
  std::optional<unsigned> find(const Name& name, bool wildcard) const noexcept {
    if (slots_.empty()) {
      return std::nullopt;
    }
    const std::string_view octets = octets_of(name);
    const Slot& slot = slots_[slot_for(hash_of(octets, wildcard), octets, wildcard)];
    return slot.line != 0 ? std::optional(slot.action) : std::nullopt;
  }

 private:
  struct Slot {
    std::uint64_t hash = 0;
    std::size_t at = 0;     // in octets_: `*` or `.`, then the name's wire form
    std::uint32_t line = 0; // 0: free
    std::uint32_t action = 0;
  };

  static std::string_view octets_of(const Name& name) noexcept {
    const auto wire = name.wire();
    return {reinterpret_cast<const char*>(wire.data()), wire.size()};
  }
  static std::uint64_t hash_of(std::string_view octets, bool wildcard) noexcept {
    return std::hash<std::string_view>()(octets) + (wildcard ? 1 : 0);
  }

  // Wire forms end in themselves: one is no other's beginning.
  bool is(const Slot& slot, std::string_view octets, bool wildcard) const noexcept {
    return octets_[slot.at] == (wildcard ? '*' : '.') &&
           octets_.compare(slot.at + 1, octets.size(), octets) == 0;
  }

  std::size_t slot_for(std::uint64_t hash, std::string_view octets, bool wildcard) const noexcept {
    std::size_t at = hash & (slots_.size() - 1);
    while (slots_[at].line != 0 && (slots_[at].hash != hash || !is(slots_[at], octets, wildcard))) {
      at = (at + 1) & (slots_.size() - 1);
    }
    return at;
  }

  void grow() {
    std::vector<Slot> before(slots_.empty() ? least : slots_.size() * 2);
    before.swap(slots_);
    for (const Slot& slot : before) { // all different
      std::size_t at = slot.hash & (slots_.size() - 1);
      while (slot.line != 0 && slots_[at].line != 0) {
        at = (at + 1) & (slots_.size() - 1);
      }
      if (slot.line != 0) {
        slots_[at] = slot;
      }
    }
  }

  static constexpr std::size_t least = 1024; // a power of two, as all sizes are
  std::vector<Slot> slots_;
  std::string octets_;
  std::size_t used_ = 0;
};

} // namespace nearmiss
