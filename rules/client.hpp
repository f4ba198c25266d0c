// Who asks: addresses, prefixes (CIDR) and the groups of clients a policy names.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nearmiss {

// An IP address as 16 octets; IPv4 is held IPv4-mapped (RFC 4291 section 2.5.5.2), so that
// ::ffff:192.0.2.1 and 192.0.2.1 are the same client.
class ClientAddress {
 public:
  ClientAddress() noexcept = default; // ::
  static ClientAddress v4(std::array<std::uint8_t, 4> octets) noexcept;
  static ClientAddress v6(std::array<std::uint8_t, 16> octets) noexcept;
  static std::optional<ClientAddress> from_text(std::string_view text) noexcept;

  bool is_v4() const noexcept;
  // The IPv4 host that packets to this IPv6 address get to: by NAT64 under its well-known prefix
  // (64:ff9b::/96, RFC 6052), or by 6to4 (2002::/16, RFC 3056).
  std::optional<ClientAddress> translated_v4() const noexcept;
  std::string to_text() const; // RFC 5952; IPv4 dotted
  // The same into `out`, without allocation. Returns how many characters were written.
  static constexpr std::size_t max_text = 46;
  std::size_t write_text(std::span<char, max_text> out) const noexcept;
  const std::array<std::uint8_t, 16>& octets() const noexcept { return octets_; }
  friend auto operator<=>(const ClientAddress&, const ClientAddress&) = default;

 private:
  std::array<std::uint8_t, 16> octets_{};
};

struct Prefix {
  ClientAddress address;
  std::uint8_t bits = 0; // 0..128; an IPv4 /n is held as /(96 + n)

  bool holds(const ClientAddress& other) const noexcept;
};

// Why a text is not a prefix; the policy loader turns it into a message with a remedy.
enum class PrefixError { none, not_an_address, bad_length, host_bits_set };
PrefixError parse_prefix(std::string_view text, Prefix& out) noexcept;

// A set of groups, one bit each, in the order the policy names them.
using GroupSet = std::uint64_t;
inline constexpr std::size_t max_groups = 64;

// The groups of a policy. A client may be in several. Lookups take no lock and do not allocate.
class ClientGroups {
 public:
  // Adds a group; at most max_groups (checked by the caller). Returns its bit's index.
  std::size_t add(std::string name, const std::vector<Prefix>& prefixes);
  void seal(); // call once, after the last add and before the first lookup

  GroupSet groups_of(const ClientAddress& client) const noexcept;
  const std::vector<std::string>& names() const noexcept { return names_; }

 private:
  std::vector<std::string> names_;
  struct Range {
    ClientAddress first;
    GroupSet groups = 0;
  };
  std::vector<Range> ranges_; // sorted by first, gapless from :: on; set by seal()
  std::vector<std::pair<Prefix, GroupSet>> pending_;
};

} // namespace nearmiss
