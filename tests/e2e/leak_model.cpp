#include "tests/e2e/leak_model.hpp"

#include <algorithm>
#include <cctype>
#include <set>

namespace e2e {

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool at_or_below(const std::string& name, const std::string& ancestor) {
  return name == ancestor || name.ends_with("." + ancestor);
}

std::string without_final_dot(const std::string& name) {
  return name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
}

// `types: delivery`
bool leads_mail(int type) {
  static const std::set<int> delivery{MX, A, AAAA, CNAME, ANY, SRV, HTTPS, SVCB};
  return delivery.contains(type);
}

// The answer section as a set of texts: no TTL, no order, no case, no fresh label.
std::set<std::string> content(const Answer& answer, const std::string& fresh_label) {
  std::set<std::string> records;
  for (const Rr& rr : answer.answer) {
    std::string text = lower(rr.owner + " " + type_text(rr.type) + " " + rr.data);
    for (std::size_t at;
         !fresh_label.empty() && (at = text.find(fresh_label + ".")) != std::string::npos;) {
      text.replace(at, fresh_label.size(), "fresh");
    }
    records.insert(text);
  }
  return records;
}

// The truth, as far as it is always the same. Below a DNAME an asked-for CNAME is the whole answer
// or the beginning of one: with QNAME minimisation Unbound asks for A first, and where the response
// begins with a DNAME its iterator follows the alias (processQueryResponse in iterator.c).
bool is_true(const std::set<std::string>& told, const std::set<std::string>& truth, int type) {
  const auto within = [](const std::set<std::string>& part, const std::set<std::string>& whole) {
    return !part.empty() && std::includes(whole.begin(), whole.end(), part.begin(), part.end());
  };
  return told == truth || (type == CNAME && (within(told, truth) || within(truth, told)));
}

} // namespace

const std::string leak_zone = "$ORIGIN rpz.feed.\n"
                              "@ 60 SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n"
                              "nx.any.good.example CNAME .\n"
                              "*.below.any.good.example CNAME *.\n"
                              "pass.any.army.ml CNAME rpz-passthru.\n"
                              "drop.any.good.example CNAME rpz-drop.\n"
                              "tcp.any.good.example CNAME rpz-tcp-only.\n"
                              "local.any.good.example A 192.0.2.77\n"
                              "local.any.good.example MX 10 mx.example.net.\n";

std::string leak_policy() {
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"),
                std::string("  - {id: zone, list: {file: ") + leak_zone_file +
                    ", format: rpz}}\n"
                    "  - {id: parked, mx_exchange: [mx.parking.example],"
                    " except: [mine.good.example, mine.plain.example]}\n"
                    "  - id: hosting\n"
                    "    answer_ip: [198.51.100.192/26, \"2001:db8:bad:c9::/64\"]\n"
                    "protect:\n"
                    "  - {id: ours, domains: [plain.example]}\n");
  return policy;
}

std::vector<Zone> leak_zones() {
  std::vector<Zone> zones = default_zones();
  for (Zone& zone : zones) {
    if (zone.origin == "good.example.") {
      zone.records +=
          "*.any A 203.0.113.3\n*.any MX 10 mx\n"
          "*.alias CNAME realhost.army.ml.\n"
          "*.exchange MX 10 realhost.army.ml.\n*.exchange A 203.0.113.8\n"
          // For rules on what an answer holds, and names that only look like plain.example.
          "*.parked MX 10 realhost.mx.parking.example.\n*.parked A 203.0.113.8\n"
          "parkedtoo MX 10 mx\nparkedtoo MX 20 realhost.a.mx.parking.example.\n"
          "parkednot MX 10 realhost.parking.example.\n"
          "mine MX 10 realhost.mx.parking.example.\n"
          "*.held A 198.51.100.201\n*.held AAAA 2001:db8:bad:c9::1\n"
          "heldtoo A 203.0.113.9\nheldtoo A 198.51.100.202\n"
          "toheld CNAME x.held\ntoparked CNAME x.parked\n"
          "tolookalike CNAME p1ain.example.\n";
    } else if (zone.origin == "plain.example.") {
      // To a listed name and out again, and to a listed exchange. Not from a signed zone: ANY would
      // be bogus.
      zone.records += "through CNAME park.army.ml.\n*.through CNAME park.navy.ml.\n"
                      "toexchange CNAME realhost.mx.parking.example.\n"
                      "*.toexchange CNAME realhost.mx.parking.example.\n"
                      "*.mine CNAME realhost.mx.parking.example.\n";
    } else if (zone.origin == "gouv.ml." || zone.origin == "brief.example.") {
      zone.records += "*.any A 203.0.113.3\n";
    } else if (zone.origin == "arrny.example.") {
      zone.records += "*.any A 203.0.113.6\n";
    } else if (zone.origin == "army.ml." || zone.origin == "navy.ml." ||
               zone.origin == "flash.ml.") {
      zone.records += "*.any MX 10 realhost\npark CNAME mx.plain.example.\n";
    }
  }
  const std::string secret = "@ MX 10 realhost\n@ A 198.51.100.7\nrealhost A 198.51.100.8\n"
                             "*.any A 198.51.100.8\n";
  zones.push_back({"parking.example.", Server::host, true,
                   "realhost.mx A 198.51.100.10\nrealhost.mx MX 10 realhost.mx\n"});
  zones.push_back({"p1ain.example.", Server::host, true, secret});
  zones.push_back({"plainn.example.", Server::host, false, secret});
  return zones;
}

std::vector<Subject> leak_subjects() {
  return {
      // listed
      {"ml"},
      {"army.ml"},
      {"realhost.army.ml"},
      {"www.army.ml"},
      {"navy.ml"},
      {"flash.ml"},
      {"nothere.army.ml"},
      {"arrny.example"},
      {"FRESH.any.army.ml"},
      {"FRESH.any.navy.ml"},
      {"FRESH.any.flash.ml"},
      {"FRESH.nothere.ml"},
      // listed, and the name server of tenant.example
      {"ns1.hosting.ml"},
      {"tenant.example"},
      // leading to a listed name
      {"alias.good.example", {"army.ml."}},
      {"chain.good.example", {"army.ml."}},
      {"alias.plain.example", {"navy.ml."}},
      {"alias.brief.example", {"flash.ml."}},
      {"www.dept.good.example"},
      {"FRESH.alias.good.example", {"realhost.army.ml."}},
      {"through.plain.example", {"park.army.ml."}},
      {"FRESH.through.plain.example", {"park.navy.ml.", "mx.plain.example."}},
      {"FRESH.any.dept.good.example", {"FRESH.any.army.ml."}},
      {"mxlisted.good.example"},
      {"mxlisted.plain.example"},
      {"mxboth.good.example"},
      {"FRESH.exchange.good.example"},
      // below a name that is listed alone
      {"www.arrny.example"},
      {"deep.www.arrny.example"},
      {"FRESH.any.arrny.example"},
      // excepted
      {"gouv.ml"},
      {"FRESH.any.gouv.ml"},
      // in the response policy zone, and beside its names
      {"nx.any.good.example"},
      {"FRESH.nx.any.good.example"},
      {"below.any.good.example"},
      {"FRESH.below.any.good.example"},
      {"pass.any.army.ml"},
      {"FRESH.pass.any.army.ml"},
      {"drop.any.good.example"},
      {"tcp.any.good.example"},
      {"local.any.good.example"},
      // look-alikes of plain.example
      {"p1ain.example"},
      {"realhost.p1ain.example"},
      {"FRESH.any.p1ain.example"},
      {"FRESH.any.plainn.example"},
      {"plainn.example"},
      // not look-alikes, but leading to one
      {"tolookalike.good.example", {"p1ain.example."}},
      // with a listed exchange or address in the answer
      {"x.parked.good.example"},
      {"FRESH.parked.good.example"},
      {"parkedtoo.good.example"},
      {"toparked.good.example", {"x.parked.good.example."}},
      {"toexchange.plain.example", {"realhost.mx.parking.example."}},
      {"FRESH.toexchange.plain.example", {"realhost.mx.parking.example."}},
      {"x.held.good.example"},
      {"FRESH.held.good.example"},
      {"heldtoo.good.example"},
      {"toheld.good.example", {"x.held.good.example."}},
      // not so
      {"parkednot.good.example"},
      {"mine.good.example"},
      {"FRESH.mine.plain.example", {"realhost.mx.parking.example."}},
      // not listed
      {"army.mil"},
      {"www.army.mil"},
      {"good.example"},
      {"toward.good.example"},
      {"brief.example"},
      {"plain.example"},
      {"FRESH.any.good.example"},
      {"FRESH.any.brief.example"},
      {"FRESH.nothere.example"},
  };
}

const char* to_text(Verdict verdict) {
  switch (verdict) {
  case Verdict::real:
    return "real";
  case Verdict::blocked:
    return "blocked";
  case Verdict::null_mx:
    return "null-mx";
  case Verdict::nodata:
    return "nodata";
  case Verdict::local_data:
    return "local data";
  case Verdict::truncated:
    return "truncated";
  case Verdict::silent:
    return "silent";
  case Verdict::no_data_told:
    return "no data";
  case Verdict::no_secret:
    return "no secret";
  }
  return "?";
}

namespace {

// What leak_zone says to a policed client; nullopt: nothing.
std::optional<Verdict> zone_verdict(const std::string& name, int type, const Flags& flags) {
  if (!leads_mail(type)) {
    return std::nullopt;
  }
  const auto told = [&](Verdict verdict) { return flags.rd ? verdict : Verdict::no_data_told; };
  if (name == "nx.any.good.example") {
    return told(Verdict::blocked);
  }
  if (name.ends_with(".below.any.good.example")) {
    return told(Verdict::nodata);
  }
  if (name == "pass.any.army.ml") {
    return Verdict::real;
  }
  if (name == "drop.any.good.example") {
    return Verdict::silent;
  }
  if (name == "tcp.any.good.example") {
    return flags.transport == Transport::udp ? told(Verdict::truncated) : Verdict::real;
  }
  if (name == "local.any.good.example") {
    return flags.rd ? type == A || type == MX || type == ANY ? Verdict::local_data : Verdict::nodata
                    : Verdict::no_secret;
  }
  return std::nullopt;
}

} // namespace

bool is_policed(const std::string& client) {
  return client.starts_with("127.1.");
}

bool is_listed(const std::string& name, int type) {
  const std::string plain = without_final_dot(lower(name));
  const bool by_name =
      (at_or_below(plain, "ml") && !at_or_below(plain, "gouv.ml")) || plain == "arrny.example";
  return by_name && leads_mail(type);
}

namespace {

// Names that the policy takes for plain.example mistyped. Only what is asked for can be that.
bool is_lookalike(const std::string& name, int type) {
  const std::string plain = without_final_dot(lower(name));
  return leads_mail(type) &&
         (at_or_below(plain, "p1ain.example") || at_or_below(plain, "plainn.example"));
}

bool is_listed_address(const Rr& rr) {
  const std::size_t last_dot = rr.data.rfind('.');
  return (rr.type == A && rr.data.starts_with(secret_ipv4) &&
          std::stoi(rr.data.substr(last_dot + 1)) >= 192) ||
         (rr.type == AAAA && rr.data.starts_with("2001:db8:bad:c9:"));
}

// By the rule on exchanges, if it is an answer to `name` that leads to `host`.
bool is_parked(const std::string& host, const std::string& name) {
  const std::string asked = without_final_dot(lower(name));
  return at_or_below(without_final_dot(lower(host)), "mx.parking.example") &&
         !at_or_below(asked, "mine.good.example") && !at_or_below(asked, "mine.plain.example");
}

bool is_delegation(const Answer& answer) {
  const auto has = [&](int type) {
    return std::ranges::find(answer.authority, type, &Rr::type) != answer.authority.end();
  };
  return answer.answer.empty() && has(NS) && !has(SOA);
}

std::string exchange_of(const Rr& mx) {
  return without_final_dot(lower(mx.data.substr(mx.data.find(' ') + 1)));
}

} // namespace

Answer Oracle::true_answer(const std::string& name, int type, const Flags& flags) {
  // Asked as any client would; only what changes the answer section is taken over.
  const Flags asked{
      .cd = flags.cd, .ad = true, .dnssec_ok = flags.dnssec_ok, .transport = Transport::tcp};
  const std::string key =
      name + "/" + std::to_string(type) + (flags.cd ? "c" : "") + (flags.dnssec_ok ? "d" : "");
  const std::lock_guard lock(mutex_);
  const auto found = known_.find(key);
  if (found != known_.end()) {
    return found->second;
  }
  return known_.emplace(key, truth_.answer(other, name, type, asked)).first->second;
}

Verdict Oracle::verdict(const std::string& client, const std::string& name, int type,
                        const Flags& flags) {
  if (!is_policed(client)) {
    return Verdict::real;
  }
  if (const auto verdict = zone_verdict(without_final_dot(lower(name)), type, flags)) {
    return *verdict;
  }
  // Without RD nobody resolves anything: Unbound itself may answer with a delegation.
  const Verdict block = flags.rd ? Verdict::blocked : Verdict::no_data_told;
  if (is_listed(name, type) || is_lookalike(name, type)) {
    return block;
  }
  const auto holds_listed_address = [&](int truth_type) {
    const std::vector<Rr> records = true_answer(name, truth_type, flags).answer;
    return std::any_of(records.begin(), records.end(), is_listed_address);
  };
  const auto leads_to_listed = [&](int truth_type) {
    const std::vector<Rr> records = true_answer(name, truth_type, flags).answer;
    return std::any_of(records.begin(), records.end(), [&](const Rr& rr) {
      return rr.type == CNAME &&
             (is_listed(rr.data, type) || (is_parked(rr.data, name) && leads_mail(type)));
    });
  };
  if (type == ANY) {
    // What Unbound answers to ANY depends on what it has at hand, so the truth is asked otherwise:
    // the alias itself must not be told; whether a chain of them is followed is Unbound's affair.
    return leads_to_listed(CNAME) ? Verdict::no_data_told
           : leads_to_listed(A) || holds_listed_address(A) || blocked_by_exchange(name, flags)
               ? Verdict::no_secret
               : Verdict::real;
  }
  if (leads_to_listed(type) || holds_listed_address(type)) {
    return block;
  }
  if (type != MX || !blocked_by_exchange(name, flags)) {
    return Verdict::real;
  }
  return flags.rd ? Verdict::null_mx : Verdict::no_data_told;
}

// All exchanges are names that are listed, or one is below that of the rule on exchanges.
bool Oracle::blocked_by_exchange(const std::string& name, const Flags& flags) {
  bool every_listed = true;
  bool any = false;
  for (const Rr& rr : true_answer(name, MX, flags).answer) {
    if (rr.type == MX) {
      any = true;
      every_listed = every_listed && is_listed(exchange_of(rr), A);
      if (is_parked(exchange_of(rr), name)) {
        return true;
      }
    }
  }
  return any && every_listed;
}

std::string Oracle::judge(Verdict verdict, const Answer& answer, const std::string& name, int type,
                          const Flags& flags, const std::string& fresh_label) {
  if (!answer.qr || answer.question_type != type) {
    return "not an answer to this question";
  }
  if (verdict == Verdict::real) {
    if (looks_blocked(answer)) {
      return "a block of somebody who may have the answer";
    }
    if (!flags.rd || answer.tc) {
      return ""; // what is there without recursion depends on what was asked before
    }
    if (type == ANY) {
      return ""; // Unbound puts together what it has at hand, which is not always the same
    }
    const Answer truth = true_answer(name, type, flags);
    if (answer.rcode != truth.rcode) {
      return "rcode " + std::to_string(answer.rcode) + " instead of " + std::to_string(truth.rcode);
    }
    if (!is_true(content(answer, fresh_label), content(truth, ""), type)) {
      return "other data than there is; the truth:\n" + truth.text();
    }
    // AD may be missing: after CD, or where a policed client was answered from the same query. It
    // must not be there unless validation says so.
    Flags validated = flags;
    validated.cd = false;
    if (answer.ad && !true_answer(name, type, validated).ad) {
      return "AD without validation";
    }
    return "";
  }
  if (tells_a_secret(answer)) {
    return "A LEAK";
  }
  if (verdict == Verdict::no_secret) {
    return "";
  }
  if (verdict == Verdict::no_data_told && !answer.answer.empty() && !looks_blocked(answer)) {
    return "data, though none may be told";
  }
  // Without RD a client may get the delegation, with AD where it is signed, or, for a name that is
  // to be asked by TCP, TC.
  const bool without_rd = verdict == Verdict::no_data_told;
  const bool right_tc = without_rd || answer.tc == (verdict == Verdict::truncated);
  if ((answer.ad && !(without_rd && is_delegation(answer))) || answer.aa || !right_tc) {
    return "a block with AA, AD or TC";
  }
  if (verdict == Verdict::blocked &&
      (answer.rcode != nxdomain || !answer.answer.empty() || answer.authority.size() != 1)) {
    return "not the block of the policy";
  }
  if (verdict == Verdict::null_mx && answer.data_of(MX) != std::vector<std::string>{"0 ."}) {
    return "not a null MX";
  }
  if ((verdict == Verdict::nodata || verdict == Verdict::truncated) &&
      (answer.rcode != noerror || !answer.answer.empty() ||
       answer.authority.size() != (verdict == Verdict::nodata ? 1 : 0))) {
    return "not that";
  }
  if (verdict == Verdict::local_data) {
    const std::vector<std::string> address =
        type == MX ? std::vector<std::string>{} : std::vector<std::string>{"192.0.2.77"};
    const std::vector<std::string> exchange =
        type == A ? std::vector<std::string>{} : std::vector<std::string>{"10 mx.example.net."};
    if (answer.rcode != noerror || answer.data_of(A) != address || answer.data_of(MX) != exchange) {
      return "not the local data";
    }
  }
  return "";
}

} // namespace e2e
