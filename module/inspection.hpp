// What a message holds that a rule matches.
//
// The adapter hands over a message's RRsets as octets; here the RDATA of those that a mail server
// follows is read (CNAME, DNAME, MX, A, AAAA, the hints of SVCB and HTTPS), with every length
// checked, and one pass decides for each RRset what the caches may keep and what clients may see.
// Nothing here knows Unbound, allocates, locks or throws: it runs for every response.
#pragma once

#include "module/core.h"
#include "rules/address_text.hpp"
#include "rules/policy.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace nearmiss {

// RR types by their numbers (RFC 1035, 3596, 6672, 9460).
enum class RrType : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  mx = 15,
  aaaa = 28,
  dname = 39,
  ds = 43,
  nsec = 47,
  nsec3 = 50,
  svcb = 64,
  https = 65,
  any = 255,
};

std::optional<Name> to_name(const nm_name& name) noexcept;
// Of 4 or 16 octets; nullopt otherwise.
std::optional<ClientAddress> to_address(std::span<const std::uint8_t> octets) noexcept;

// The RDATA of record `index`, without its length; empty where the lengths do not fit.
std::span<const std::uint8_t> rdata_of(const nm_rrset& rrset, std::size_t index) noexcept;

// The name that a record of a CNAME, DNAME or MX RRset leads to; nullopt: it cannot be read. RDATA
// that holds no name at all leads to the root, as Unbound writes it out.
std::optional<Name> target_of(const nm_rrset& rrset, std::size_t index) noexcept;

// Calls visit(const ClientAddress&) for each address in the RRset until it returns true, and
// returns whether it did: of A and AAAA records, the hints of SVCB and HTTPS (RFC 9460
// section 7.3), and the MX hosts whose name is the text of an address (see address_in_name()).
template<typename Visit> bool any_address(const nm_rrset& rrset, Visit visit) noexcept;

// As nm_inspect().
unsigned inspect(const Policy& policy, std::uint16_t qtype, std::span<nm_rrset> rrsets) noexcept;

namespace detail {
// The n-th address of a record of type A, AAAA, SVCB or HTTPS.
std::optional<ClientAddress> address_at(std::uint16_t type, std::span<const std::uint8_t> rdata,
                                        std::size_t n) noexcept;
} // namespace detail

template<typename Visit> bool any_address(const nm_rrset& rrset, Visit visit) noexcept {
  const auto type = static_cast<RrType>(rrset.type);
  if (type == RrType::mx) {
    for (std::size_t i = 0; i < rrset.count; ++i) {
      const auto host = target_of(rrset, i);
      const auto address = host ? address_in_name(*host) : std::nullopt;
      if (address && visit(*address)) {
        return true;
      }
    }
    return false;
  }
  if (type != RrType::a && type != RrType::aaaa && type != RrType::svcb && type != RrType::https) {
    return false;
  }
  for (std::size_t i = 0; i < rrset.count; ++i) {
    const auto rdata = rdata_of(rrset, i);
    for (std::size_t n = 0;; ++n) {
      const auto address = detail::address_at(rrset.type, rdata, n);
      if (!address) {
        break;
      }
      if (visit(*address)) {
        return true;
      }
    }
  }
  return false;
}

} // namespace nearmiss
