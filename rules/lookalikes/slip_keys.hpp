// The keys of a name in the SlipTable: hashes of its letters without dots, and of these with up to
// two left out.
#pragma once

#include "rules/lookalikes/keys.hpp"
#include "rules/name.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nearmiss::lookalike {

constexpr std::size_t longest_with_slips = 48; // octets without dots; longer names have none
constexpr std::size_t longest_with_two = 28;   // and with two slips, which cost the square of it
constexpr std::size_t shortest_with_two = 7;
constexpr std::size_t most_slip_keys = 1 + (longest_with_two + 2) * (longest_with_two + 3) / 2;

// How many characters the keys of a protected name leave out. One that is asked for may be two
// characters longer or shorter.
constexpr unsigned slips_of_length(std::size_t octets, std::size_t tolerance = 0) noexcept {
  if (octets > longest_with_slips + tolerance) {
    return 0;
  }
  return octets + tolerance >= shortest_with_two && octets <= longest_with_two + tolerance ? 2 : 1;
}

// The name's last `labels` as they are compared: lower case, with dots; and without them.
class SlipText { // NOLINT(*-member-init): read up to the sizes only
 public:
  SlipText(const Name& name, std::size_t labels) noexcept {
    for (std::size_t at = name.label_count() - labels; at < name.label_count(); ++at) {
      const std::string_view label = name.label(at);
      if (joined_size_ + label.size() > joined_.size()) {
        too_long_ = true;
        return;
      }
      if (size_ > 0) {
        text_[size_++] = '.';
      }
      for (const char octet : label) {
        text_[size_++] = octet;
        joined_[joined_size_++] = octet;
      }
    }
  }
  bool too_long() const noexcept { return too_long_; }
  std::string_view text() const noexcept { return {text_.data(), size_}; }
  std::string_view joined() const noexcept { return {joined_.data(), joined_size_}; }

 private:
  std::array<char, longest_with_slips + 2 + Name::max_labels> text_;
  std::array<char, longest_with_slips + 2> joined_;
  std::size_t size_ = 0;
  std::size_t joined_size_ = 0;
  bool too_long_ = false;
};

// Calls `visit(key)` for the text and for what is left of it without up to `most` characters.
template<typename Visit>
void for_each_slip_key(const Hasher& hasher, std::string_view text, unsigned most,
                       Visit visit) noexcept(noexcept(visit(std::uint64_t{}))) {
  const std::size_t size = text.size();
  // NOLINTNEXTLINE(*-member-init): filled below
  std::array<std::uint64_t, longest_with_slips + 3> before;
  before[0] = 0;
  for (std::size_t at = 0; at < size; ++at) {
    before[at + 1] = hasher.append(before[at], static_cast<unsigned char>(text[at]));
  }
  const auto between = [&](std::size_t from, std::size_t to) {
    return hasher.tail(before[to], before[from], to - from);
  };
  visit(make_key(KeyKind::slip, before[size]));
  for (std::size_t first = 0; first < size && most > 0; ++first) {
    if (first > 0 && text[first] == text[first - 1]) {
      continue; // leaves the same text
    }
    visit(make_key(KeyKind::slip,
                   hasher.join(before[first], between(first + 1, size), size - first - 1)));
    std::uint64_t head = before[first];
    for (std::size_t second = first + 1; second < size && most > 1; ++second) {
      // `head`: all before `second` but the character at `first`.
      if (second == first + 1 || text[second] != text[second - 1]) {
        visit(make_key(KeyKind::slip,
                       hasher.join(head, between(second + 1, size), size - second - 1)));
      }
      head = hasher.append(head, static_cast<unsigned char>(text[second]));
    }
  }
}

} // namespace nearmiss::lookalike
