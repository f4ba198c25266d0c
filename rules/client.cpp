#include "rules/client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <bit>
#include <charconv>
#include <cstring>
#include <utility>

namespace nearmiss {

namespace {

using Octets = std::array<std::uint8_t, 16>;

constexpr std::array<std::uint8_t, 12> v4_mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t longest_address = INET6_ADDRSTRLEN;

// The bits of octet `index` that belong to the host part of a prefix of `bits` bits.
constexpr std::uint8_t host_mask(std::size_t index, unsigned bits) noexcept {
  const unsigned before = static_cast<unsigned>(index) * 8;
  if (bits >= before + 8) {
    return 0;
  }
  return bits <= before ? std::uint8_t{0xff} : static_cast<std::uint8_t>(0xffU >> (bits - before));
}

// The address behind the last one of the prefix; nullopt if that is the end of the address space.
std::optional<ClientAddress> end_of(const Prefix& prefix) noexcept {
  Octets octets = prefix.address.octets();
  for (std::size_t index = 0; index < octets.size(); ++index) {
    octets[index] = static_cast<std::uint8_t>(octets[index] | host_mask(index, prefix.bits));
  }
  for (std::size_t index = octets.size(); index-- > 0;) {
    if (++octets[index] != 0) {
      return ClientAddress::v6(octets);
    }
  }
  return std::nullopt;
}

} // namespace

ClientAddress ClientAddress::v4(std::array<std::uint8_t, 4> octets) noexcept {
  ClientAddress address;
  const auto rest = std::copy(v4_mapped.begin(), v4_mapped.end(), address.octets_.begin());
  std::copy(octets.begin(), octets.end(), rest);
  return address;
}

ClientAddress ClientAddress::v6(std::array<std::uint8_t, 16> octets) noexcept {
  ClientAddress address;
  address.octets_ = octets;
  return address;
}

std::optional<ClientAddress> ClientAddress::from_text(std::string_view text) noexcept {
  std::array<char, longest_address> terminated{};
  if (text.size() >= terminated.size() || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(text.begin(), text.end(), terminated.begin());
  std::array<std::uint8_t, 4> four{};
  if (inet_pton(AF_INET, terminated.data(), four.data()) == 1) {
    return v4(four);
  }
  Octets sixteen{};
  if (inet_pton(AF_INET6, terminated.data(), sixteen.data()) == 1) {
    return v6(sixteen);
  }
  return std::nullopt;
}

bool ClientAddress::is_v4() const noexcept {
  return std::equal(v4_mapped.begin(), v4_mapped.end(), octets_.begin());
}

std::optional<ClientAddress> ClientAddress::translated_v4() const noexcept {
  constexpr std::array<std::uint8_t, 12> nat64{0x00, 0x64, 0xff, 0x9b};
  constexpr std::array<std::uint8_t, 2> six_to_four{0x20, 0x02};
  const auto v4_at = [this](std::size_t at) {
    return v4({octets_[at], octets_[at + 1], octets_[at + 2], octets_[at + 3]});
  };
  if (std::equal(nat64.begin(), nat64.end(), octets_.begin())) {
    return v4_at(nat64.size());
  }
  if (std::equal(six_to_four.begin(), six_to_four.end(), octets_.begin())) {
    return v4_at(six_to_four.size());
  }
  return std::nullopt;
}

std::string ClientAddress::to_text() const {
  std::array<char, max_text> text{};
  return {text.data(), write_text(text)};
}

std::size_t ClientAddress::write_text(std::span<char, max_text> out) const noexcept {
  if (!is_v4()) {
    inet_ntop(AF_INET6, octets_.data(), out.data(), static_cast<socklen_t>(out.size()));
    return std::strlen(out.data());
  }
  char* text = out.data();
  for (std::size_t index = v4_mapped.size(); index < octets_.size(); ++index) {
    const unsigned octet = octets_[index];
    if (octet >= 100) {
      *text++ = static_cast<char>('0' + octet / 100);
    }
    if (octet >= 10) {
      *text++ = static_cast<char>('0' + octet / 10 % 10);
    }
    *text++ = static_cast<char>('0' + octet % 10);
    *text++ = '.';
  }
  return static_cast<std::size_t>(text - out.data()) - 1; // without the last dot
}

bool Prefix::holds(const ClientAddress& other) const noexcept {
  for (std::size_t index = 0; index < address.octets().size(); ++index) {
    const unsigned differ = unsigned{address.octets()[index]} ^ other.octets()[index];
    if ((differ & ~unsigned{host_mask(index, bits)}) != 0) {
      return false;
    }
  }
  return true;
}

PrefixError parse_prefix(std::string_view text, Prefix& out) noexcept {
  const auto slash = text.find('/');
  const auto address = ClientAddress::from_text(text.substr(0, slash));
  if (!address) {
    return PrefixError::not_an_address;
  }
  // ::ffff:192.0.2.0/120 is IPv6 notation, and so is its length.
  const bool dotted = text.substr(0, slash).find(':') == std::string_view::npos;
  const unsigned longest = dotted ? 32 : 128;
  unsigned bits = longest;
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const char* const end = length.data() + length.size();
    const auto [stop, error] = std::from_chars(length.data(), end, bits);
    const bool leading_zero = length.size() > 1 && length.front() == '0';
    if (error != std::errc() || stop != end || leading_zero || bits > longest) {
      return PrefixError::bad_length;
    }
  }
  if (dotted) {
    bits += 96;
  }
  for (std::size_t index = 0; index < address->octets().size(); ++index) {
    if ((address->octets()[index] & host_mask(index, bits)) != 0) {
      return PrefixError::host_bits_set;
    }
  }
  out = {*address, static_cast<std::uint8_t>(bits)};
  return PrefixError::none;
}

std::size_t ClientGroups::add(std::string name, const std::vector<Prefix>& prefixes) {
  const std::size_t index = names_.size();
  names_.push_back(std::move(name));
  for (const Prefix& prefix : prefixes) {
    pending_.emplace_back(prefix, GroupSet{1} << index);
  }
  return index;
}

void ClientGroups::seal() {
  // Each prefix opens at its first address and closes behind its last; between two neighbouring
  // edges the set of open prefixes, and so of groups, is the same.
  struct Edge {
    ClientAddress at;
    std::size_t group;
    bool opens;
  };
  std::vector<Edge> edges;
  edges.reserve(2 * pending_.size());
  for (const auto& [prefix, groups] : pending_) {
    const auto group = static_cast<std::size_t>(std::countr_zero(groups));
    edges.push_back({prefix.address, group, true});
    if (const auto end = end_of(prefix)) {
      edges.push_back({*end, group, false});
    }
  }
  std::ranges::sort(edges, {}, &Edge::at);

  std::array<std::size_t, max_groups> open{};
  GroupSet groups = 0;
  ranges_.assign(1, {ClientAddress(), 0});
  for (const Edge& edge : edges) {
    open[edge.group] += edge.opens ? std::size_t{1} : std::size_t(-1);
    const GroupSet bit = GroupSet{1} << edge.group;
    groups = open[edge.group] == 0 ? groups & ~bit : groups | bit;
    if (ranges_.back().first == edge.at) {
      ranges_.back().groups = groups;
    } else {
      ranges_.push_back({edge.at, groups});
    }
  }
  ranges_.shrink_to_fit();
  pending_ = {};
}

GroupSet ClientGroups::groups_of(const ClientAddress& client) const noexcept {
  const auto after = std::ranges::upper_bound(ranges_, client, {}, &Range::first);
  return after == ranges_.begin() ? 0 : std::prev(after)->groups;
}

} // namespace nearmiss
