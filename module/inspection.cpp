#include "module/inspection.hpp"

#include <algorithm>

namespace nearmiss {

namespace {

constexpr std::size_t length_octets = 2; // RDLENGTH before RDATA

std::uint16_t number_at(std::span<const std::uint8_t> octets, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(octets[at] << 8U | octets[at + 1]);
}

unsigned bits_if(bool condition, unsigned bits) noexcept {
  return condition ? bits : 0;
}

bool is(const nm_rrset& rrset, RrType type) noexcept {
  return rrset.type == static_cast<std::uint16_t>(type);
}

// A delegation, and the proof that there is no answer: they belong in an authority section, whoever
// they are of.
bool belongs_in_authority(const nm_rrset& rrset) noexcept {
  return is(rrset, RrType::ns) || is(rrset, RrType::soa) || is(rrset, RrType::ds) ||
         is(rrset, RrType::nsec) || is(rrset, RrType::nsec3);
}

// The n-th address among the hints of an SVCB or HTTPS record. Keys come in ascending order (RFC
// 9460 section 2.2); no client takes a record that breaks it.
std::optional<ClientAddress> hint_at(std::span<const std::uint8_t> rdata, std::size_t n) noexcept {
  constexpr int ipv4hint = 4;
  constexpr int ipv6hint = 6;
  std::size_t at = 2;                           // the priority
  while (at < rdata.size() && rdata[at] != 0) { // the target's labels
    at += 1U + rdata[at];
  }
  ++at;
  for (int last_key = -1; at + 4 <= rdata.size();) {
    const int key = number_at(rdata, at);
    const std::size_t size = number_at(rdata, at + 2);
    at += 4;
    if (key <= last_key || key > ipv6hint || size > rdata.size() - at) {
      return std::nullopt;
    }
    last_key = key;
    if (key == ipv4hint || key == ipv6hint) {
      const std::size_t each = key == ipv4hint ? 4 : 16;
      if (n < size / each) {
        return to_address(rdata.subspan(at + n * each, each));
      }
      n -= size / each;
    }
    at += size;
  }
  return std::nullopt;
}

// One message, RRset by RRset. A name that several checks need is read once.
class Inspection {
 public:
  Inspection(const Policy& policy, std::uint16_t qtype) noexcept : policy_(policy), qtype_(qtype) {}

  unsigned of(const nm_rrset& rrset) const noexcept {
    switch (rrset.section) {
    case NM_ANSWER:
      return of_answer(rrset);
    case NM_AUTHORITY:
      return of_authority(rrset);
    default:
      return of_additional(rrset);
    }
  }

 private:
  unsigned of_answer(const nm_rrset& rrset) const noexcept {
    unsigned found = bits_if(is_wildcard(rrset), NM_NOT_SHARED);
    if (is(rrset, RrType::cname)) {
      found |= of_alias(rrset);
    } else if (is(rrset, RrType::dname)) {
      found |= of_dname(rrset);
    } else if (is(rrset, RrType::mx) && mx_is_matched(rrset)) {
      found |= NM_LEADS | NM_LEADS_FOR_SOME_TYPE;
    }
    if (holds_matched_address(rrset)) {
      found |= NM_LEADS | NM_LEADS_FOR_SOME_TYPE | NM_MATCHED_ADDRESS;
    }
    return found;
  }

  unsigned of_authority(const nm_rrset& rrset) const noexcept {
    if (belongs_in_authority(rrset)) {
      return 0;
    }
    const bool stray = owner_is_matched(rrset) || (of_answer(rrset) & NM_LEADS_FOR_SOME_TYPE) != 0;
    return bits_if(stray, NM_STRAY);
  }

  unsigned of_additional(const nm_rrset& rrset) const noexcept {
    if (holds_matched_address(rrset)) {
      return NM_MATCHED_ADDRESS | NM_STRAY;
    }
    return bits_if(owner_is_matched(rrset), NM_STRAY);
  }

  unsigned of_alias(const nm_rrset& rrset) const noexcept {
    const auto owner = to_name(rrset.owner);
    unsigned found = bits_if(!owner || policy_.covers_some_type(*owner), NM_NOT_SHARED);
    for (std::size_t i = 0; i < rrset.count; ++i) {
      const auto target = target_of(rrset, i);
      if (!target || is_matched_mx_host(*target)) {
        // A rule on MX hosts matches them by whatever name a domain's MX calls them.
        found |= NM_LEADS | NM_LEADS_FOR_SOME_TYPE | NM_NOT_SHARED;
      } else if (policy_.covers_some_type(*target)) {
        found |= NM_LEADS_FOR_SOME_TYPE | NM_NOT_SHARED;
        found |= bits_if(policy_.covers(*target, qtype_), NM_LEADS);
      }
    }
    return found;
  }

  // A DNAME may make aliases to any name below its target.
  unsigned of_dname(const nm_rrset& rrset) const noexcept {
    for (std::size_t i = 0; i < rrset.count; ++i) {
      const auto target = target_of(rrset, i);
      if (!target || policy_.covers_below(*target)) {
        return NM_NOT_SHARED;
      }
    }
    return 0;
  }

  // A rule on MX hosts matches one of them, or rules on names match all of them. A domain whose
  // mail has another way is not blocked for a matched name, whose own address lookup is.
  bool mx_is_matched(const nm_rrset& rrset) const noexcept {
    bool every_name = true;
    for (std::size_t i = 0; i < rrset.count; ++i) {
      const auto host = target_of(rrset, i);
      if (!host || is_matched_mx_host(*host)) {
        return true;
      }
      every_name = every_name && policy_.covers(*host, static_cast<std::uint16_t>(RrType::a));
    }
    return every_name;
  }

  bool is_matched_mx_host(const Name& host) const noexcept {
    return policy_.exchange_count() > 0 && policy_.covers_exchange(as_mx_host(host));
  }

  bool holds_matched_address(const nm_rrset& rrset) const noexcept {
    return policy_.has_address_rules() &&
           any_address(rrset, [this](const ClientAddress& address) noexcept {
             return policy_.covers_address(address);
           });
  }

  bool owner_is_matched(const nm_rrset& rrset) const noexcept {
    const auto owner = to_name(rrset.owner);
    return !owner || policy_.covers(*owner, rrset.type);
  }

  static bool is_wildcard(const nm_rrset& rrset) noexcept {
    return rrset.owner.len >= 2 && rrset.owner.wire[0] == 1 && rrset.owner.wire[1] == '*';
  }

  const Policy& policy_;
  std::uint16_t qtype_;
};

} // namespace

std::optional<Name> to_name(const nm_name& name) noexcept {
  return Name::from_wire({name.wire, name.len});
}

std::optional<ClientAddress> to_address(std::span<const std::uint8_t> octets) noexcept {
  if (octets.size() == 4) {
    std::array<std::uint8_t, 4> v4{};
    std::ranges::copy(octets, v4.begin());
    return ClientAddress::v4(v4);
  }
  if (octets.size() == 16) {
    std::array<std::uint8_t, 16> v6{};
    std::ranges::copy(octets, v6.begin());
    return ClientAddress::v6(v6);
  }
  return std::nullopt;
}

std::span<const std::uint8_t> rdata_of(const nm_rrset& rrset, std::size_t index) noexcept {
  const std::span octets(rrset.rdata[index], rrset.rdata_len[index]);
  return octets.size() > length_octets ? octets.subspan(length_octets)
                                       : std::span<const std::uint8_t>();
}

std::optional<Name> target_of(const nm_rrset& rrset, std::size_t index) noexcept {
  const std::size_t before = is(rrset, RrType::mx) ? 2 : 0; // the preference
  const auto rdata = rdata_of(rrset, index);
  return rdata.size() > before ? Name::from_wire(rdata.subspan(before)) : Name();
}

std::optional<ClientAddress> detail::address_at(std::uint16_t type,
                                                std::span<const std::uint8_t> rdata,
                                                std::size_t n) noexcept {
  switch (static_cast<RrType>(type)) {
  case RrType::svcb:
  case RrType::https:
    return hint_at(rdata, n);
  default:
    return n == 0 ? to_address(rdata) : std::nullopt;
  }
}

unsigned inspect(const Policy& policy, std::uint16_t qtype, std::span<nm_rrset> rrsets) noexcept {
  const Inspection inspection(policy, qtype);
  unsigned all = 0;
  for (nm_rrset& rrset : rrsets) {
    const unsigned found = inspection.of(rrset);
    rrset.findings = static_cast<std::uint8_t>(found);
    all |= found;
  }
  return all;
}

} // namespace nearmiss
