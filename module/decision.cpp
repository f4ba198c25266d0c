#include "module/decision.hpp"

#include <netinet/in.h>

#include <array>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>

namespace nearmiss {

Client client_of(const sockaddr& from) {
  if (from.sa_family == AF_INET6) {
    sockaddr_in6 in6{};
    std::memcpy(&in6, &from, sizeof(in6));
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &in6.sin6_addr, octets.size());
    return {ClientAddress::v6(octets), ntohs(in6.sin6_port)};
  }
  if (from.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &from, sizeof(in));
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &in.sin_addr, octets.size());
    return {ClientAddress::v4(octets), ntohs(in.sin_port)};
  }
  throw std::invalid_argument("a client without an IP address");
}

namespace {

constexpr auto type_a = static_cast<std::uint16_t>(RrType::a);

Name required(const std::optional<Name>& name) {
  if (name) {
    return *name;
  }
  throw std::invalid_argument("a name that cannot be read");
}

// A lookup on its way to a verdict. Each step takes the stronger one: a block over a note, a note
// over nothing, and of equals the first.
class Lookup {
 public:
  Lookup(const Policy& policy, const ActiveOverrides& overrides, const nm_lookup& lookup,
         ActiveOverrides::Time now, bool can_redirect_mx)
      : policy_(policy), overrides_(overrides), lookup_(lookup), now_(now),
        can_redirect_mx_(can_redirect_mx) {
    decision_.qname = decision_.listed = required(to_name(lookup.qname));
    decision_.client = client_of(*lookup.client);
  }

  std::optional<Decision> decide_asked(const Policy& policy, const ActiveOverrides& overrides,
                                       const nm_lookup& lookup, ActiveOverrides::Time now) {
    return Lookup(policy, overrides, lookup, now, false).decide_asked();
  }

  Decision decide_lookup(const Policy& policy, const ActiveOverrides& overrides,
                         const nm_lookup& lookup, ActiveOverrides::Time now, bool can_redirect_mx) {
    return Lookup(policy, overrides, lookup, now, can_redirect_mx).decide();
  }

  std::string intended_by(const Decision& decision) {
    return decision.knows_intended ? Policy::intended_for(decision.verdict, decision.listed)
                                   : std::string();
  }

} // namespace nearmiss
