// Lists of `format: rpz`.
#include "tests/catch.hpp"
#include "tests/unit/config/holds.hpp"
#include "tests/unit/config/zone_fixture.hpp"

#include <algorithm>

using namespace nearmiss;
using namespace nearmiss::test;

TEST_CASE("a response policy zone: every action, beside its near miss", "[config][rpz]") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + "nx CNAME .\n"
                                                     "Nodata.example 60 IN CNAME *.\n"
                                                     "pass.example CNAME rpz-passthru.\n"
                                                     "drop.example.rpz.feed. CNAME rpz-drop.\n"
                                                     "tcp.example\tIN\tCNAME\trpz-tcp-only. ; x\r\n"
                                                     "data.example A 192.0.2.1\n"
                                                     "  MX 10 mx.example.net.\n"
                                                     "data.example TXT \"no; mail\" \"here\"\n"
                                                     "alias.example CNAME garden.example.net.\n"
                                                     "data.example AAAA 2001:db8::1\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  const Config& config = *result.config;
  CHECK(verdict_on(config, "nx") == "nxdomain");
  CHECK(verdict_on(config, "x.nx") == "passes");
  CHECK(verdict_on(config, "nodata.example") == "nodata");
  CHECK(verdict_on(config, "pass.example") == "allow");
  CHECK(verdict_on(config, "drop.example") == "drop");
  CHECK(verdict_on(config, "tcp.example") == "tcp-only");
  CHECK(verdict_on(config, "tcp.example", "MX", true) == "allow");
  CHECK(verdict_on(config, "drop.example", "MX", true) == "drop");
  const std::string data = "local-data | A 192.0.2.1 | MX 10 mx.example.net. | "
                           "TXT \"no; mail\" \"here\" | AAAA 2001:db8::1";
  CHECK(verdict_on(config, "data.example") == data);
  CHECK(verdict_on(config, "data.example", "TXT") == data); // a type that it has
  CHECK(verdict_on(config, "data.example", "NS") == "passes");
  CHECK(verdict_on(config, "nx", "TXT") == "passes");
  CHECK(verdict_on(config, "alias.example") == "local-data | CNAME garden.example.net.");
  for (const char* const other : {"example", "x.data.example", "adata.example", "feed", "rpz.feed",
                                  "nx.rpz.feed", "garden.example.net"}) {
    INFO(other);
    CHECK(verdict_on(config, other) == "passes");
  }
  CHECK(config.policy.rule_count() == 1);
  CHECK(config.policy.name_count() == 7);
  CHECK(config.lists.at(0).names == 7);
}

TEST_CASE("a loaded list says what events and metrics need to know of it", "[config][rpz]") {
  using namespace std::chrono_literals;
  const Folder folder;
  folder.write("l.txt", "b.example\nB.example.\n");
  const auto before = LoadedList::Clock::now();
  const LoadResult result = load_zone(folder, head + "a.example CNAME .\n",
                                      "  - id: plain\n"
                                      "    list: {file: l.txt, format: domains}\n"
                                      "  - id: both\n"
                                      "    domains: [c.example]\n"
                                      "    list: {file: l.txt, format: domains}\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  REQUIRE(result.config->lists.size() == 3);
  const LoadedList& zone = result.config->lists[0];
  CHECK(zone.file == folder.path() / "l.rpz");
  CHECK(zone.rule == "feed");
  CHECK(zone.format == ListFormat::rpz);
  CHECK(zone.serial == 1U);
  CHECK(zone.expire == 86400s);
  CHECK(zone.modified + 86400s == zone.stale_from);
  CHECK(zone.read >= before);
  const LoadedList& plain = result.config->lists[1];
  CHECK(plain.rule == "plain");
  CHECK(plain.format == ListFormat::domains);
  CHECK(plain.names == 2);
  CHECK_FALSE(plain.serial);
  CHECK_FALSE(plain.stale_from);
  CHECK(ask(*result.config, "a.example").rule->list == 0U); // of the zone's variant too
  CHECK(ask(*result.config, "b.example").rule->list == 1U);
  CHECK_FALSE(ask(*result.config, "c.example").rule->list); // it stands in the policy itself
}

TEST_CASE("a response policy zone: wildcards and what is more specific", "[config][rpz]") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + "*.a.example CNAME .\n"
                                                     "both.example CNAME .\n"
                                                     "*.both.example CNAME *.\n"
                                                     "ok.a.example CNAME rpz-passthru.\n"
                                                     "*.deep.ok.a.example CNAME rpz-drop.\n"
                                                     "*.w.example CNAME rpz-passthru.\n"
                                                     "no.w.example CNAME .\n"
                                                     "*.data.example A 192.0.2.1\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  const Config& config = *result.config;
  CHECK(verdict_on(config, "a.example") == "passes"); // below only
  CHECK(verdict_on(config, "x.a.example") == "nxdomain");
  CHECK(verdict_on(config, "x.y.a.example") == "nxdomain");
  CHECK(verdict_on(config, "xa.example") == "passes");
  CHECK(verdict_on(config, "both.example") == "nxdomain");
  CHECK(verdict_on(config, "x.both.example") == "nodata");
  CHECK(verdict_on(config, "ok.a.example") == "allow");
  CHECK(verdict_on(config, "x.ok.a.example") == "nxdomain"); // the exact trigger is not for it
  CHECK(verdict_on(config, "deep.ok.a.example") == "nxdomain");
  CHECK(verdict_on(config, "x.deep.ok.a.example") == "drop");
  CHECK(verdict_on(config, "x.w.example") == "allow");
  CHECK(verdict_on(config, "no.w.example") == "nxdomain");
  CHECK(verdict_on(config, "x.no.w.example") == "allow");
  CHECK(verdict_on(config, "data.example") == "passes");
  CHECK(verdict_on(config, "x.data.example") == "local-data | A 192.0.2.1");
}

TEST_CASE("a response policy zone: names without $ORIGIN are relative to the root",
          "[config][rpz]") {
  const Folder folder;
  const std::string soa = " SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n";
  const LoadResult plain = load_zone(folder, "@" + soa + "@ NS localhost.\na.example CNAME .\n");
  INFO(texts(folder, plain));
  REQUIRE(plain.config);
  CHECK(verdict_on(*plain.config, "a.example") == "nxdomain");
  CHECK(verdict_on(*plain.config, "b.example") == "passes");
  const LoadResult absolute =
      load_zone(folder, "feed." + soa +
                            "a.example.feed. CNAME .\n$ORIGIN example.feed.\n"
                            "b CNAME .\n  ; nothing\nc A 192.0.2.1\n");
  INFO(texts(folder, absolute));
  REQUIRE(absolute.config);
  CHECK(verdict_on(*absolute.config, "a.example") == "nxdomain");
  CHECK(verdict_on(*absolute.config, "b.example") == "nxdomain");
  CHECK(verdict_on(*absolute.config, "c.example") == "local-data | A 192.0.2.1");
  CHECK(verdict_on(*absolute.config, "b") == "passes");
  CHECK(verdict_on(*absolute.config, "b.example.feed") == "passes");
}

TEST_CASE("a response policy zone: a CNAME brings along what the zone has for its target",
          "[config][rpz]") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + "a.example CNAME garden.example.\n"
                                                     "garden.example CNAME inner.example.\n"
                                                     "inner.example A 192.0.2.1\n"
                                                     "round.example CNAME about.example.\n"
                                                     "about.example CNAME round.example.\n"
                                                     "below.example CNAME x.tree.example.\n"
                                                     "*.tree.example A 192.0.2.2\n"
                                                     "under.example CNAME *.walled.example.\n"
                                                     "*.walled.example A 192.0.2.3\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  const Config& config = *result.config;
  CHECK(verdict_on(config, "a.example") == "local-data | CNAME garden.example. | "
                                           "garden.example CNAME inner.example. | "
                                           "inner.example A 192.0.2.1");
  CHECK(verdict_on(config, "garden.example") ==
        "local-data | CNAME inner.example. | inner.example A 192.0.2.1");
  CHECK(verdict_on(config, "round.example") ==
        "local-data | CNAME about.example. | about.example CNAME round.example.");
  CHECK(verdict_on(config, "below.example") == "local-data | CNAME x.tree.example.");
  CHECK(verdict_on(config, "under.example") == "local-data | CNAME *.walled.example.");
}

TEST_CASE("a response policy zone: the rule's own action and exceptions", "[config][rpz]") {
  const std::string zone = head + "a.example CNAME .\n*.a.example CNAME rpz-drop.\n"
                                  "ok.a.example CNAME rpz-passthru.\nb.example A 192.0.2.1\n"
                                  "mine.b.example CNAME *.\n";
  const Folder folder;
  const LoadResult given = load_zone(folder, zone, "    except: [mine.b.example, x.a.example]\n");
  INFO(texts(folder, given));
  REQUIRE(given.config);
  CHECK(verdict_on(*given.config, "x.a.example") == "passes");
  CHECK(verdict_on(*given.config, "y.a.example") == "drop");
  CHECK(verdict_on(*given.config, "mine.b.example") == "passes");
  CHECK(verdict_on(*given.config, "b.example") == "local-data | A 192.0.2.1");
  // `defaults` are no word about this zone.
  const LoadResult defaults = load_zone(folder, zone, "defaults: {action: nodata, ttl: 7}\n");
  REQUIRE(defaults.config);
  CHECK(verdict_on(*defaults.config, "a.example") == "nxdomain");
  CHECK(ask(*defaults.config, "b.example").rule->ttl == 7);

  const LoadResult over = load_zone(folder, zone, "    action: null-mx\n    reason: why\n");
  INFO(texts(folder, over));
  REQUIRE(over.config);
  for (const char* const blocked : {"a.example", "x.a.example", "b.example", "mine.b.example"}) {
    INFO(blocked);
    CHECK(verdict_on(*over.config, blocked) == "null-mx");
  }
  CHECK(verdict_on(*over.config, "ok.a.example") == "allow"); // an exception stays one
  CHECK(ask(*over.config, "ok.a.example").rule->reason == "why");
  CHECK(verdict_on(*over.config, "x.b.example") == "passes");
}

TEST_CASE("a response policy zone: entries with the same data are one rule", "[config][rpz]") {
  std::string zone = head;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "n" + std::to_string(i) + ".example";
    zone += name + " A 192.0.2." + std::to_string(i % 3) + "\n*." + name + " CNAME .\n";
  }
  const Folder folder;
  const LoadResult result = load_zone(folder, zone);
  REQUIRE(result.config);
  CHECK(result.config->policy.rules().size() == 5); // its own, nxdomain, three addresses
  CHECK(result.config->policy.rule_count() == 1);
  CHECK(result.config->policy.name_count() == 1000);
  CHECK(verdict_on(*result.config, "n4.example") == "local-data | A 192.0.2.1");
  CHECK(verdict_on(*result.config, "x.n4.example") == "nxdomain");
}

TEST_CASE("a response policy zone: class before TTL, and a passthru as it once was written",
          "[config][rpz]") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + "a.example IN 60 CNAME .\n"
                                                     "b.example 60 IN CNAME .\n"
                                                     "c.example IN CNAME .\n"
                                                     "*.d.example CNAME .\n"
                                                     "ok.d.example CNAME ok.d.example.\n"
                                                     "no.d.example CNAME x.d.example.\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  for (const char* const name : {"a.example", "b.example", "c.example", "x.d.example"}) {
    CHECK(verdict_on(*result.config, name) == "nxdomain");
  }
  CHECK(verdict_on(*result.config, "ok.d.example") == "allow");
  CHECK(verdict_on(*result.config, "no.d.example").starts_with("local-data"));
  holds(error_of("a.example 60 60 CNAME .\n"), "l.rpz:7:1: error: no record");
  holds(error_of("a.example IN IN CNAME .\n"), "l.rpz:7:1: error: no record");
  const LoadResult any = load_zone(folder, head + "a.example IN 60 A 192.0.2.1\n");
  REQUIRE(any.config);
  CHECK(verdict_on(*any.config, "a.example") == "local-data | A 192.0.2.1");
}

TEST_CASE("a response policy zone: triggers that are for something else are told",
          "[config][rpz]") {
  const Folder folder;
  const LoadResult result =
      load_zone(folder, head + "a.example CNAME .\n"
                               "32.1.2.0.192.rpz-ip CNAME .\n"
                               "24.0.2.0.192.rpz-ip A 192.0.2.1\n"
                               "ns.example.rpz-nsdname CNAME .\n"
                               "32.1.2.0.192.rpz-client-ip CNAME rpz-passthru.\n"
                               "x.rpz-new CNAME .\n");
  REQUIRE(result.config);
  const std::string all = texts(folder, result);
  holds(all, "l.rpz:8:1: warning: 2 `rpz-ip` triggers are left out");
  holds(all, "l.rpz:10:1: warning: 1 `rpz-nsdname` trigger is left out");
  holds(all, "l.rpz:11:1: warning: 1 `rpz-client-ip` trigger is left out");
  holds(all, "l.rpz:12:1: warning: 1 `rpz-new` trigger is left out: there is no such kind");
  CHECK(result.diagnostics.size() == 4);
  CHECK(result.config->policy.name_count() == 1);
}

TEST_CASE("a response policy zone: records about the zone are passed over", "[config][rpz]") {
  const Folder folder;
  const LoadResult result = load_zone(
      folder, head + "@ TXT \"a feed\"\n"
                     "a.example CNAME .\n"
                     "a.example NSEC b.example.rpz.feed. CNAME RRSIG NSEC\n"
                     "@ DNSKEY 256 3 13 "
                     "oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8"
                     "fGAa2XhSA==\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  CHECK(verdict_on(*result.config, "a.example") == "nxdomain");
}

TEST_CASE("a response policy zone: a broken line is named", "[config][rpz]") {
  holds(error_of("a.example CNAME .\nb..example CNAME .\n"), "l.rpz:8:1: error: no record");
  holds(error_of("a.example A 192.0.2.300\n"), "l.rpz:7:1: error: no record");
  holds(error_of("a.example\n"), "l.rpz:7:1: error: no record");
  holds(error_of("\na.example ( A\n 192.0.2.1 )\nb A x\n"), "l.rpz:10:1: error: no record");
  holds(error_of("a.example. CNAME .\n"), "l.rpz:7:1: error: `a.example` is not in the zone "
                                          "`rpz.feed`");
  holds(error_of("a.example CNAME rpz-drop\n"), "write `rpz-drop.` with its final dot");
  holds(error_of("a.example CNAME rpz-dorp.\n"), "`rpz-dorp.` is no action");
  holds(error_of("*.com CNAME .\n"), "l.rpz:7:1: error: `com` is a public suffix");
  holds(error_of("* A 192.0.2.1\n"), "l.rpz:7:1: error: `.` is a public suffix");
  holds(error_of("a.example CH TXT x\n"), "another class");
  holds(error_of("$INCLUDE /etc/passwd\n"), "`$INCLUDE` is not followed");
  holds(error_of("a.example DNAME b.example.\n"), "DNAME");
  holds(error_of("a.example TYPE65280 \\# 1 00\n"), "`types: all`");
  holds(error_of("a.example CNAME b.example.\na.example A 192.0.2.1\n"),
        "l.rpz:8:1: error: `a.example` has a CNAME and another record");
  holds(error_of("a.example CNAME .\nb.example CNAME .\na.example A 192.0.2.1\n"),
        "l.rpz:9:1: error: the trigger has another action in line 7");
  holds(error_of("*.a.example CNAME .\n*.a.example CNAME rpz-passthru.\n"),
        "l.rpz:8:1: error: the trigger has another action in line 7");
  std::string much;
  for (int i = 0; i < 300; ++i) {
    much += "a.example A 192.0." + std::to_string(i / 256) + "." + std::to_string(i % 256) + "\n";
  }
  const Folder folder;
  holds(texts(folder, load_zone(folder, head + much)), "more local data than an answer holds");
  holds(texts(folder, load_zone(folder, "a.example CNAME .\nb.example CNAME .\n")),
        "l.rpz:1:1: error: the zone must begin with its SOA");
  holds(texts(folder, load_zone(folder, head)), "l.rpz: error: the list holds no name");
  holds(texts(folder, load_zone(folder, "")), "l.rpz: error: the list holds no name");
}

// A feed's author can make such names, and would have the whole feed refused.
TEST_CASE("a response policy zone: names of one unkeyed hash are two triggers", "[config][rpz]") {
  const std::string two = "5i0oq8flbcypazb.example CNAME .\n"
                          "j2uutscuvfapt9v.example CNAME rpz-passthru.\n";
  const Folder folder;
  const LoadResult result = load_zone(folder, head + two);
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(verdict_on(*result.config, "5i0oq8flbcypazb.example") == "nxdomain");
  CHECK(verdict_on(*result.config, "j2uutscuvfapt9v.example") == "allow");
  holds(error_of(two + "5i0oq8flbcypazb.example CNAME rpz-drop.\n"),
        "l.rpz:9:1: error: the trigger has another action in line 7");
}

// Contradictions are found when the whole zone is read.
TEST_CASE("a response policy zone: of many broken lines the first ones are told", "[config]") {
  std::string zone = "@ SOA localhost. h. 1 2 3 4 5\n"
                     "a.example CNAME .\n"
                     "a.example CNAME rpz-drop.\n"; // line 3
  for (int i = 0; i < 30; ++i) {
    zone += "b" + std::to_string(i) +
            ".example CNAME .\n"
            "b" +
            std::to_string(i) + ".example CNAME *.\n"; // lines 5, 7 ... 63
  }
  for (int i = 0; i < 30; ++i) {
    zone += "c" + std::to_string(i) + ".example CNAME rpz-nonsense.\n"; // from line 64 on
  }
  const Folder folder;
  folder.write("l.rpz", zone);
  const LoadResult result =
      folder.load_policy("version: 1\nrules:\n  - {id: feed, list: {file: l.rpz, format: rpz}}\n");
  INFO(texts(folder, result));
  REQUIRE(result.diagnostics.size() == 21);
  for (std::size_t at = 0; at < 20; ++at) {
    CHECK(result.diagnostics[at].line == 3 + 2 * at);
  }
  CHECK(result.diagnostics[20].message.starts_with("and 41 more broken lines"));
}

TEST_CASE("a response policy zone: near misses of broken lines", "[config][rpz]") {
  const Folder folder;
  const auto fine = [&](const std::string& triggers, const std::string& rest = "") {
    const LoadResult result = load_zone(folder, head + triggers, rest);
    INFO(texts(folder, result));
    CHECK(result.config);
  };
  fine("com CNAME .\n"); // that name alone
  fine("*.com CNAME rpz-passthru.\na.example CNAME .\n");
  fine("*.com CNAME .\n", "    public_suffix: true\n");
  fine("a.example TYPE65280 \\# 1 00\n", "    types: all\n");
  fine("a.example CNAME .\n*.a.example CNAME rpz-drop.\n");
  fine("a.example CNAME .\na.example CNAME .\n");
  fine("a.example A 192.0.2.1\na.example A 192.0.2.1\na.example A 192.0.2.2\n");
}

TEST_CASE("a parenthesis that is never closed takes no other trigger out of the zone", "[config]") {
  const std::string triggers = "first.example CNAME .\n"
                               "info.example TXT ( \"see ticket 7\"\n"
                               "second.example CNAME .\n"
                               "third.example CNAME *.garden.example.\n";
  const std::string paren = error_of(triggers);
  CHECK(paren.find("l.rpz:8:1: ") != std::string::npos);
  CHECK(paren.find("never closed") != std::string::npos);
  const std::string backslash = error_of("first.example\\\nsecond.example CNAME .\n");
  CHECK(backslash.find("l.rpz:7:1: ") != std::string::npos);
  CHECK(backslash.find("backslash") != std::string::npos);

  const Folder folder;
  folder.write("l.rpz", head + triggers);
  const LoadResult lenient =
      folder.load_policy("version: 1\nrules:\n  - id: feed\n"
                         "    list: {file: l.rpz, format: rpz, strict: false}\n");
  REQUIRE(lenient.config);
  CHECK(verdict_on(*lenient.config, "first.example") == "nxdomain");
  CHECK(verdict_on(*lenient.config, "info.example") == "passes");
  CHECK(verdict_on(*lenient.config, "second.example") == "nxdomain");
  CHECK(verdict_on(*lenient.config, "third.example") != "passes");
}

TEST_CASE("UTF-8 in a response policy zone lists no name that anybody asks for", "[config]") {
  const auto told = [](const std::string& line, const char* what) {
    const std::string error = error_of("first.example CNAME .\n" + line + "last.example CNAME .\n");
    INFO(error);
    CHECK(error.find("l.rpz:8:1: ") != std::string::npos);
    CHECK(error.find(what) != std::string::npos);
  };
  told("m\xc3\xbcller.example CNAME .\n", "A-label");
  told("a.example CNAME m\xc3\xbcller.example.\n", "A-label");
  // But not in a comment, nor escaped.
  const Folder folder;
  folder.write("l.rpz", head + "a.example CNAME . ; f\xc3\xbcr M\xc3\xbcller\n; \xc3\xbc\n"
                               "m\\195\\188ller.example CNAME .\nxn--mller-kva.example CNAME .\n"
                               "b.example A ( ; \xc3\xbc\n 192.0.2.1 )\n");
  const LoadResult fine =
      folder.load_policy("version: 1\nrules:\n  - {id: feed, list: {file: l.rpz, format: rpz}}\n");
  INFO(texts(folder, fine));
  REQUIRE(fine.config);
  CHECK(verdict_on(*fine.config, "xn--mller-kva.example") == "nxdomain");
}

TEST_CASE("parentheses, quotes and backslashes in their right places mislead nobody", "[config]") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + "; ( in a comment \\\n"
                                                     "a.example TXT \"(\" ; and (\n"
                                                     "b.example TXT ( \"one\" ; )\n"
                                                     "  \"two ; (\" )\n"
                                                     "c\\(d.example CNAME .\n"
                                                     "last.example CNAME .\n");
  REQUIRE(result.config);
  CHECK(verdict_on(*result.config, "last.example") == "nxdomain");
  CHECK(verdict_on(*result.config, "c\\(d.example") == "nxdomain");
}

TEST_CASE("a response policy zone: local data has its own TTL, unless the policy has a shorter",
          "[config][rpz]") {
  const Folder folder;
  const std::string zone = head + "a.example 5 A 192.0.2.1\n" // $TTL is 300
                                  "b.example A 192.0.2.1\n"
                                  "c.example 1h A 192.0.2.1\nc.example 1m A 192.0.2.2\n"
                                  "c.example 30 TXT x\n"
                                  "d.example 9 CNAME a.example.\n";
  const auto ttls = [](const LoadResult& result, const char* name) {
    std::vector<std::uint32_t> all;
    for (const LocalRecord& record : *ask(*result.config, name).rule->local_data) {
      all.push_back(record.ttl);
    }
    return all;
  };
  using Ttls = std::vector<std::uint32_t>;
  const LoadResult own = load_zone(folder, zone);
  REQUIRE(own.config);
  CHECK(ttls(own, "a.example") == Ttls{5});
  CHECK(ttls(own, "b.example") == Ttls{300});
  CHECK(ttls(own, "c.example") == Ttls{60, 60, 30}); // an RRset has one
  CHECK(ttls(own, "d.example") == Ttls{9, 5});
  const LoadResult capped = load_zone(folder, zone, "    ttl: 20\n");
  REQUIRE(capped.config);
  CHECK(ttls(capped, "a.example") == Ttls{5});
  CHECK(ttls(capped, "b.example") == Ttls{20});
  CHECK(ttls(capped, "c.example") == Ttls{20, 20, 20});
  const LoadResult by_defaults = load_zone(folder, zone, "defaults: {ttl: 7}\n");
  REQUIRE(by_defaults.config);
  CHECK(ttls(by_defaults, "b.example") == Ttls{7});
  // Without `$TTL`: that of the record before, and before the first the SOA's minimum.
  const LoadResult none =
      load_zone(folder, "@ SOA a. b. 1 3600 600 86400 44\na.example A 192.0.2.1\n"
                        "b.example 77 A 192.0.2.1\nc.example A 192.0.2.1\n");
  REQUIRE(none.config);
  CHECK(ttls(none, "a.example") == Ttls{44});
  CHECK(ttls(none, "c.example") == Ttls{77});
}
