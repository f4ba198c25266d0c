// Answers of an upstream server, octet for octet: Unbound's parser makes a message of them, the
// adapter inspects it, the core judges it, and a client gets a reply. What that is must keep what
// the policy promises, whatever the server sent.
#include "rules/rule.hpp"
#include "tests/fuzz/core.hpp"
#include "tests/fuzz/packet_adapter.h"

#include <netinet/in.h>

#include <algorithm>
#include <iterator>
#include <optional>

using nearmiss::Name;
using nearmiss::fuzz::Core;
using nearmiss::fuzz::Folder;
using nearmiss::fuzz::Input;
using nearmiss::fuzz::known_name;
using nearmiss::fuzz::start_core;

namespace {

constexpr std::string_view policy = R"(version: 1
clients: {mail: [127.1.0.0/16]}
sinkhole: {ipv4: 192.0.2.53, ipv6: "2001:db8::53", mx: sinkhole.example.net}
defaults: {clients: [mail]}
rules:
  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}, except: [gouv.ml]}
  - {id: sink, domains: [sink.example], action: sinkhole}
  - {id: silent, domains: [silent.example], action: drop}
  - {id: parked, mx_exchange: [mx.parking.example]}
  - {id: hosting, answer_ip: [198.51.100.0/24]}
  - {id: watch, domains: [seen.example], action: observe}
protect:
  - {id: ours, domains: [army.mil]}
)";

enum Type : std::uint16_t { A = 1, CNAME = 5, MX = 15, AAAA = 28, ANY = 255 };

// By the policy's text, without the policy's code. What is no name counts.
bool is_listed(const std::optional<Name>& name) {
  static const Name ml = known_name("ml");
  static const Name excepted = known_name("gouv.ml");
  static const Name sink = known_name("sink.example");
  static const Name silent = known_name("silent.example");
  return !name || (name->is_at_or_below(ml) && !name->is_at_or_below(excepted)) ||
         name->is_at_or_below(sink) || name->is_at_or_below(silent);
}

// What one side of the module has seen of an answer.
struct Seen {
  bool to_listed = false;     // an alias in the answer section leads to a listed name
  bool parked = false;        // an exchange of a parking host
  bool hosted = false;        // an address that is listed
  bool brings_listed = false; // an address of a listed name in the additional section
  std::size_t records = 0;

  void note(const packet_record& record) {
    static const Name parking = known_name("mx.parking.example");
    ++records;
    const auto owner = Name::from_wire({record.owner.wire, record.owner.len});
    const auto name_behind = [&](std::size_t skipped) {
      return record.rdata_len > skipped
                 ? Name::from_wire({record.rdata + skipped, record.rdata_len - skipped})
                 : known_name("."); // as Unbound lets pass, and writes out
    };
    const bool listed_address = record.type == A && record.rdata_len == 4 &&
                                record.rdata[0] == 198 && record.rdata[1] == 51 &&
                                record.rdata[2] == 100;
    if (record.section == PACKET_ADDITIONAL) {
      brings_listed = brings_listed || listed_address ||
                      ((record.type == A || record.type == AAAA) && is_listed(owner));
    }
    if (record.section != PACKET_ANSWER) {
      return;
    }
    if (record.type == CNAME) {
      to_listed = to_listed || is_listed(name_behind(0));
    } else if (record.type == MX) {
      const auto exchange = name_behind(2);
      parked = parked || (exchange && exchange->is_at_or_below(parking));
    }
    hosted = hosted || listed_address;
  }
};

struct Sides {
  Seen before, after;
};

void note(void* arg, bool after, const packet_record* record) {
  auto* const sides = static_cast<Sides*>(arg);
  (after ? sides->after : sides->before).note(*record);
}

// A header and the client's question in front of records, so that not every input must find them.
std::vector<std::uint8_t> whole_packet(Input& input, std::span<const std::uint8_t> qname,
                                       std::uint16_t qtype) {
  std::vector<std::uint8_t> packet{0, 1, 0x84, input.octet()}; // QR and AA; the rcode
  const auto append = [&packet](std::uint16_t number) {
    packet.push_back(static_cast<std::uint8_t>(number >> 8U));
    packet.push_back(static_cast<std::uint8_t>(number));
  };
  append(1);
  for (int section = 0; section < 3; ++section) {
    append(input.octet());
  }
  packet.insert(packet.end(), qname.begin(), qname.end());
  append(qtype);
  append(1);
  const std::string_view records = input.rest();
  packet.insert(packet.end(), records.begin(), records.end());
  return packet;
}

// Asks, and holds the reply against the policy. False if the `failing`-th allocation was not made.
bool ask(nm_core* core, bool policed, const Name& qname, std::uint16_t qtype,
         std::span<const std::uint8_t> packet, std::size_t failing) {
  sockaddr_in client{};
  client.sin_family = AF_INET;
  client.sin_addr.s_addr = htonl(policed ? 0x7f010001U : 0x7f020001U);
  nm_lookup lookup{};
  lookup.qname = {qname.wire().data(), qname.wire().size()};
  lookup.qtype = qtype;
  lookup.client = reinterpret_cast<const sockaddr*>(&client);
  Sides sides;
  packet_outcome outcome{};
  packet_ask(core, &lookup, packet.data(), packet.size(), failing, &outcome, note, &sides);

  const bool delivery = nearmiss::TypeSet::delivery().contains(qtype);
  if (policed && delivery && is_listed(qname)) {
    PROMISE(!outcome.asked);
  }
  if (!outcome.asked || !outcome.parsed || outcome.referral) {
    return outcome.failed;
  }
  const bool leads = delivery && (sides.before.to_listed || sides.before.parked ||
                                  sides.before.hosted || is_listed(qname));
  if (leads) {
    PROMISE(!outcome.cached);
  }
  PROMISE(!sides.after.brings_listed);
  if (policed && delivery) {
    PROMISE(!sides.after.to_listed && !sides.after.parked && !sides.after.hosted);
    PROMISE(!leads || sides.after.records <= 1);
  }
  // A client that is not policed gets what the server sent, but for what it did not ask for.
  if (!policed) {
    PROMISE(!outcome.dropped && sides.after.records <= sides.before.records);
    PROMISE(outcome.rcode == 2 || sides.after.to_listed == sides.before.to_listed);
  }
  return outcome.failed;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Core core = start_core(Folder().write("policy.yaml", policy));
  Input input(data, size);
  const unsigned bits = input.octet();
  const std::uint16_t qtype = input.number();
  const auto wire = input.field();
  const auto qname = Name::from_wire(wire);
  if (!qname) {
    return 0; // Unbound lets no such question in
  }
  std::vector<std::uint8_t> packet;
  if ((bits & 2U) != 0) {
    const std::string_view rest = input.rest();
    packet.assign(rest.begin(), rest.end());
  } else {
    packet = whole_packet(input, qname->wire(), qtype);
  }
  const bool policed = (bits & 1U) != 0;
  ask(core.get(), policed, *qname, qtype, packet, 0);
  if ((bits & 4U) != 0) { // memory ends at each point
    for (std::size_t failing = 1; ask(core.get(), policed, *qname, qtype, packet, failing);
         ++failing) {
    }
  }
  return 0;
}
