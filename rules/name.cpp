#include "rules/name.hpp"

#include <algorithm>
#include <cstring>

namespace nearmiss {

namespace {

constexpr std::uint8_t folded(std::uint8_t octet) noexcept {
  return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + ('a' - 'A')) : octet;
}

// Folds so many octets at once; the compiler makes few instructions of it.
template<std::size_t count> void fold(const std::uint8_t* from, std::uint8_t* to) noexcept {
  std::array<std::uint8_t, count> octets{};
  std::memcpy(octets.data(), from, count);
  for (std::uint8_t& octet : octets) {
    octet = folded(octet);
  }
  std::memcpy(to, octets.data(), count);
}

// The same for `size` octets, at least `count`: the last ones may be folded twice.
template<std::size_t count>
void fold_in_steps(const std::uint8_t* from, std::uint8_t* to, std::size_t size) noexcept {
  for (std::size_t done = 0; done + count < size; done += count) {
    fold<count>(from + done, to + done);
  }
  fold<count>(from + size - count, to + size - count);
}

// True for the octets that stand for themselves in presentation form.
constexpr bool is_plain(std::uint8_t octet) noexcept {
  constexpr std::string_view special = R"(."\();@$)";
  return octet > 0x20 && octet < 0x7f &&
         special.find(static_cast<char>(octet)) == std::string_view::npos;
}

constexpr auto plain_octets = [] {
  std::array<bool, 256> plain{};
  for (std::size_t octet = 0; octet < plain.size(); ++octet) {
    plain[octet] = is_plain(static_cast<std::uint8_t>(octet));
  }
  return plain;
}();

constexpr bool is_digit(char character) noexcept {
  return character >= '0' && character <= '9';
}

// Reads the escape whose backslash stands before text[at]; moves `at` behind it.
std::optional<std::uint8_t> read_escape(std::string_view text, std::size_t& at) noexcept {
  if (at == text.size()) {
    return std::nullopt;
  }
  if (!is_digit(text[at])) {
    const auto octet = static_cast<std::uint8_t>(text[at]);
    if (octet < 0x20 || octet > 0x7e) {
      return std::nullopt;
    }
    ++at;
    return octet;
  }
  if (text.size() - at < 3 || !is_digit(text[at + 1]) || !is_digit(text[at + 2])) {
    return std::nullopt;
  }
  const int value = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
  if (value > 255) {
    return std::nullopt;
  }
  at += 3;
  return static_cast<std::uint8_t>(value);
}

} // namespace

std::optional<Name> Name::from_wire(std::span<const std::uint8_t> wire) noexcept {
  // Every return is of this one variable, which so is made where it stays: a name is not small.
  std::optional<Name> made(std::in_place);
  Name& name = *made;
  std::size_t at = 0;
  std::size_t labels = 0;
  for (std::size_t length = 0;; at += 1 + length) {
    length = at < wire.size() ? wire[at] : max_octets;
    if (length == 0) {
      break;
    }
    if (length > max_label || at + 1 + length >= max_octets) { // the root's octet has to fit too
      made.reset();
      return made;
    }
    name.starts_[labels++] = static_cast<std::uint8_t>(at);
  }
  name.starts_[labels] = static_cast<std::uint8_t>(at);
  name.labels_ = static_cast<std::uint8_t>(labels);
  // Length octets are below 'A', so all octets can be folded alike.
  const std::size_t size = at + 1;
  if (size >= 16) {
    fold_in_steps<16>(wire.data(), name.octets_.data(), size);
  } else if (size >= 4) {
    fold_in_steps<4>(wire.data(), name.octets_.data(), size);
  } else {
    fold_in_steps<1>(wire.data(), name.octets_.data(), size);
  }
  return made;
}

std::optional<Name> Name::from_text(std::string_view text) noexcept {
  if (text == ".") {
    return Name();
  }
  std::array<std::uint8_t, max_octets> wire{};
  std::size_t length_at = 0; // where the length octet of the label being read stands
  std::size_t end = 1;       // behind its last octet so far
  std::size_t at = 0;
  const auto close_label = [&]() noexcept {
    const std::size_t length = end - length_at - 1;
    if (length == 0 || length > max_label || end == max_octets) {
      return false;
    }
    wire[length_at] = static_cast<std::uint8_t>(length);
    length_at = end++;
    return true;
  };
  while (at < text.size()) {
    const char character = text[at++];
    if (character == '.') {
      if (!close_label()) {
        return std::nullopt;
      }
      continue;
    }
    auto octet = static_cast<std::uint8_t>(character);
    if (character == '\\') {
      const auto escaped = read_escape(text, at);
      if (!escaped) {
        return std::nullopt;
      }
      octet = *escaped;
    } else if (!is_plain(octet)) {
      return std::nullopt;
    }
    if (end == max_octets) {
      return std::nullopt;
    }
    wire[end++] = octet;
  }
  const bool final_dot = length_at != 0 && end == length_at + 1;
  if (!final_dot && !close_label()) {
    return std::nullopt;
  }
  return from_wire(wire);
}

std::string Name::to_text() const {
  std::array<char, max_text> text; // NOLINT(*-member-init): written before it is read
  return {text.data(), write_text(text)};
}

std::size_t Name::write_text(std::span<char, max_text> out) const noexcept {
  if (is_root()) {
    out[0] = '.';
    return 1;
  }
  char* text = out.data();
  for (std::size_t index = 0; index < labels_; ++index) {
    if (index > 0) {
      *text++ = '.';
    }
    for (const char character : label(index)) {
      const auto octet = static_cast<std::uint8_t>(character);
      if (plain_octets[octet]) {
        *text++ = character;
        continue;
      }
      *text++ = '\\';
      if (octet > 0x20 && octet < 0x7f) { // PowerDNS takes no escaped space
        *text++ = character;
      } else {
        *text++ = static_cast<char>('0' + octet / 100);
        *text++ = static_cast<char>('0' + octet / 10 % 10);
        *text++ = static_cast<char>('0' + octet % 10);
      }
    }
  }
  return static_cast<std::size_t>(text - out.data());
}

Name Name::last_labels(std::size_t count) const noexcept {
  if (count >= labels_) {
    return *this;
  }
  Name name;
  const auto octets = suffix(count);
  std::ranges::copy(octets, name.octets_.begin());
  name.labels_ = static_cast<std::uint8_t>(count);
  const std::size_t cut = size() - octets.size();
  for (std::size_t index = 0; index <= count; ++index) {
    name.starts_[index] = static_cast<std::uint8_t>(starts_[labels_ - count + index] - cut);
  }
  return name;
}

Name Name::parent() const noexcept {
  return last_labels(is_root() ? 0 : labels_ - std::size_t{1});
}

bool Name::is_at_or_below(const Name& ancestor) const noexcept {
  return labels_ >= ancestor.labels_ &&
         std::ranges::equal(suffix(ancestor.labels_), ancestor.wire());
}

std::optional<Name> Name::with_suffix(const Name& from, const Name& to) const noexcept {
  if (!is_at_or_below(from)) {
    return std::nullopt;
  }
  const std::size_t kept = size() - from.size();
  if (kept + to.size() > max_octets) {
    return std::nullopt;
  }
  std::array<std::uint8_t, max_octets> wire{};
  std::copy_n(octets_.begin(), kept, wire.begin());
  std::copy_n(to.octets_.begin(), to.size(), wire.begin() + static_cast<std::ptrdiff_t>(kept));
  return from_wire(wire);
}

bool operator==(const Name& a, const Name& b) noexcept {
  return std::ranges::equal(a.wire(), b.wire());
}

} // namespace nearmiss
