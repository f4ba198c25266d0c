// An exported policy says the same in Unbound's own RPZ, BIND and PowerDNS Recursor as the policy
// itself does, and Postfix finds in a generated table what is meant to be there.
#include "tests/catch.hpp"

#include "config/config.hpp"
#include "config/local_data.hpp"
#include "tests/e2e/address.hpp"
#include "tests/e2e/client.hpp"
#include "tests/e2e/mail_server.hpp"
#include "tests/e2e/process.hpp"
#include "tests/paths.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <sstream>

using namespace e2e;

namespace {

constexpr const char* zone_name = "rpz.nearmiss";

// Answers every name there is, so that whatever is not blocked gets data.
constexpr const char* everything = "$ORIGIN .\n$TTL 300\n"
                                   "@ SOA ns.up. host.up. 1 3600 600 86400 60\n@ NS ns.up.\n"
                                   "* A 203.0.113.9\n* AAAA 2001:db8:900d::9\n* MX 10 mx.up.\n";
const std::vector<std::string> real_addresses{"203.0.113.9"};
const std::vector<std::string> real_exchanges{"10 mx.up."};

const char* const policy = R"(version: 1
clients: {mail: [127.1.0.0/16], web: [127.2.0.0/16]}
sinkhole: {ipv4: 192.0.2.53, ipv6: "2001:db8::53", mx: sink.example.net}
defaults: {clients: [mail], ttl: 60}
rules:
  - id: mil-ml
    confusable: {intended: mil, mistyped: [ml]}
    except: [gouv.ml, a.b.c.ml]
  - {id: alone, exact: [arrny.example, deep.er.ml], action: null-mx}
  - {id: tree, domains: [navy.example], action: nodata}
  - {id: in-tree, exact: [mx.navy.example, x.y.navy.example]}
  - {id: sink, domains: [army.example], action: sinkhole}
  - {id: partner, domains: [ok.army.example], action: allow}
  - {id: host, exact: [www.partner.ml], action: allow}
  - {id: zone, list: {file: feed.rpz, format: rpz}}
  - {id: failing, domains: [fail.example], action: servfail}
  - {id: refusing, domains: [refuse.example], action: refused}
  - {id: nested, domains: [nest.example, b.a.nest.example], action: null-mx}
  - {id: nested-out, domains: [a.nest.example], exact: [x.b.a.nest.example], action: allow}
  - {id: wild, list: {file: wild.txt, format: domains}}
  - {id: wild-out, exact: [out.wild.example], action: allow}
  - {id: one-label, exact: [single], domains: [whole], public_suffix: true}
  - {id: slow, domains: [slow.example], exact: [x.out.slow.example], action: tcp-only}
  - {id: slow-out, domains: [out.slow.example], action: allow}
  - {id: octets, exact: ['a\.b.octets.example', 'sp\032ace.octets.example', '\255.octets.example']}
  - {id: seen, domains: [seen.ml, seen.example], action: observe}
  - {id: web, domains: [web.example], clients: [web]}
protect:
  - {id: ours, domains: [usarmy.example]}
)";

// At 240 octets there is room for `*` below it in the zone.
const std::string long_name = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                              std::string(63, 'c') + "." + std::string(38, 'd') + ".example";

const char* const feed = "$ORIGIN feed.\n@ SOA localhost. h. 1 3600 600 86400 60\n"
                         "data.example A 192.0.2.7\ndata.example A 192.0.2.8\n"
                         "data.example MX 10 sink.example.net.\n*.below.example CNAME .\n"
                         "drop.example CNAME rpz-drop.\n*.drop.example CNAME rpz-drop.\n"
                         "x.y.tcp.example CNAME rpz-tcp-only.\n"
                         "*.in.data.example A 192.0.2.9\n*.in.data.example MX 5 sink.example.net.\n"
                         "pass.in.data.example CNAME rpz-passthru.\n";

// Hits, and beside each its near misses: names below, above and beside.
const std::vector<std::string> asked{"ml",
                                     "army.ml",
                                     "us.army.ml",
                                     "gouv.ml",
                                     "finances.gouv.ml",
                                     "notgouv.ml",
                                     "c.ml",
                                     "b.c.ml",
                                     "x.b.c.ml",
                                     "a.b.c.ml",
                                     "x.a.b.c.ml",
                                     "x.c.ml",
                                     "er.ml",
                                     "x.er.ml",
                                     "deep.er.ml",
                                     "x.deep.er.ml",
                                     "zz.deep.er.ml",
                                     "www.partner.ml",
                                     "x.www.partner.ml",
                                     "partner.ml",
                                     "mail.partner.ml",
                                     "seen.ml",
                                     "x.seen.ml",
                                     "seen.example",
                                     "army.mil",
                                     "ml.example",
                                     "arrny.example",
                                     "x.arrny.example",
                                     "navy.example",
                                     "x.navy.example",
                                     "mx.navy.example",
                                     "x.mx.navy.example",
                                     "y.navy.example",
                                     "z.y.navy.example",
                                     "x.y.navy.example",
                                     "w.x.y.navy.example",
                                     "army.example",
                                     "x.army.example",
                                     "ok.army.example",
                                     "x.ok.army.example",
                                     "notarmy.example",
                                     "data.example",
                                     "x.data.example",
                                     "below.example",
                                     "x.below.example",
                                     "x.y.below.example",
                                     "fail.example",
                                     "x.fail.example",
                                     "refuse.example",
                                     "web.example",
                                     "drop.example",
                                     "x.drop.example",
                                     "xdrop.example",
                                     "tcp.example",
                                     "y.tcp.example",
                                     "x.y.tcp.example",
                                     "z.x.y.tcp.example",
                                     "usarmy.example",
                                     "usamry.example",
                                     "x.usamry.example",
                                     "usarny.example",
                                     "nest.example",
                                     "x.nest.example",
                                     "a.nest.example",
                                     "x.a.nest.example",
                                     "b.a.nest.example",
                                     "y.b.a.nest.example",
                                     "x.b.a.nest.example",
                                     "z.x.b.a.nest.example",
                                     "wild.example",
                                     "x.wild.example",
                                     "y.x.wild.example",
                                     "out.wild.example",
                                     "x.out.wild.example",
                                     "single",
                                     "x.single",
                                     "whole",
                                     "x.whole",
                                     "y.x.whole",
                                     "slow.example",
                                     "x.slow.example",
                                     "out.slow.example",
                                     "y.out.slow.example",
                                     "x.out.slow.example",
                                     "z.x.out.slow.example",
                                     "in.data.example",
                                     "x.in.data.example",
                                     "y.x.in.data.example",
                                     "pass.in.data.example",
                                     "x.pass.in.data.example",
                                     "a\\.b.octets.example",
                                     "b.octets.example",
                                     "sp\\032ace.octets.example",
                                     "space.octets.example",
                                     "\\255.octets.example",
                                     long_name,
                                     "x." + long_name,
                                     "example",
                                     "unlisted.example"};

class Resolver {
 public:
  Resolver(std::string name, const std::string& address, std::uint16_t port = 53)
      : name_(std::move(name)) {
    endpoint_.address = address;
    endpoint_.port = port;
  }
  void start(const std::filesystem::path& folder, const std::vector<std::string>& argv) {
    process_ = std::make_unique<Process>(argv, folder / (name_ + ".log"));
    // It serves once a name of the zone, and one that is not there, have their answers.
    const bool serves = wait_until([&] {
      if (!process_->alive()) {
        return false;
      }
      try {
        const auto blocked = ask(endpoint_, mail, "army.ml", MX, {.transport = Transport::tcp});
        return blocked && blocked->rcode == nxdomain;
      } catch (const std::exception&) {
        return false; // it does not listen yet
      }
    });
    INFO(name_ << ":\n" << process_->log());
    REQUIRE(serves);
  }
  const std::string& name() const noexcept { return name_; }
  const Endpoint& endpoint() const noexcept { return endpoint_; }

 private:
  std::string name_;
  Endpoint endpoint_;
  std::unique_ptr<Process> process_;
};

std::string quoted(const std::filesystem::path& path) {
  return '"' + path.string() + '"';
}

// The authoritative server and the three resolvers, all with the same zone.
class Resolvers {
 public:
  explicit Resolvers(const std::filesystem::path& folder, bool unbound_alone = false)
      : folder_(folder), network_(claim_network(55)) {
    start_authority();
    start_unbound();
    if (!unbound_alone) {
      start_bind();
      start_powerdns();
    }
  }
  const std::vector<std::unique_ptr<Resolver>>& all() const noexcept { return resolvers_; }

 private:
  std::string authority() const { return network_ + "1"; }

  void start_authority() {
    write_file(folder_ / "everything", everything);
    const std::string base = (folder_ / "nsd").string();
    write_file(base + ".conf",
               "server:\n  ip-address: " + authority() +
                   "@53\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n"
                   "  pidfile: \"" +
                   base + ".pid\"\n  xfrdfile: \"" + base +
                   ".xfrd\"\n  xfrdir: " + quoted(folder_) + "\n  zonesdir: " + quoted(folder_) +
                   "\n  zonelistfile: \"" + base +
                   ".list\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n"
                   "zone:\n  name: \".\"\n  zonefile: " +
                   quoted(folder_ / "everything") + "\n");
    authority_ = std::make_unique<Process>(
        std::vector<std::string>{NSD_BIN, "-d", "-c", base + ".conf"}, base + ".log");
    REQUIRE(authority_->wait_for_log("nsd started"));
  }

  void start_unbound() {
    resolvers_.push_back(std::make_unique<Resolver>("Unbound", network_ + "2"));
    write_file(folder_ / "unbound.conf",
               "server:\n  interface: " + network_ +
                   "2@53\n  do-daemonize: no\n"
                   "  use-syslog: no\n  pidfile: \"\"\n  username: \"\"\n  chroot: \"\"\n"
                   "  module-config: \"respip iterator\"\n  do-not-query-localhost: no\n"
                   "  access-control: 127.0.0.0/8 allow\n  directory: " +
                   quoted(folder_) +
                   "\nremote-control:\n  control-enable: no\n"
                   "forward-zone:\n  name: \".\"\n  forward-addr: " +
                   authority() + "\nrpz:\n  name: \"" + zone_name +
                   "\"\n  zonefile: " + quoted(folder_ / "zone") + "\n");
    resolvers_.back()->start(folder_,
                             {UNBOUND_BIN, "-d", "-c", (folder_ / "unbound.conf").string()});
  }

  void start_bind() {
    // BIND listens on addresses that an interface has.
    const std::uint16_t port = free_port("127.0.0.1");
    resolvers_.push_back(std::make_unique<Resolver>("BIND", "127.0.0.1", port));
    const std::string place = quoted(folder_);
    // Of BIND before 9.20 only, whose default is a path that is not ours.
    const bool has_lock_file = run({NAMED_BIN, "-v"}).output.find("BIND 9.1") != std::string::npos;
    write_file(folder_ / "named.conf",
               "options {\n  directory " + place + ";\n  managed-keys-directory " + place +
                   ";\n  listen-on port " + std::to_string(port) +
                   " { 127.0.0.1; };\n  listen-on-v6 { none; };\n  pid-file none;\n  "
                   "session-keyfile none;\n" +
                   (has_lock_file ? "  lock-file none;\n" : "") +
                   "  allow-query { 127.0.0.0/8; };\n"
                   "  allow-recursion { 127.0.0.0/8; };\n  dnssec-validation no;\n"
                   "  empty-zones-enable no;\n  forward only;\n  forwarders { " +
                   authority() + "; };\n  response-policy { zone \"" + zone_name +
                   "\"; } qname-wait-recurse no;\n};\ncontrols { };\nzone \"" + zone_name +
                   "\" { type primary; file " + quoted(folder_ / "zone") +
                   "; allow-query { none; }; notify no; };\n");
    resolvers_.back()->start(
        folder_, {NAMED_BIN, "-g", "-n", "1", "-4", "-c", (folder_ / "named.conf").string()});
  }

  void start_powerdns() {
    resolvers_.push_back(std::make_unique<Resolver>("PowerDNS Recursor", network_ + "4"));
    write_file(folder_ / "lua",
               "rpzFile(" + quoted(folder_ / "zone") + ", {policyName=\"nearmiss\"})\n");
    write_file(folder_ / "recursor.conf",
               "local-address=" + network_ + "4\nlocal-port=53\nsocket-dir=" + folder_.string() +
                   "\nlua-config-file=" + (folder_ / "lua").string() +
                   "\nforward-zones-recurse=.=" + authority() +
                   "\nallow-from=127.0.0.0/8\ndont-query=\nthreads=1\n"
                   "pdns-distributes-queries=no\ndnssec=off\ndaemon=no\nwrite-pid=no\n"
                   "disable-syslog=yes\nsecurity-poll-suffix=\nqname-minimization=no\n");
    std::vector<std::string> command{PDNS_RECURSOR_BIN, "--config-dir=" + folder_.string()};
    // From 5.0 on settings are YAML, unless these are asked for.
    if (run({PDNS_RECURSOR_BIN, "--version"}).output.find("Recursor 4.") == std::string::npos) {
      command.emplace_back("--enable-old-settings");
    }
    resolvers_.back()->start(folder_, command);
  }

  std::filesystem::path folder_;
  std::string network_;
  std::unique_ptr<Process> authority_;
  std::vector<std::unique_ptr<Resolver>> resolvers_;
};

// The data of a type that a rule gives instead of the real one, sorted.
std::vector<std::string> given(const nearmiss::Config& config, const nearmiss::Verdict& verdict,
                               int type) {
  using enum nearmiss::Action;
  std::vector<std::string> data;
  if (verdict.action == null_mx && type == MX) {
    data = {"0 ."};
  } else if (verdict.action == sinkhole) {
    data = {type == MX  ? "0 " + config.sinkhole.mx->to_text() + "."
            : type == A ? config.sinkhole.ipv4->to_text()
                        : config.sinkhole.ipv6->to_text()};
  } else if (verdict.action == local_data) {
    for (const nearmiss::LocalRecord& record : *verdict.rule->local_data) {
      if (record.type == type) {
        const std::string text = to_text(record);
        data.push_back(text.substr(text.find(' ') + 1));
      }
    }
  }
  std::sort(data.begin(), data.end());
  return data;
}

void expect_same(const Resolver& resolver, const nearmiss::Config& config, const std::string& name,
                 bool protect) {
  const auto decide = [&](int type) {
    nearmiss::Verdict verdict = config.policy.decide({*nearmiss::Name::from_text(name),
                                                      static_cast<std::uint16_t>(type),
                                                      *nearmiss::ClientAddress::from_text(mail),
                                                      {}});
    return verdict.likeness.domain != nullptr && !protect ? nearmiss::Verdict{} : verdict;
  };
  const nearmiss::Verdict verdict = decide(MX);
  INFO(resolver.name() << ", " << name << ": " << to_string(verdict.action));
  if (verdict.action == nearmiss::Action::drop) {
    CHECK(stays_silent(resolver.endpoint(), mail, name, MX, "unlisted.example"));
    return;
  }
  for (const int type : {int{MX}, int{A}, int{AAAA}}) {
    const auto answer = ask(resolver.endpoint(), mail, name, type);
    REQUIRE(answer);
    INFO(answer->text());
    const bool negative = verdict.enforced && (verdict.action == nearmiss::Action::nxdomain ||
                                               verdict.action == nearmiss::Action::refused ||
                                               verdict.action == nearmiss::Action::servfail);
    CHECK(answer->rcode == (negative ? e2e::nxdomain : e2e::noerror));
    CHECK(answer->tc == (verdict.action == nearmiss::Action::tcp_only));
    if (!verdict.enforced || verdict.action == nearmiss::Action::tcp_only) {
      const auto real = verdict.enforced ? ask(resolver.endpoint(), mail, name, type,
                                               {.transport = Transport::tcp})
                                         : answer;
      REQUIRE(real);
      CHECK_FALSE(real->tc);
      CHECK(
          (type == AAAA || real->data_of(type) == (type == MX ? real_exchanges : real_addresses)));
    }
    if (verdict.enforced) {
      CHECK(answer->data_of(type) == given(config, verdict, type));
    }
  }
}

} // namespace

TEST_CASE("an exported policy says the same in other resolvers", "[export]") {
  const ScratchFolder folder;
  const auto file = folder.path() / "policy.yaml";
  write_file(file, std::string(policy).replace(std::string(policy).find("protect:"), 0,
                                               "  - {id: long, domains: [" + long_name + "]}\n"));
  write_file(folder.path() / "wild.txt", "*.wild.example\n");
  write_file(folder.path() / "feed.rpz", feed);
  const bool protect = GENERATE(false, true);
  std::vector<std::string> command{NEARMISS_CLI,  "export",   "--config",
                                   file.string(), "--output", (folder.path() / "zone").string()};
  if (protect) {
    command.emplace_back("--protect");
  }
  const Outcome exported = run(command);
  INFO(exported.output);
  REQUIRE(exported.exit_code == 0);
  const nearmiss::LoadResult loaded = nearmiss::load(file, {});
  REQUIRE(loaded.config);
  const Resolvers resolvers(folder.path());
  for (const auto& resolver : resolvers.all()) {
    for (const std::string& name : asked) {
      expect_same(*resolver, *loaded.config, name, protect);
    }
  }
}

// A zone of random triggers, read as a list and written out again: Unbound's own RPZ gives each
// name what the policy gives it.
TEST_CASE("random zones, exported, say the same in Unbound's own RPZ", "[export]") {
  const auto seed = static_cast<unsigned>(std::random_device{}());
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const auto draw = [&] {
    std::string name = "example";
    for (std::size_t labels = 1 + random() % 4; labels > 0; --labels) {
      name = std::string(1, static_cast<char>('a' + random() % 3)) + "." + name;
    }
    return name;
  };
  const std::vector<std::string> data{"CNAME .",     "CNAME *.",         "CNAME rpz-passthru.",
                                      "A 192.0.2.7", "AAAA 2001:db8::7", "MX 5 sink.example.net.",
                                      "CNAME ."};
  const ScratchFolder folder;
  const auto file = folder.path() / "policy.yaml";
  std::string text = "$TTL 300\n@ SOA localhost. h. 1 3600 600 86400 60\narmy.ml CNAME .\n";
  std::set<std::string> used;
  for (int trigger = 0; trigger < 40; ++trigger) {
    const std::string owner = (random() % 3 == 0 ? "*." : "") + draw();
    if (used.insert(owner).second) {
      text += owner + ' ' + data[random() % data.size()] + '\n';
    }
  }
  INFO(text);
  write_file(folder.path() / "feed.rpz", text);
  write_file(file, "version: 1\nrules:\n  - {id: zone, public_suffix: true, list: {file: feed.rpz, "
                   "format: rpz}}\n");
  const Outcome exported = run({NEARMISS_CLI, "export", "--config", file.string(), "--output",
                                (folder.path() / "zone").string()});
  INFO(exported.output);
  REQUIRE(exported.exit_code == 0);
  const nearmiss::LoadResult loaded = nearmiss::load(file, {});
  REQUIRE(loaded.config);
  const Resolvers resolvers(folder.path(), true);
  for (int lookup = 0; lookup < 300; ++lookup) {
    expect_same(*resolvers.all().front(), *loaded.config, draw(), false);
  }
}

TEST_CASE("Postfix finds each generated look-alike in its table, and no other name", "[export]") {
  const MailHost host("127.0.0.1"); // nothing is asked
  const auto postmap = [&](const std::string& arguments) {
    return run(host.inside({"sh", "-c", "exec \"$0\" " + arguments, MailHost::program("postmap")}),
               MailHost::environment());
  };
  const auto generate = [](const std::string& format) {
    const Outcome outcome =
        run({NEARMISS_CLI, "generate", "--format", format, "army.mil", "example.org"});
    REQUIRE(outcome.exit_code == 0);
    return outcome.output;
  };
  const std::filesystem::path etc = host.folder() / "etc/postfix";
  write_file(etc / "main.cf", "");
  write_file(etc / "lookalikes", generate("postfix"));
  const Outcome made = postmap("hash:/etc/postfix/lookalikes");
  CHECK(made.exit_code == 0);
  CHECK(made.output.empty()); // as it is if a line is wrong, or a name there twice

  std::set<std::string> names;
  std::istringstream lines(generate("domains"));
  for (std::string line; std::getline(lines, line);) {
    names.insert(line.substr(0, line.find(' ')));
  }
  CHECK(names.size() > 100);
  std::string keys = "army.mil\nexample.org\nrmy.army.mil\nnavy.mil\nmil\norg\narmy\n#\nREJECT\n";
  for (const std::string& name : names) {
    keys += name + "\n";
  }
  write_file(etc / "keys", keys);
  std::set<std::string> found;
  lines =
      std::istringstream(postmap("-q - hash:/etc/postfix/lookalikes </etc/postfix/keys").output);
  for (std::string line; std::getline(lines, line);) {
    INFO(line);
    const std::size_t tab = line.find('\t');
    REQUIRE(tab != std::string::npos);
    const std::string action = line.substr(tab + 1);
    CHECK((action.starts_with("REJECT did you mean army.mil? (") ||
           action.starts_with("REJECT did you mean example.org? (")));
    found.insert(line.substr(0, tab));
  }
  CHECK(found == names);
  // One name, as an admin would try it.
  CHECK(postmap("-q army.ml hash:/etc/postfix/lookalikes").output ==
        "REJECT did you mean army.mil? (tld-swap)\n");
  CHECK(postmap("-q army.mil hash:/etc/postfix/lookalikes").exit_code == 1);
}
