// MX hosts that are the text of an address.
//
// An MX record names a host (RFC 5321 section 5.1), but Postfix hands the name to getaddrinfo()
// with AI_NUMERICHOST and connects to what that reads as an address: 198.51.100.7, 0xc6336407,
// 0306.51.25607, 2001:db8::1, ::ffff:198.51.100.7. So rules on addresses and on MX hosts have to
// see it as one.
#pragma once

#include "rules/client.hpp"
#include "rules/name.hpp"

#include <optional>

namespace nearmiss {

// The address that inet_aton(3) or inet_pton(3) reads in the name's text, in whatever notation; an
// IPv6 zone ("%eth0") is left out, and an IPv4-mapped address is IPv4. No lock, no allocation.
std::optional<ClientAddress> address_in_name(const Name& name) noexcept;

// The usual text of an address as a name: by it rules on MX hosts know such a host.
Name mx_host_name(const ClientAddress& address) noexcept;

// The name by which rules on MX hosts know a host: mx_host_name() of its address, if its name is
// the text of one, else the name itself. No lock, no allocation.
Name as_mx_host(const Name& host) noexcept;

} // namespace nearmiss
