#include "rules/address_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace nearmiss {

namespace {

// No address's text is longer: an IPv6 one with its zone.
constexpr std::size_t longest = 127;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// Rules out nearly every name: addresses end in a number or hold a colon.
bool may_be_address(const Name& name) noexcept {
  if (name.is_root() || name.wire().size() > longest) {
    return false;
  }
  const std::string_view last = name.label(name.label_count() - 1);
  return is_digit(last.front()) || std::ranges::find(name.wire(), ':') != name.wire().end();
}

std::array<std::uint8_t, 4> octets_of(const in_addr& address) noexcept {
  std::array<std::uint8_t, 4> octets{};
  std::memcpy(octets.data(), &address, octets.size());
  return octets;
}

} // namespace

std::optional<ClientAddress> address_in_name(const Name& name) noexcept {
  if (!may_be_address(name)) {
    return std::nullopt;
  }
  std::array<char, longest + 1> text{};
  std::size_t size = 0;
  for (std::size_t i = 0; i < name.label_count(); ++i) {
    const std::string_view label = name.label(i);
    if (i > 0) {
      text[size++] = '.';
    }
    size += label.copy(text.data() + size, text.size() - 1 - size);
  }
  const std::string_view all(text.data(), size);
  in_addr v4{};
  // inet_aton() alone would take what follows a space; getaddrinfo() does not.
  if (all.find_first_not_of("0123456789abcdefx.") == std::string_view::npos) {
    return inet_aton(text.data(), &v4) != 0 ? std::optional(ClientAddress::v4(octets_of(v4)))
                                            : std::nullopt;
  }
  return ClientAddress::from_text(all.substr(0, all.find('%'))); // without the zone
}

Name mx_host_name(const ClientAddress& address) noexcept {
  std::array<char, ClientAddress::max_text> text{};
  return *Name::from_text({text.data(), address.write_text(text)}); // digits, letters, dots, colons
}

Name as_mx_host(const Name& host) noexcept {
  const auto address = address_in_name(host);
  return address ? mx_host_name(*address) : host;
}

} // namespace nearmiss
