// What a list in a file of its own says reaches the client.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

using namespace e2e;
using nlohmann::json;

namespace {

const std::string zone = "$ORIGIN rpz.feed.\n"
                         "@ 60 IN SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n"
                         "@ NS localhost.\n"
                         "army.ml CNAME .\n"
                         "*.army.ml CNAME *.\n"
                         "any.army.ml CNAME rpz-passthru.\n"
                         "*.any.army.ml CNAME rpz-passthru.\n"
                         "navy.ml CNAME rpz-drop.\n"
                         "*.navy.ml CNAME rpz-drop.\n"
                         "flash.ml CNAME rpz-tcp-only.\n"
                         "arrny.example A 192.0.2.7\n"
                         "arrny.example AAAA 2001:db8::7\n"
                         "arrny.example A 192.0.2.8\n"
                         "arrny.example MX 10 sink.example.net.\n"
                         "arrny.example TXT \"v=spf1 -all\" \"nobody\"\n"
                         "*.plain.example CNAME sink.plain.example.\n"
                         "sink.plain.example A 192.0.2.9\n"
                         "*.brief.example CNAME *.garden.example.net.\n";

const std::string policy = "version: 1\n"
                           "clients: {mail: [127.1.0.0/16]}\n"
                           "defaults: {ttl: 7}\n"
                           "rules:\n"
                           "  - id: feed\n"
                           "    list: {file: feed.rpz, format: rpz}\n"
                           "log: {file: events.jsonl}\n";

UnboundOptions with_zone(const std::string& text) {
  return {.policy = policy, .lists = {{"feed.rpz", text}}};
}

void check_nodata(const Answer& answer) {
  INFO(answer.text());
  CHECK(answer.rcode == noerror);
  CHECK(answer.answer.empty());
  CHECK_FALSE(answer.tc);
  REQUIRE(answer.authority.size() == 1);
  CHECK(answer.authority[0].type == SOA);
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("rpz: nxdomain, nodata and passthru", "[lists]") {
  World world(with_zone(zone));
  world.expect_real(other, "army.ml", MX);
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_blocked(mail, "army.ml", A);
  check_nodata(world.resolver.answer(mail, "realhost.army.ml", A));
  world.expect_real(other, "realhost.army.ml", A);
  world.expect_real(mail, "x.any.army.ml", A);
  world.expect_real(mail, "army.ml", TXT); // types: delivery, as for every rule
  world.expect_real(mail, "gouv.ml", MX);
  world.resolver.stop();
  const auto events = world.resolver.events().alerts();
  REQUIRE(events.size() == 3);
  CHECK(Events::field(events[0], "event.action") == "nxdomain");
  CHECK(Events::field(events[2], "event.action") == "nodata");
  CHECK(Events::field(events[2], "rule.id") == "feed");
  CHECK(Events::field(events[2], "nearmiss.matched_name") == "army.ml");
}

TEST_CASE("rpz: a feed that Unbound itself transfers", "[lists]") {
  const std::string before =
      "$ORIGIN rpz.feed.\n@ SOA localhost. hostmaster.localhost. 0 1 1 60 60\n"
      "@ NS localhost.\narrny.example CNAME .\n";
  std::vector<Zone> zones = default_zones();
  zones.push_back({"feed.", Server::tld, false, ""});
  zones.push_back({"rpz.feed.", Server::host, false,
                   "arrny.example CNAME .\n*.army.ml CNAME .\narmy.ml CNAME *.\n"
                   "navy.ml 60 TXT \"a;b \\\"c\\\"\"\nnavy.ml MX 10 sink.example.net.\n"});
  UnboundOptions options = with_zone(before);
  options.more_clauses = "auth-zone:\n  name: rpz.feed.\n  primary: @HOST@\n"
                         "  zonefile: feed.rpz\n  for-downstream: no\n  for-upstream: no\n";
  World world(options, zones);
  world.expect_blocked(mail, "arrny.example", MX);
  INFO(world.resolver.log());
  REQUIRE(wait_until([&] {
    return world.resolver.nearmiss("status").at("policy").at("generation").get<int>() == 2;
  }));
  INFO(read_file(world.resolver.folder() / "feed.rpz"));
  world.expect_blocked(mail, "arrny.example", MX);
  world.expect_blocked(mail, "realhost.army.ml", A);
  check_nodata(world.resolver.answer(mail, "army.ml", MX));
  const Answer sunk = world.resolver.answer(mail, "navy.ml", MX);
  INFO(sunk.text());
  CHECK(sunk.answer.size() == 1);
  CHECK_FALSE(tells_a_secret(sunk));
  world.expect_real(other, "navy.ml", MX);
}

TEST_CASE("rpz: drop", "[lists]") {
  // Unbound drops everybody's queries once it counts 16 waiting clients for each of these.
  UnboundOptions options = with_zone(zone);
  options.server_lines = "  num-queries-per-thread: 4\n";
  World world(options);
  const Endpoint& resolver = world.resolver.endpoint();
  for (const std::string name : {"navy.ml", "mx.NAVY.ml", "realhost.navy.ml"}) {
    INFO(name);
    CHECK(stays_silent(resolver, mail, name, MX, "army.ml"));
  }
  CHECK_FALSE(stays_silent(resolver, mail, "army.ml", A, "realhost.army.ml"));
  CHECK_FALSE(world.resolver.ask(mail, "navy.ml", A, {.transport = Transport::tcp}));
  for (int number = 0; number < 200; ++number) {
    REQUIRE(stays_silent(resolver, mail, "navy.ml", A, "army.ml"));
  }
  world.expect_real(other, "navy.ml", MX);
  world.expect_real(other, "navy.ml", A);
  world.expect_real(mail, "army.mil", A);
  CHECK(stays_silent(resolver, mail, "navy.ml", MX, "army.ml"));
  world.resolver.stop();
  std::size_t dropped = 0;
  for (const json& event : world.resolver.events().alerts()) {
    if (Events::field(event, "event.action") == "drop") {
      ++dropped;
      CHECK(Events::field(event, "dns.response_code").is_null());
      CHECK(Events::field(event, "nearmiss.enforced") == true);
    }
  }
  CHECK(dropped == 205);
}

TEST_CASE("rpz: tcp-only", "[lists]") {
  World world(with_zone(zone));
  for (int round = 0; round < 2; ++round) {
    const Answer answer = world.resolver.answer(mail, "flash.ml", MX);
    INFO(answer.text());
    CHECK(answer.tc);
    CHECK(answer.rcode == noerror);
    CHECK(answer.answer.empty());
    CHECK(answer.authority.empty());
    CHECK_FALSE(tells_a_secret(answer));
    world.expect_real(mail, "flash.ml", MX, {.transport = Transport::tcp});
    world.expect_real(other, "flash.ml", MX);
  }
  world.resolver.stop();
  const auto events = world.resolver.events().alerts();
  REQUIRE(events.size() == 2); // none of what TCP gets
  CHECK(Events::field(events[0], "event.action") == "tcp-only");
  CHECK(Events::field(events[0], "dns.response_code") == "NOERROR");
}

TEST_CASE("rpz: local data", "[lists]") {
  World world(with_zone(zone));
  const auto data = [&](const std::string& name, int type) {
    Answer answer = world.resolver.answer(mail, name, type);
    INFO(answer.text());
    CHECK(answer.rcode == noerror);
    CHECK_FALSE(tells_a_secret(answer));
    CHECK_FALSE(answer.ad);
    CHECK_FALSE(answer.aa);
    REQUIRE_FALSE(answer.answer.empty());
    CHECK(answer.answer[0].ttl == 7);
    CHECK(answer.authority.empty());
    return answer;
  };
  CHECK(data("arrny.example", A).data_of(A) == Texts{"192.0.2.7", "192.0.2.8"});
  CHECK(data("Arrny.Example", AAAA).data_of(AAAA) == Texts{"2001:db8::7"});
  CHECK(data("arrny.example", MX).data_of(MX) == Texts{"10 sink.example.net."});
  CHECK(data("arrny.example", TXT).data_of(TXT) == Texts{"\"v=spf1 -all\" \"nobody\""});
  CHECK(data("arrny.example", ANY).answer.size() == 5);
  check_nodata(world.resolver.answer(mail, "arrny.example", SRV));
  world.expect_real(other, "arrny.example", MX);
  world.expect_real(mail, "www.arrny.example", A);

  const Answer chain = data("mx.plain.example", A);
  CHECK(chain.data_of(CNAME) == Texts{"sink.plain.example."});
  CHECK(chain.data_of(A) == Texts{"192.0.2.9"});
  CHECK(chain.answer[1].owner == "sink.plain.example.");
  CHECK(data("mx.plain.example", MX).answer.size() == 1); // the target has none
  // Its exchange is an entry; what that has is none of the domain's.
  CHECK(world.resolver.answer(mail, "plain.example", MX).data_of(MX) == Texts{"0 ."});
  CHECK(data("www.brief.example", MX).data_of(CNAME) ==
        Texts{"www.brief.example.garden.example.net."});
  world.resolver.stop();
  const auto events = world.resolver.events().alerts();
  CHECK(Events::field(events.at(0), "event.action") == "local-data");
  CHECK(Events::field(events.at(0), "dns.resolved_ip") == json({"192.0.2.7"}));
  CHECK(Events::field(events.at(1), "dns.resolved_ip") == json({"2001:db8::7"}));
  CHECK(Events::field(events.at(2), "dns.resolved_ip").is_null());
}

TEST_CASE("rpz: local data has its own TTL, and no longer one than the rule's", "[lists]") {
  const std::string ttls = "$TTL 300\n@ SOA localhost. h. 1 3600 600 86400 60\n"
                           "arrny.example 5 A 192.0.2.7\n  90 AAAA 2001:db8::7\n"
                           "mx.plain.example 200 CNAME sink.plain.example.\n"
                           "sink.plain.example IN 1m A 192.0.2.9\n";
  const auto ttls_of = [](const Answer& answer) {
    std::vector<std::uint32_t> all;
    for (const auto& record : answer.answer) {
      all.push_back(static_cast<std::uint32_t>(record.ttl));
    }
    return all;
  };
  using Ttls = std::vector<std::uint32_t>;
  const std::string policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                             "  - id: feed\n    list: {file: feed.rpz, format: rpz}\n";
  for (const auto& [rest, longest] :
       {std::pair<std::string, std::uint32_t>{"", 86400}, {"    ttl: 80\n", 80}}) {
    World world({.policy = policy + rest, .lists = {{"feed.rpz", ttls}}});
    const auto capped = [&, most = longest](Ttls all) {
      for (auto& ttl : all) {
        ttl = std::min(ttl, most);
      }
      return all;
    };
    CHECK(ttls_of(world.resolver.answer(mail, "arrny.example", A)) == Ttls{5});
    CHECK(ttls_of(world.resolver.answer(mail, "arrny.example", AAAA)) == capped({90}));
    CHECK(ttls_of(world.resolver.answer(mail, "mx.plain.example", A)) == capped({200, 60}));
    CHECK(ttls_of(world.resolver.answer(mail, "sink.plain.example", A)) == Ttls{60});
  }
}

TEST_CASE("a list that is missing at the start ends no resolver that can do without it",
          "[lists]") {
  const auto policy = [](const std::string& keys) {
    return "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
           "  - {id: own, domains: [army.ml]}\n"
           "  - {id: feed, list: {file: l.txt, format: domains" +
           keys +
           "}}\n"
           "log: {file: events.jsonl}\n";
  };
  const Lab lab;
  Unbound strict(lab, {.policy = policy(", required: true")});
  CHECK(strict.fail_to_start().find("no such file") != std::string::npos);

  World world({.policy = policy("")});
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(mail, "navy.ml", MX);
  CHECK(world.resolver.log().find("no such file") != std::string::npos);
  CHECK(world.resolver.log().find("of the rule `feed` is in force with 0 names") !=
        std::string::npos);
  world.resolver.write_list("l.txt", "navy.ml\n"); // and comes into force as soon as it is there
  REQUIRE(wait_until([&] { return world.resolver.answer(mail, "navy.ml", MX).rcode == nxdomain; }));
  world.expect_blocked(mail, "army.ml", MX);
}

TEST_CASE("rpz: an answer that leads to an entry", "[lists]") {
  World world(with_zone(zone));
  // alias.good.example is an alias of army.ml, mxlisted's exchange is in army.ml, navy.ml is
  // dropped.
  world.expect_blocked(mail, "alias.good.example", MX);
  const Answer null_mx = world.resolver.answer(mail, "mxlisted.good.example", MX);
  CHECK(null_mx.data_of(MX) == Texts{"0 ."});
  const std::string more = "@ SOA localhost. h. 1 3600 600 86400 60\nrealhost.army.ml A 192.0.2.7\n"
                           "navy.ml CNAME rpz-drop.\n";
  World second(with_zone(more));
  const Answer local = second.resolver.answer(mail, "mxlisted.good.example", MX);
  INFO(local.text());
  CHECK(local.data_of(MX) == Texts{"0 ."}); // an address of the exchange is none of the domain's
  second.expect_real(other, "alias.plain.example", MX);
  CHECK(stays_silent(second.resolver.endpoint(), mail, "alias.plain.example", MX,
                     "realhost.army.ml"));
  second.expect_real(other, "alias.plain.example", MX);
}

TEST_CASE("hosts: each name alone", "[lists]") {
  World world({.policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                         "  - {id: feed, list: {file: hosts, format: hosts}}\n",
               .lists = {{"hosts", "127.0.0.1 localhost\n0.0.0.0 arrny.example navy.ml # x\n"}}});
  world.expect_blocked(mail, "arrny.example", MX);
  world.expect_blocked(mail, "navy.ml", A);
  world.expect_real(mail, "www.arrny.example", A);
  world.expect_real(mail, "x.any.navy.ml", A);
  world.expect_real(other, "arrny.example", MX);
}

TEST_CASE("a list that shrank keeps the last good policy in force", "[lists]") {
  World world({.policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                         "  - {id: feed, list: {file: l.txt, format: domains}}\n"
                         "log: {file: events.jsonl}\n",
               .lists = {{"l.txt", "army.ml\nnavy.ml\nflash.ml\n"}}});
  world.expect_blocked(mail, "navy.ml", MX);
  world.resolver.write_list("l.txt", "army.ml\n");
  world.resolver.reload();
  world.expect_blocked(mail, "navy.ml", MX);
  CHECK(world.resolver.log().find("has 1 names, and 3 in the policy that is in force") !=
        std::string::npos);
  world.resolver.write_list("l.txt", "army.ml\nflash.ml\n");
  world.resolver.reload();
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(mail, "navy.ml", MX);
}
