// A domain name in wire form, folded to lower case.
//
// Holds at most 255 octets (RFC 1035 section 2.3.4) inline, so making, copying and cutting one
// allocates nothing. Case is folded where a name comes in (RFC 4343: ASCII letters only); text is
// escaped where it goes out. Any octet may stand in a label.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace nearmiss {

class Name {
 public:
  static constexpr std::size_t max_octets = 255;
  static constexpr std::size_t max_label = 63;
  static constexpr std::size_t max_labels = 127; // the root label not counted
  static constexpr std::size_t max_text = 1004;  // of presentation form: \\DDD for every octet

  // The root, ".".
  Name() noexcept { octets_[0] = starts_[0] = 0; } // NOLINT(*-member-init): see octets_

  // From uncompressed wire form, which may be longer than the name. nullopt: not a name (a label
  // over 63 octets, a compression pointer, more than 255 octets, or cut off).
  static std::optional<Name> from_wire(std::span<const std::uint8_t> wire) noexcept;

  // From presentation form, final dot optional, RFC 1035 section 5.1 escapes (\. \\ \DDD).
  // ASCII only: turning U-labels into A-labels is the policy loader's job. What to_text() escapes
  // must be escaped here too. nullopt: not a name.
  static std::optional<Name> from_text(std::string_view text) noexcept;

  // Presentation form in lower case without a final dot; the root is ".". Space and octets outside
  // printable ASCII become \DDD, and . \ " ( ) ; @ $ are escaped: the text never holds a quote, a
  // backslash that is not an escape, or a control character.
  std::string to_text() const;
  // The same into `out`, without allocation. Returns how many characters were written.
  std::size_t write_text(std::span<char, max_text> out) const noexcept;

  // Length octet before each label, the root's zero octet last.
  std::span<const std::uint8_t> wire() const noexcept { return {octets_.data(), size()}; }
  std::size_t label_count() const noexcept { return labels_; } // root: 0
  bool is_root() const noexcept { return labels_ == 0; }

  // The wire form of the last `count` labels, at most all, with the root's octet: suffix(0) is the
  // root, suffix(label_count()) the whole name. Points into this name.
  std::span<const std::uint8_t> suffix(std::size_t count) const noexcept {
    return wire().subspan(starts_[labels_ - count]);
  }
  // The octets of label `index`, 0 the leftmost. Points into this name.
  std::string_view label(std::size_t index) const noexcept {
    const std::size_t start = starts_[index];
    return {reinterpret_cast<const char*>(octets_.data()) + start + 1, octets_[start]};
  }

  Name last_labels(std::size_t count) const noexcept; // suffix(count) as a name
  Name parent() const noexcept;                       // of the root: the root
  bool is_at_or_below(const Name& ancestor) const noexcept;

  // This name with its suffix `from` replaced by `to`; nullopt if it is not at or below `from` or
  // the result would not fit in 255 octets.
  std::optional<Name> with_suffix(const Name& from, const Name& to) const noexcept;

  friend bool operator==(const Name& a, const Name& b) noexcept;

 private:
  std::size_t size() const noexcept { return starts_[labels_] + std::size_t{1}; }

  // Room for 255 octets, then the start of each label and of the root. One octet an offset: names
  // end before 256. What comes after the name is never read, and not cleared: most names are short.
  std::array<std::uint8_t, max_octets> octets_;
  std::array<std::uint8_t, max_labels + 1> starts_;
  std::uint8_t labels_ = 0;
};

} // namespace nearmiss
