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

  Decision decide() && {
    decision_.verdict = on_name(decision_.qname, lookup_.qtype);
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
            .today = std::chrono::floor<std::chrono::days>(now_),
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

  Verdict on_name(const Name& name, std::uint16_t type) const {
    Verdict verdict = policy_.decide(query(name, type));
    overrides_.apply(verdict, policy_, name, decision_.client.address, now_);
    return verdict;
  }

  // The verdict on a host that an answer leads to. Only what somebody asks for can be mistyped, so
  // a likeness does not count.
  Verdict on_host(const Name& host, std::uint16_t type) const {
    const Verdict verdict = on_name(host, type);
    return verdict.likeness.domain != nullptr ? Verdict{} : verdict;
  }

  // Calls visit(target) for each record of this type in the answer section.
  template<typename Visit> void each_target(RrType type, Visit visit) const {
    for (const nm_rrset& rrset : std::span(lookup_.answer, lookup_.answer_count)) {
      if (rrset.section != NM_ANSWER || rrset.type != static_cast<std::uint16_t>(type)) {
        continue;
      }
      for (std::size_t i = 0; i < rrset.count; ++i) {
        visit(required(target_of(rrset, i)));
      }
    }
  }

  Verdict on_mx_host(const Name& host) const {
    Verdict verdict =
        policy_.decide_exchange(query(decision_.qname, lookup_.qtype), as_mx_host(host));
    overrides_.apply_mode(verdict, policy_, now_);
    return verdict;
  }

  Verdict on_address(const ClientAddress& address) const {
    Verdict verdict = policy_.decide_address(query(decision_.qname, lookup_.qtype), address);
    overrides_.apply_mode(verdict, policy_, now_);
    return verdict;
  }

  void aliases() {
    each_target(RrType::cname, [this](const Name& target) {
      if (take(on_host(target, lookup_.qtype), MatchedBy::cname)) {
        decision_.listed = target;
      }
      if (take(on_mx_host(target), MatchedBy::mx_exchange)) {
        decision_.listed = target;
      }
    });
  }

  // If rules on names match every MX host, mail for the domain has no other way, and the domain is
  // blocked. Otherwise it is not: the address of a matched MX host is not given away in any case.
  void listed_exchanges() {
    std::optional<std::pair<Verdict, Name>> first;
    bool every_host = true;
    each_target(RrType::mx, [&](const Name& host) {
      const Verdict verdict = on_host(host, type_a);
      every_host = every_host && verdict.noteworthy() &&
                   (!first || verdict.enforced == first->first.enforced);
      if (every_host && !first) {
        first.emplace(verdict, host);
      }
    });
    if (every_host && first && take(first->first, MatchedBy::mx_exchange)) {
      decision_.listed = first->second;
      decision_.knows_intended = false;
      make_final();
    }
  }

  void exchange_rules() {
    each_target(RrType::mx, [this](const Name& host) {
      if (take(on_mx_host(host), MatchedBy::mx_exchange)) {
        decision_.listed = host;
        make_final();
      }
    });
  }

  void addresses() {
    for (const nm_rrset& rrset : std::span(lookup_.answer, lookup_.answer_count)) {
      if (rrset.section != NM_ANSWER) {
        continue;
      }
      any_address(rrset, [&](const ClientAddress& address) noexcept {
        if (take(on_address(address), MatchedBy::answer_ip)) {
          decision_.address = address;
          if (rrset.type == static_cast<std::uint16_t>(RrType::mx)) {
            make_final();
          }
        }
        return false;
      });
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
  const ActiveOverrides& overrides_;
  const nm_lookup& lookup_;
  ActiveOverrides::Time now_;
  bool can_redirect_mx_;
  Decision decision_;
};

} // namespace

Decision decide_lookup(const Policy& policy, const ActiveOverrides& overrides,
                       const nm_lookup& lookup, ActiveOverrides::Time now, bool can_redirect_mx) {
  return Lookup(policy, overrides, lookup, now, can_redirect_mx).decide();
}

std::string intended_by(const Decision& decision) {
  return decision.knows_intended ? Policy::intended_for(decision.verdict, decision.listed)
                                 : std::string();
}

} // namespace nearmiss
