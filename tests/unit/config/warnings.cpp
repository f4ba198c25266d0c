// Warnings about policies that leave a way open, each beside a policy that does not.
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"
#include "tests/unit/config/holds.hpp"

#include <vector>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

// The policy loads, with that one warning at that place, or with none where `place` is empty.
void expect_warning(const std::string& yaml, const std::string& place,
                    const std::vector<std::string>& words = {}) {
  const Folder folder;
  folder.write("l.txt", "a.example\n");
  const LoadResult result = folder.load_policy("version: 1\n" + yaml);
  const std::string all = texts(folder, result);
  INFO(yaml);
  INFO(all);
  CHECK(result.config != nullptr);
  if (place.empty()) {
    CHECK(all.empty());
    return;
  }
  CHECK(result.diagnostics.size() == 1);
  CHECK(all.starts_with("policy.yaml:" + place + ": warning: "));
  for (const std::string& word : words) {
    INFO(word);
    CHECK(all.find(word) != std::string::npos);
  }
}

} // namespace

TEST_CASE("warning: types that leave the addresses open", "[config]") {
  const std::string rule = "rules:\n  - {id: r, domains: [a.example], types: ";
  expect_warning(rule + "[MX]}\n", "3:10", {"MX but not A, AAAA", "types: delivery"});
  expect_warning(rule + "[MX, A]}\n", "3:10", {"not AAAA"});
  expect_warning(rule + "[TXT]}\n", "3:10", {"neither MX nor addresses"});
  expect_warning(rule + "[MX, A, AAAA]}\n", "");
  expect_warning(rule + "[MX], action: observe}\n", "");
}

TEST_CASE("warning: no folder for what the module writes", "[config]") {
  const std::string rule = "rules: [{id: r, domains: [a.example]}]\n";
  for (const std::string key : {"log: {file: ", "metrics: {file: ", "control: {socket: "}) {
    const std::string column = std::to_string(key.size() + 1);
    expect_warning(key + "/nowhere/here/x}\n" + rule, "2:" + column,
                   {"no folder `/nowhere/here`", "create it"});
    expect_warning(key + "not/here}\n" + rule, "2:" + column,
                   {"folder `not`", key.starts_with("log") ? "write in it: Unbound does not start"
                                                           : "write in it"});
    expect_warning(key + "/tmp/x}\n" + rule, "");
    expect_warning(key + "x}\n" + rule, "");
  }
}

TEST_CASE("warning: a sinkhole that does not hold", "[config]") {
  const std::string rule = "rules: [{id: r, domains: [a.example], action: sinkhole}]\n";
  const auto hole = [&](const std::string& inside) {
    return "sinkhole: {" + inside + "}\n" + rule;
  };
  expect_warning(hole("ipv4: 192.0.2.53"), "2:1", {"no `ipv6`"});
  expect_warning(hole("ipv6: \"2001:db8::53\""), "2:1", {"no `ipv4`"});
  expect_warning(hole("ipv4: 0.0.0.0, ipv6: \"2001:db8::53\""), "2:18", {"`0.0.0.0`", "itself"});
  expect_warning(hole("ipv4: 127.0.0.53, ipv6: \"2001:db8::53\""), "2:18", {"`127.0.0.53`"});
  expect_warning(hole("ipv4: 192.0.2.53, ipv6: \"::\""), "2:36", {"`::`"});
  expect_warning(hole("ipv4: 192.0.2.53, ipv6: \"::1\""), "2:36", {"`::1`"});
  expect_warning(hole("ipv4: 192.0.2.53, ipv6: \"2001:db8::53\""), "");
  expect_warning("sinkhole: {ipv4: 192.0.2.53}\nrules: [{id: r, domains: [a.example]}]\n", "");
}

TEST_CASE("warning: a rule blocks the sinkhole's own name", "[config]") {
  const auto policy = [](const std::string& mx, const std::string& rule) {
    return "sinkhole: {ipv4: 192.0.2.53, ipv6: \"2001:db8::53\", mx: " + mx + "}\n" +
           "rules:\n  - {id: sunk, domains: [a.example], action: sinkhole}\n  - {id: other, " +
           rule + "}\n";
  };
  expect_warning(policy("sink.b.example", "domains: [b.example]"), "2:56",
                 {"`other` blocks the sinkhole's name `sink.b.example`", "the rule `sunk`"});
  expect_warning(policy("sink.b.example", "domains: [b.example], except: [sink.b.example]"), "");
  expect_warning(policy("sink.c.example", "domains: [b.example]"), "");
  expect_warning(policy("sink.b.example", "domains: [b.example], action: observe"), "");
  expect_warning(policy("sink.a.example", "domains: [b.example]"), ""); // it leads to the sinkhole
}

TEST_CASE("warning: answers on which mail servers queue", "[config]") {
  const auto rule = [](const std::string& action) {
    return "  - {id: " + action + ", domains: [" + action + ".example], action: " + action + "}\n";
  };
  expect_warning("rules:\n" + rule("nodata"), "3:10", {"OpenSMTPD", "four days"});
  expect_warning("rules:\n" + rule("nodata") + rule("nxdomain"), "");
  expect_warning("rules:\n" + rule("servfail"), "3:10", {"`servfail`", "queue"});
  expect_warning("rules:\n" + rule("refused"), "3:10", {"`refused`", "queue"});
  expect_warning("rules:\n" + rule("drop"), "3:10", {"`drop`", "queue"});
  expect_warning("rules:\n" + rule("tcp-only"), "3:10", {"`tcp-only`", "over TCP"});
  expect_warning("rules:\n" + rule("null-mx"), "");
}

TEST_CASE("warning: what the entries of a response policy zone do", "[config]") {
  const Folder folder;
  const auto warnings = [&](const std::string& triggers, const std::string& more) {
    folder.write("l.rpz", "@ SOA localhost. h. 1 2 3 4 5\n" + triggers);
    return texts(folder, folder.load_policy("version: 1\n" + more +
                                            "rules:\n  - id: feed\n    "
                                            "list: {file: l.rpz, format: rpz}\n"));
  };
  CHECK(warnings("a.example CNAME .\n", "").empty());
  CHECK(warnings("a.example CNAME rpz-drop.\n", "")
            .find(":3:9: warning: the rule `feed` has entries "
                  "with `drop`: mail servers queue") != std::string::npos);
  CHECK(warnings("a.example CNAME *.\n", "").find("every block of this policy is `nodata`") !=
        std::string::npos);
  // The zone decides, not `defaults`.
  CHECK(warnings("a.example CNAME .\n", "defaults: {action: servfail}\n").empty());
  CHECK(warnings("a.example CNAME .\n", "defaults: {action: nodata}\n").empty());
}

TEST_CASE("warning: a rule that never decides", "[config]") {
  const std::string block = "  - {id: block, domains: [a.example]}\n";
  expect_warning("rules:\n" + block + "  - {id: let, domains: [a.example], action: allow}\n",
                 "3:10", {"`block` never decides", "`let` allows"});
  expect_warning("rules:\n" + block + "  - {id: let, domains: [b.a.example], action: allow}\n", "");
  expect_warning("rules:\n" + block + "  - {id: let, exact: [a.example], action: allow}\n", "");
  expect_warning("rules:\n" + block + "  - {id: again, domains: [A.example.]}\n", "4:10",
                 {"`again` never decides", "`block` decides"});
  expect_warning("rules:\n" + block + "  - {id: again, domains: [a.example, b.example]}\n", "");
  expect_warning("rules:\n" + block + "  - {id: watch, domains: [a.example], action: observe}\n",
                 "4:10", {"`watch` never decides"});
  expect_warning("rules:\n" + block + "  - {id: text, domains: [a.example], types: all}\n", "");
  expect_warning("rules:\n  - {id: r, domains: [a.example], except: [a.example]}\n", "3:10",
                 {"own `except`"});
  const std::string groups = "clients: {a: [192.0.2.1], b: [192.0.2.2]}\nrules:\n";
  expect_warning(groups + "  - {id: r, domains: [a.example], clients: [a]}\n"
                          "  - {id: s, domains: [a.example]}\n",
                 "");
  // What the list says is known to the index alone; the rule may well have other names.
  expect_warning("rules:\n" + block +
                     "  - {id: l, exact: [a.example], list: {file: l.txt, format: domains}}\n",
                 "");
}

TEST_CASE("warning: an exception that takes nothing out", "[config]") {
  expect_warning("rules:\n  - {id: r, domains: [a.example], except: [b.example]}\n", "3:44",
                 {"`b.example`", "takes nothing out"});
  expect_warning("rules:\n  - {id: r, domains: [a.example], except: [x.a.example]}\n", "");
}

TEST_CASE("warning: a rule blocks what is named as meant", "[config]") {
  expect_warning("rules:\n  - {id: r, domains: [a.example], intended: x.a.example}\n", "3:10",
                 {"`x.a.example` as meant", "`r` blocks"});
  expect_warning("rules:\n  - {id: r, domains: [a.example], intended: b.example}\n", "");
}

TEST_CASE("warning: a group that no rule is for", "[config]") {
  const std::string groups = "clients:\n  mail: [192.0.2.1]\n  web: [192.0.2.2]\n";
  expect_warning(groups + "rules: [{id: r, domains: [a.example], clients: [mail]}]\n", "4:3",
                 {"`web`"});
  expect_warning(groups + "rules: [{id: r, domains: [a.example]}]\n", "");
  expect_warning(groups + "rules: [{id: r, domains: [a.example], clients: any}]\n", "");
}

TEST_CASE("warning: mode observe", "[config]") {
  expect_warning("mode: observe\nrules: [{id: r, domains: [a.example]}]\n", "2:7",
                 {"blocks nothing"});
  expect_warning("mode: enforce\nrules: [{id: r, domains: [a.example]}]\n", "");
}

TEST_CASE("a rule that would block a large mail provider is named, and the provider", "[config]") {
  const Folder folder;
  folder.write("l.txt", "bad.example\nGmail.com\nyahoo.com\nwww.gmx.de\n");
  folder.write("feed.rpz", "@ SOA a. b. 1 2 3 4 5\n*.protection.outlook.com CNAME .\n"
                           "web.de CNAME rpz-passthru.\n");
  const auto warned = [&](const std::string& rules) {
    const LoadResult result = folder.load_policy("version: 1\nrules:\n" + rules);
    const std::string all = texts(folder, result);
    INFO(all);
    REQUIRE(result.config);
    return all;
  };
  const std::string by_list = warned("  - {id: feed, list: {file: l.txt, format: domains}}\n");
  holds(by_list, "policy.yaml:3:10: warning: the rule `feed` (list `l.txt`) would block large mail "
                 "providers: `gmail.com`, `yahoo.com`; mail to all of their users would end");
  holds(warned("  - {id: zone, list: {file: feed.rpz, format: rpz}}\n"),
        "`mail.protection.outlook.com`");
  holds(warned("  - {id: parked, mx_exchange: [l.google.com]}\n"),
        "the rule `parked` would block every domain whose mail goes to large mail providers: "
        "`gmail-smtp-in.l.google.com`");
  const std::string clients = "clients: {mail: [192.0.2.0/24]}\n";
  holds(texts(folder, folder.load_policy("version: 1\n" + clients +
                                         "rules:\n  - id: feed\n    clients: [mail]\n"
                                         "    list: {file: l.txt, format: domains}\n")),
        "`gmail.com`");
  // Near misses: taken out, only observed, meant, allowed before, or nobody's mail.
  const std::string list = "    list: {file: l.txt, format: domains}\n";
  for (const std::string& rules :
       {std::string("  - id: feed\n    except: [gmail.com, yahoo.com]\n") + list,
        "  - id: feed\n    action: observe\n" + list,
        "  - id: feed\n    domains: [gmail.com, yahoo.com]\n" + list,
        "  - {id: ok, action: allow, domains: [gmail.com, yahoo.com]}\n  - id: feed\n" + list,
        std::string("  - {id: parked, mx_exchange: [mx.parking.example]}\n"),
        std::string("  - {id: own, domains: [gmail.com]}\n")}) {
    INFO(rules);
    CHECK(warned(rules).find("mail providers") == std::string::npos);
  }
}

TEST_CASE("a protected domain that a large mail provider looks like is told", "[config]") {
  const Folder folder;
  const LoadResult result = folder.load_policy("version: 1\nknown: none\nprotect:\n  - {id: ours, "
                                               "domains: [gmial.com], classes: [transposition]}\n");
  REQUIRE(result.config);
  holds(texts(folder, result), "the rule `ours` would block large mail providers: `gmail.com`");
}

TEST_CASE("the mail providers that ship can be replaced", "[config]") {
  const Folder folder;
  folder.write("l.txt", "gmail.com\nmail.example.org\n");
  folder.write("own.txt", "# ours\nmail.example.org # and its users'\n");
  const std::string rest = "rules:\n  - {id: feed, list: {file: l.txt, format: domains}}\n";
  const LoadResult own = folder.load_policy("version: 1\nmail_providers: own.txt\n" + rest);
  REQUIRE(own.config);
  const std::string all = texts(folder, own);
  holds(all, "would block large mail providers: `mail.example.org`;");
  CHECK(own.config->files.size() == 3); // a change of it is one of the policy
  folder.write("own.txt", "a..b\n");
  const LoadResult wrong = folder.load_policy("version: 1\nmail_providers: own.txt\n" + rest);
  CHECK_FALSE(wrong.config);
  holds(texts(folder, wrong), "own.txt:1:1: error: ");
}
