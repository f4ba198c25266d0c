// The most frequent keys of a stream, in bounded memory.
//
// Holds at most `capacity` keys, each with a value of the caller's. When a new one does not fit,
// every key's weight is lowered by the median weight and those that reach zero are dropped
// (Anderson et al., "A High-Performance Algorithm for Identifying Frequent Items in Data Streams",
// IMC 2017; after Misra and Gries). So a client that floods the log with names that are asked once
// each pushes out the other rare ones, never the frequent ones: a key is certain to be held if it
// was added more often than undercount() times, which is at most 2 / capacity of all that was
// added. As long as nothing was dropped all is exact.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nearmiss::logs {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};

// `Value` is made by default, and holds what is known since the key was (last) taken in.
template<typename Value> class Frequent {
 public:
  static constexpr std::size_t default_capacity = 65536;

  struct Entry {
    Value value;
    std::uint64_t weight = 0;
    std::uint64_t missed = 0; // additions at most that are not in `value`
  };

  explicit Frequent(std::size_t capacity = default_capacity) : capacity_(capacity) {}

  // The value of `key`, to be changed by the caller; valid until the next call.
  Value& add(std::string_view key, std::uint64_t weight = 1) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
      if (entries_.size() >= capacity_) {
        purge();
      }
      found = entries_.emplace(std::string(key), Entry{{}, 0, undercount_}).first;
    }
    found->second.weight += weight;
    return found->second.value;
  }

  std::size_t size() const noexcept { return entries_.size(); }
  bool exact() const noexcept { return dropped_ == 0; }
  // Keys that were dropped; one that came back and was dropped again counts again.
  std::uint64_t dropped() const noexcept { return dropped_; }
  // No key that is not held was added more often.
  std::uint64_t undercount() const noexcept { return undercount_; }
  const auto& entries() const noexcept { return entries_; }

  // The first `count` keys by `order` (less means: comes first), which gets two values; at a tie by
  // key, so that the same log makes the same report.
  template<typename Order>
  std::vector<std::pair<std::string_view, const Entry*>> top(std::size_t count, Order order) const {
    std::vector<std::pair<std::string_view, const Entry*>> all;
    all.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) {
      all.emplace_back(key, &entry);
    }
    const auto first = [&](const auto& a, const auto& b) {
      if (order(a.second->value, b.second->value)) {
        return true;
      }
      return !order(b.second->value, a.second->value) && a.first < b.first;
    };
    const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
    std::partial_sort(all.begin(), end, all.end(), first);
    all.erase(end, all.end());
    return all;
  }

 private:
  void purge() {
    std::vector<std::uint64_t> weights;
    weights.reserve(entries_.size());
    for (const auto& [key, entry] : entries_) {
      weights.push_back(entry.weight);
    }
    const auto middle = weights.begin() + static_cast<std::ptrdiff_t>(weights.size() / 2);
    std::nth_element(weights.begin(), middle, weights.end());
    const std::uint64_t median = *middle;
    undercount_ += median;
    for (auto at = entries_.begin(); at != entries_.end();) {
      Entry& entry = at->second;
      entry.weight -= std::min(entry.weight, median);
      if (entry.weight == 0) {
        at = entries_.erase(at);
        ++dropped_;
      } else {
        ++at;
      }
    }
  }

  std::size_t capacity_;
  std::unordered_map<std::string, Entry, TextHash, std::equal_to<>> entries_;
  std::uint64_t dropped_ = 0;
  std::uint64_t undercount_ = 0;
};

} // namespace nearmiss::logs
