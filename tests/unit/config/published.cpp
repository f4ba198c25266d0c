// Lists as others publish them: Adblock filters, dnsmasq configurations, and odd heads.
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"
#include "tests/unit/config/holds.hpp"

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

LoadResult load_list(const Folder& folder, const std::string& format, const std::string& list,
                     const std::string& list_keys = "") {
  folder.write("l.txt", list);
  return folder.load_policy("version: 1\nrules:\n  - id: feed\n    list: {file: l.txt, format: " +
                            format + list_keys + "}\n");
}

bool is_blocked(const LoadResult& result, const std::string& name) {
  const Verdict verdict = ask(*result.config, name);
  return verdict.rule != nullptr && blocks(verdict.action);
}

void check_blocked(const LoadResult& result, const std::vector<std::string>& blocked,
                   const std::vector<std::string>& open) {
  for (const std::string& name : blocked) {
    INFO(name);
    CHECK(is_blocked(result, name));
  }
  for (const std::string& name : open) {
    INFO(name);
    CHECK_FALSE(is_blocked(result, name));
  }
}

} // namespace

TEST_CASE("filters for browsers: what DNS can do, and the rest counted by kind", "[config]") {
  const Folder folder;
  const LoadResult result = load_list(folder, "adblock",
                                      "[Adblock Plus 2.0]\n"
                                      "! Title: a filter list\n"
                                      "!#if (adguard)\n"
                                      "!#endif\n"
                                      "||bad.example^\n"
                                      "  ||Indented.example^\r\n"
                                      "||important.example^$important\n"
                                      "||ended.example^|\n"
                                      "||*.below.example^\n"
                                      "@@||good.bad.example^\n"
                                      "plain.example\n"
                                      "0.0.0.0 hosts.example\n"
                                      "127.0.0.1 localhost\n"
                                      "||bare.example\n"
                                      "# a comment\n"
                                      "||script.example^$script,third-party\n"
                                      "||dns.example^$dnsrewrite=1.2.3.4\n"
                                      "@@||open.example^$generichide\n"
                                      "||path.example/ads/*\n"
                                      "/banner[0-9]+/\n"
                                      "||ads.*^\n"
                                      "-ad-banner.\n"
                                      "example.org##.ad\n"
                                      "##.banner\n"
                                      "example.org#@#.ad\n"
                                      "||192.0.2.1^\n");
  const std::string all = texts(folder, result);
  INFO(all);
  REQUIRE(result.config);
  check_blocked(result,
                {"bad.example", "x.bad.example", "x.indented.example", "x.important.example",
                 "ended.example", "x.below.example", "plain.example", "hosts.example",
                 "x.bare.example"},
                {"good.bad.example", "x.good.bad.example", "below.example", "x.plain.example",
                 "x.hosts.example", "script.example", "dns.example", "path.example", "example.org",
                 "localhost", "ads.example"});
  holds(all, "l.txt:3:1: warning: 12 lines left out, which DNS cannot do: ");
  for (const char* const kind :
       {"1 addresses", "1 directives (`!#`)", "3 filters of a page's elements (`##`)",
        "3 filters with options (`$`)", "2 patterns (`*`)", "2 regular expressions and paths"}) {
    holds(all, kind);
  }
  CHECK(result.diagnostics.size() == 1);
  CHECK(result.config->lists.at(0).names == 8);
  const LoadResult broken = load_list(folder, "adblock", "||a.example^\n||b..example^\n");
  CHECK_FALSE(broken.config);
  holds(texts(folder, broken), "l.txt:2:1: error: `b..example` has an empty label");
  const LoadResult nothing = load_list(folder, "adblock", "##.ad\n", ", empty: allowed");
  CHECK_FALSE(nothing.config);
  holds(texts(folder, nothing), "the list holds no name that could be used");
}

TEST_CASE("a configuration of dnsmasq: what blocks a name, and the rest counted by kind",
          "[config]") {
  const Folder folder;
  const LoadResult result = load_list(folder, "dnsmasq",
                                      "# a comment\n"
                                      "address=/bad.example/\n"
                                      "address=/Zero.example/0.0.0.0 # why\n"
                                      "address=/six.example/::\n"
                                      "address=/null.example/#\n"
                                      "address=/one.example/two.example/127.0.0.1\n"
                                      "server=/no.example/\n"
                                      "local=/local.bad2.example/\n"
                                      "server=/good.bad.example/#\n"
                                      " address = /blank.example/\r\n"
                                      "address=/.dot.example/\n"
                                      "address=/*.star.example/\n"
                                      "address=/real.example/192.0.2.1\n"
                                      "server=/forward.example/192.0.2.1\n"
                                      "server=192.0.2.1\n"
                                      "no-resolv\n"
                                      "address=/#/192.0.2.1\n");
  const std::string all = texts(folder, result);
  INFO(all);
  REQUIRE(result.config);
  check_blocked(result,
                {"bad.example", "x.bad.example", "zero.example", "six.example", "null.example",
                 "x.one.example", "two.example", "no.example", "local.bad2.example",
                 "blank.example", "dot.example", "x.star.example"},
                {"good.bad.example", "x.good.bad.example", "bad2.example", "star.example",
                 "real.example", "forward.example", "example"});
  holds(all, "2 names with the address of a real host");
  holds(all, "1 names for another resolver");
  holds(all, "2 other settings");
  const LoadResult broken = load_list(folder, "dnsmasq", "address=/bad.example\n");
  holds(texts(folder, broken), "has no `/` behind the name");
}

TEST_CASE("what kind of list a file is, by its first line of substance", "[config]") {
  const Folder folder;
  const auto told = [&](const std::string& format, const std::string& list, const char* what) {
    INFO(list);
    const LoadResult result = load_list(folder, format, list);
    CHECK_FALSE(result.config);
    CHECK(result.diagnostics.size() == 1);
    holds(texts(folder, result), what);
  };
  const auto fine = [&](const std::string& format, const std::string& list) {
    const LoadResult result = load_list(folder, format, list);
    INFO(texts(folder, result));
    REQUIRE(result.config);
    CHECK(is_blocked(result, "bad.example"));
    CHECK(result.diagnostics.empty());
  };
  told("domains", "! Title\n||bad.example^\n",
       "l.txt:2:1: error: the list is one of filters for "
       "browsers; write `format: adblock`");
  told("hosts", "!#if x\n@@||bad.example^\n", "format: adblock");
  told("domains", "address=/bad.example/\n", "a configuration of dnsmasq; write `format: dnsmasq`");
  told("dnsmasq", "||bad.example^\n", "format: adblock");
  told("adblock", "local=/bad.example/\n", "format: dnsmasq");
  told("adblock", "$TTL 5\n@ SOA a. b. 1 2 3 4 5\n", "format: rpz");
  told("dnsmasq", "0.0.0.0 bad.example\n", "format: hosts");
  told("domains", "local-zone: \"bad.example\" always_nxdomain\n", "a configuration of Unbound");
  // A head alone does not make it one of filters.
  fine("domains", "! Title: names\n!#if x\nbad.example\n! end\n");
  fine("hosts", "! Title: hosts\n0.0.0.0 bad.example\n");
  fine("adblock", "! Title: names\nbad.example\n");
}

TEST_CASE("`*.name` lines stand for what the policy says they do", "[config]") {
  const Folder folder;
  const std::string list = "*.bad.example\nother.example\n";
  const LoadResult below = load_list(folder, "domains", list);
  REQUIRE(below.config);
  check_blocked(below, {"x.bad.example", "other.example"}, {"bad.example"});
  holds(texts(folder, below), "or `wildcards: with-name` in `list` to read all of them so");
  const LoadResult with_name = load_list(folder, "domains", list, ", wildcards: with-name");
  REQUIRE(with_name.config);
  CHECK(with_name.diagnostics.empty());
  check_blocked(with_name, {"x.bad.example", "bad.example"}, {"badexample", "example"});
  holds(texts(folder, load_list(folder, "hosts", "0.0.0.0 a.example\n", ", wildcards: below")),
        "is for a list of `format: domains` alone");
  const LoadResult hosts = load_list(folder, "hosts", "0.0.0.0 *.bad.example\n");
  const std::string all = texts(folder, hosts);
  holds(all,
        "`*.bad.example` is a wildcard, which a hosts file does not have; write `bad.example`");
  CHECK(all.find("everything below it") == std::string::npos);
}

TEST_CASE("lists as large as public ones, with their odd lines, are read whole", "[config]") {
  const Folder folder;
  std::string list = "! Title: 143,000 names\r\n# Last modified: today\r\n\r\n";
  for (int i = 0; i < 143000; ++i) {
    list += "n" + std::to_string(i) + (i % 7 == 0 ? ".Example  # seen\r\n" : ".example\r\n");
  }
  list += "blogspot.com\r\nlast.example";
  const LoadResult result = load_list(folder, "domains", list);
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.config->lists.at(0).names == 143002);
  check_blocked(result, {"n0.example", "x.n142999.example", "last.example", "blogspot.com"},
                {"n143000.example", "mine.blogspot.com", "example"});
  CHECK(result.diagnostics.size() == 1); // of the private suffix
}
