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

constexpr std::uint16_t type_a = 1;

Name required_name(const nm_name& name) {
  if (const auto parsed = to_name(name)) {
    return *parsed;
  }
  throw std::invalid_argument("a name that is none");
}

// A lookup on its way to a verdict. Each step takes the stronger one: a block over a note, a note
// over nothing, and of equals the first.
class Lookup {
 public:
  Lookup(const Policy& policy, const nm_lookup& lookup, std::chrono::sys_days today,
         bool can_redirect_mx)
      : policy_(policy), lookup_(lookup), today_(today), can_redirect_mx_(can_redirect_mx) {
    decision_.qname = decision_.listed = required_name(lookup.qname);
    decision_.client = client_of(*lookup.client);
  }

  Decision decide() && {
    decision_.verdict = policy_.decide(query(decision_.qname, lookup_.qtype));
    // An `allow` for the asked name holds wherever that name leads, and so does a block. Not so a
    // `tcp-only` that has its TCP.
    if (!decision_.verdict.allowed && !blocked()) {
      aliases();
      listed_exchanges();
      exchange_rules();
      addresses();
    }
    return decision_;
  }

 private:
  Query query(const Name& name, std::uint16_t type) const {
    return {.name = name,
            .type = type,
            .client = decision_.client.address,
            .today = today_,
            .tcp = lookup_.tcp};
  }

  bool blocked() const noexcept { return decision_.verdict.enforced; }

  // True if it was the stronger one.
  bool take(const Verdict& verdict, MatchedBy matched_by) {
    if (blocked() ||
        !(verdict.enforced || (verdict.noteworthy() && !decision_.verdict.noteworthy()))) {
      return false;
    }
    decision_.verdict = verdict;
    decision_.matched_by = matched_by;
    return true;
  }

  // The verdict on a host that an answer leads to. Only what somebody asks for can be mistyped, so
  // a likeness does not count.
  Verdict on_host(const Name& host, std::uint16_t type) const {
    const Verdict verdict = policy_.decide(query(host, type));
    return verdict.likeness.domain != nullptr ? Verdict{} : verdict;
  }

  void aliases() {
    for (const nm_name& alias : std::span(lookup_.aliases, lookup_.alias_count)) {
      const Name target = required_name(alias);
      if (take(on_host(target, lookup_.qtype), MatchedBy::cname)) {
        decision_.listed = target;
      }
      if (take(policy_.decide_exchange(query(decision_.qname, lookup_.qtype), target),
               MatchedBy::mx_exchange)) {
        decision_.listed = target;
      }
    }
  }

  // A domain is blocked for exchanges whose names are listed only if mail for it has no other way:
  // their addresses are not given away in any case.
  void listed_exchanges() {
    std::optional<std::pair<Verdict, Name>> first;
    for (const nm_name& exchange : std::span(lookup_.exchanges, lookup_.exchange_count)) {
      const Name host = required_name(exchange);
      const Verdict verdict = on_host(host, type_a);
      if (!verdict.noteworthy() || (first && verdict.enforced != first->first.enforced)) {
        return;
      }
      if (!first) {
        first.emplace(verdict, host);
      }
    }
    if (first && take(first->first, MatchedBy::mx_exchange)) {
      decision_.listed = first->second;
      decision_.knows_intended = false;
      make_final();
    }
  }

  void exchange_rules() {
    for (const nm_name& exchange : std::span(lookup_.exchanges, lookup_.exchange_count)) {
      const Name host = required_name(exchange);
      if (take(policy_.decide_exchange(query(decision_.qname, lookup_.qtype), host),
               MatchedBy::mx_exchange)) {
        decision_.listed = host;
        make_final();
      }
    }
  }

  void addresses() {
    for (const nm_address& held : std::span(lookup_.addresses, lookup_.address_count)) {
      const auto address = to_address(held);
      if (!address) {
        throw std::invalid_argument("an address that is none");
      }
      if (take(policy_.decide_address(query(decision_.qname, lookup_.qtype), *address),
               MatchedBy::answer_ip)) {
        decision_.address = address;
      }
    }
  }

  // The asked name itself is not listed, so its own address is not blocked, and on NXDOMAIN or
  // NODATA for MX, or on an MX that names it, mail servers deliver there. A null MX (RFC 7505)
  // tells them not to. And an exchange's local data is not the asked name's.
  void make_final() noexcept {
    Action& action = decision_.verdict.action;
    if (action == Action::nxdomain || action == Action::nodata || action == Action::local_data ||
        (action == Action::sinkhole && !can_redirect_mx_)) {
      action = Action::null_mx;
    }
  }

  const Policy& policy_;
  const nm_lookup& lookup_;
  std::chrono::sys_days today_;
  bool can_redirect_mx_;
  Decision decision_;
};

} // namespace

std::optional<Name> to_name(const nm_name& name) noexcept {
  return Name::from_wire({name.wire, name.len});
}

std::optional<ClientAddress> to_address(const nm_address& address) noexcept {
  if (address.len == 4) {
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), address.octets, octets.size());
    return ClientAddress::v4(octets);
  }
  if (address.len == 16) {
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), address.octets, octets.size());
    return ClientAddress::v6(octets);
  }
  return std::nullopt;
}

Decision decide_lookup(const Policy& policy, const nm_lookup& lookup, std::chrono::sys_days today,
                       bool can_redirect_mx) {
  return Lookup(policy, lookup, today, can_redirect_mx).decide();
}

std::string intended_by(const Decision& decision) {
  return decision.knows_intended ? Policy::intended_for(decision.verdict, decision.listed)
                                 : std::string();
}

} // namespace nearmiss
