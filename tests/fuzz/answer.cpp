// Answers that Unbound hands over: any octets as the asked name, the owners and the RDATA. The core
// must inspect them, decide, and word a block that a DNS library can read.
#include "rules/rule.hpp"
#include "tests/fuzz/core.hpp"
#include "tests/unit/module/rrsets.hpp"

#include <ldns/ldns.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>

using nearmiss::Name;
using nearmiss::fuzz::Core;
using nearmiss::fuzz::Folder;
using nearmiss::fuzz::Input;
using nearmiss::fuzz::known_name;
using nearmiss::fuzz::start_core;

namespace {

constexpr std::string_view policy = R"(version: 1
clients: {mail: [127.1.0.0/16], mail6: ["2001:db8:25::/48"]}
sinkhole: {ipv4: 192.0.2.53, ipv6: "2001:db8::53", mx: sinkhole.example.net}
defaults: {clients: [mail, mail6]}
rules:
  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}, except: [gouv.ml]}
  - {id: gone, domains: [gone.example], types: all}
  - {id: bare, domains: [bare.example], action: nodata}
  - {id: nullmx, domains: [null.example], action: null-mx}
  - {id: sink, domains: [sink.example], action: sinkhole, ttl: 86400}
  - {id: refuse, domains: [no.example], action: refused}
  - {id: ill, domains: [ill.example], action: servfail}
  - {id: watch, domains: [seen.example], action: observe}
  - {id: parked, mx_exchange: [mx.parking.example]}
  - {id: hosting, answer_ip: [198.51.100.0/24, "2001:db8:bad::/48"]}
  - {id: pass, domains: [fine.gone.example], types: all, action: allow}
protect:
  - {id: ours, domains: [army.mil, example.org], classes: [default, homoglyph, near-homoglyph, tld-swap, missing-dot, embedded-domain]}
)";

constexpr std::array<std::uint16_t, 9> types{1, 2, 5, 6, 15, 28, 39, 64, 65};

// ldns can read it, and reads no more.
void check_record(const nm_record& record) {
  std::vector<std::uint8_t> wire(record.owner.wire, record.owner.wire + record.owner.len);
  const auto owner = Name::from_wire(wire);
  PROMISE(owner && owner->wire().size() == wire.size());
  const auto put16 = [&wire](std::size_t number) {
    wire.push_back(static_cast<std::uint8_t>(number >> 8U));
    wire.push_back(static_cast<std::uint8_t>(number));
  };
  put16(record.type);
  put16(LDNS_RR_CLASS_IN);
  put16(0); // the TTL
  put16(0);
  put16(record.rdata_len);
  wire.insert(wire.end(), record.rdata, record.rdata + record.rdata_len);
  ldns_rr* raw = nullptr;
  std::size_t end = 0;
  PROMISE(ldns_wire2rr(&raw, wire.data(), wire.size(), &end, LDNS_SECTION_ANSWER) ==
          LDNS_STATUS_OK);
  const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> parsed(raw, ldns_rr_free);
  PROMISE(end == wire.size());
}

void check_block(const nm_answer& answer, const Name& qname, std::uint16_t qtype) {
  PROMISE(answer.why.len > 0 && answer.why.len <= NM_EDE_TEXT_MAX);
  PROMISE(answer.answer_count + answer.authority_count <= 1);
  PROMISE(answer.ttl <= 2147483647); // local data has its own
  for (const nm_record& record :
       std::span(answer.records).first(answer.answer_count + answer.authority_count)) {
    check_record(record);
    const auto owner = Name::from_wire({record.owner.wire, record.owner.len});
    if (answer.authority_count == 0) {
      PROMISE(*owner == qname && record.type == qtype);
    } else { // a negative answer's SOA is the asked name's or an ancestor's
      PROMISE(record.type == LDNS_RR_TYPE_SOA && qname.is_at_or_below(*owner));
    }
  }
}

bool leads_to_delivery(std::uint16_t qtype) {
  return nearmiss::TypeSet::delivery().contains(qtype);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Core core = start_core(Folder().write("policy.yaml", policy));
  Input input(data, size);
  const unsigned bits = input.octet();
  const std::uint16_t qtype = input.number();
  const auto wire = input.field();
  nearmiss::test::Rrsets message;
  for (std::size_t count = input.octet() % 16; message.size() < count;) {
    const auto section = static_cast<nm_section>(input.octet() % 3);
    const std::uint16_t type = types[input.octet() % types.size()];
    const auto owner = input.field();
    std::vector<std::string> rdata(1 + input.octet() % 3U);
    for (std::string& record : rdata) {
      const auto octets = input.field();
      record.assign(octets.begin(), octets.end());
    }
    message.add(section, {owner.begin(), owner.end()}, type, rdata);
  }

  const bool policed = (bits & 1U) != 0;
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(policed ? 0x7f010001U : 0x7f020001U);
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  const std::uint8_t prefix[] = {0x20, 0x01, 0x0d,
                                 0xb8, 0,    static_cast<std::uint8_t>(policed ? 0x25 : 0x26)};
  std::copy(std::begin(prefix), std::end(prefix), in6.sin6_addr.s6_addr);
  const nm_lookup lookup{
      .qname = {wire.data(), wire.size()},
      .qtype = qtype,
      .id = 1,
      .client = (bits & 2U) != 0 ? reinterpret_cast<const sockaddr*>(&in6)
                                 : reinterpret_cast<const sockaddr*>(&in),
      .tcp = (bits & 4U) != 0,
      .recursion_desired = true,
      .checking_disabled = false,
      .dnssec_ok = false,
      .wants_structured_error = (bits & 8U) != 0,
      .server = nullptr,
      .max_size = 512,
      .answer = message.data(),
      .answer_count = message.size(),
  };
  const auto qname = Name::from_wire(wire);
  const nm_policy* const in_force = nm_enter(core.get());
  const bool covered = nm_covers(in_force, lookup.qname, qtype);
  const unsigned findings = nm_inspect(in_force, qtype, message.all().data(), message.all().size());
  const bool blocks = nm_blocks(in_force, &lookup);
  nm_answer answer{};
  const nm_outcome outcome =
      nm_judge(core.get(), in_force, &lookup, (bits & 8U) != 0 ? 2 : 0, &answer);
  nm_leave();

  const bool let_through = outcome == NM_PASSED || outcome == NM_LET_THROUGH;
  PROMISE(blocks == !let_through);
  if (!qname) {
    PROMISE(covered && outcome == NM_FAILED);
    return 0;
  }
  if (outcome == NM_BLOCKED) {
    PROMISE(policed);
    check_block(answer, *qname, qtype);
    PROMISE(covered ||
            (findings & NM_LEADS) != 0); // what is not kept out of the caches is not blocked
  }
  // What the policy plainly says, by another way.
  static const Name ml = known_name("ml");
  static const Name excepted = known_name("gouv.ml");
  if (policed && leads_to_delivery(qtype) && qname->is_at_or_below(ml) &&
      !qname->is_at_or_below(excepted)) {
    PROMISE(outcome == NM_BLOCKED);
  }
  static const Name allowed = known_name("fine.gone.example");
  if (qname->is_at_or_below(allowed)) { // the rule is about policed clients
    PROMISE(let_through || (!policed && outcome == NM_FAILED));
  }
  return 0;
}
