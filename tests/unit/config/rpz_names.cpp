// Lists of `format: rpz`: the zone's name, triggers that contradict each other, and what is none.
#include "tests/unit/config/holds.hpp"
#include "tests/unit/config/zone_fixture.hpp"

using namespace nearmiss;
using namespace nearmiss::test;

TEST_CASE("a response policy zone: its name is found where the file can tell it", "[config][rpz]") {
  const std::string soa = "SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n";
  const auto matches = [&](const std::string& zone, const std::string& warning) {
    INFO(zone);
    const Folder folder;
    const LoadResult result = load_zone(folder, zone);
    const std::string all = texts(folder, result);
    INFO(all);
    REQUIRE(result.config);
    CHECK(verdict_on(*result.config, "bad.com") == "nxdomain");
    CHECK(verdict_on(*result.config, "bad.com.rpz") == "passes");
    CHECK(result.diagnostics.empty() == warning.empty());
    if (!warning.empty()) {
      holds(all, warning);
    }
  };
  matches("@ " + soa + "bad.com CNAME .\n", "");
  matches("$ORIGIN rpz.\n@ " + soa + "bad.com CNAME .\n", "");
  matches("rpz. " + soa + "bad.com.rpz. CNAME .\n", "");
  matches("rpz. " + soa + "bad.com CNAME .\n", ""); // below the SOA's owner, as in BIND
  matches("rpz " + soa + "bad.com.rpz CNAME .\n", "");
  const std::string told = "warning: the file does not say the zone's name; by its owners it is "
                           "`rpz`, so that `bad.com.rpz.` matches `bad.com`; write `zone: rpz`";
  matches("@ " + soa + "bad.com.rpz. CNAME .\n", told);
  matches("@ " + soa + "@ NS localhost.\nbad.com.rpz. CNAME .\n*.evil.net.rpz. CNAME .\n", told);
  matches("@ " + soa + "$ORIGIN rpz.\nbad.com CNAME .\n", told);
  matches("@ " + soa + "$ORIGIN com.rpz.\nbad CNAME .\n", told);
  matches("@ " + soa + "bad.com. CNAME .\n", "by its owners it is `.`");
}

TEST_CASE("a response policy zone: its name where the file cannot tell it", "[config][rpz]") {
  const std::string soa = "SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n";
  const Folder folder;
  // `com.example.org` or `example.org`?
  const std::string unclear = "@ " + soa + "bad.com.example.org. CNAME .\n";
  const LoadResult refused = load_zone(folder, unclear);
  CHECK_FALSE(refused.config);
  holds(texts(folder, refused), "l.rpz:2:1: error: `bad.com.example.org.` is a whole name, and the "
                                "file does not say what of it is the zone's name");
  const auto with_key = [&](const std::string& zone, const std::string& key) {
    folder.write("l.rpz", zone);
    return folder.load_policy("version: 1\nrules:\n  - id: feed\n    list: {file: l.rpz, format: "
                              "rpz, " +
                              key + "}\n");
  };
  const LoadResult said = with_key(unclear, "zone: Example.ORG.");
  INFO(texts(folder, said));
  REQUIRE(said.config);
  CHECK(said.diagnostics.empty());
  CHECK(verdict_on(*said.config, "bad.com") == "nxdomain");
  CHECK(verdict_on(*said.config, "bad.com.example.org") == "passes");
  const LoadResult without_soa = with_key("bad.com CNAME .\n", "zone: rpz.feed");
  REQUIRE(without_soa.config);
  CHECK(verdict_on(*without_soa.config, "bad.com") == "nxdomain");
  const LoadResult another = with_key("rpz.other. " + soa + "bad.com CNAME .\n", "zone: rpz.feed");
  CHECK_FALSE(another.config);
  holds(texts(folder, another), "l.rpz:1:1: error: the SOA is that of the zone `rpz.other`, and "
                                "`zone` in `list` says `rpz.feed`");
  holds(texts(folder, with_key(unclear, "zone: a..b")), "policy.yaml:4:");
  folder.write("l.txt", "a.example\n");
  holds(texts(folder, folder.load_policy("version: 1\nrules:\n  - id: feed\n    list: {file: "
                                         "l.txt, format: domains, zone: rpz}\n")),
        "only `format: rpz` has");
  // Nobody asks for names below `rpz`; the zone may really be for names below `corp`.
  const LoadResult strange = load_zone(folder, "@ " + soa +
                                                   "bad.com.rpz CNAME .\n"
                                                   "evil.net.rpz CNAME .\n");
  REQUIRE(strange.config);
  holds(texts(folder, strange),
        "warning: every trigger ends in `rpz`, which is no top-level domain, "
        "as `bad.com.rpz`");
  CHECK(load_zone(folder, "@ " + soa + "bad.corp CNAME .\n").diagnostics.empty());
  CHECK(load_zone(folder, "@ " + soa + "bad.rpz CNAME .\ngood.com CNAME .\n").diagnostics.empty());
}

TEST_CASE("a response policy zone: remedies fit how the name is written", "[config][rpz]") {
  holds(error_of("a.example. CNAME .\n"), "take the final dot away");
  const std::string relative = error_of("$ORIGIN other.\na.example CNAME .\n");
  holds(relative, "l.rpz:8:1: error: `a.example.other` is not in the zone `rpz.feed`, as names "
                  "without a final dot are below `other` here; write `$ORIGIN rpz.feed.`");
  CHECK(relative.find("take the final dot away") == std::string::npos);
}

TEST_CASE("a response policy zone: the first of two actions holds", "[config][rpz]") {
  const std::string triggers = "a.example CNAME .\na.example CNAME rpz-passthru.\n"
                               "b.example CNAME rpz-passthru.\nb.example CNAME .\n"
                               "c.example A 192.0.2.1\nc.example CNAME rpz-passthru.\n"
                               "d.example CNAME *.\nd.example A 192.0.2.1\n"
                               "*.e.example CNAME rpz-drop.\n*.e.example CNAME rpz-passthru.\n"
                               "e.example CNAME rpz-passthru.\n"; // another trigger
  const Folder folder;
  folder.write("l.rpz", head + triggers);
  const LoadResult result =
      folder.load_policy("version: 1\nrules:\n  - id: feed\n"
                         "    list: {file: l.rpz, format: rpz, strict: false}\n");
  const std::string all = texts(folder, result);
  INFO(all);
  REQUIRE(result.config);
  holds(all, "5 broken lines skipped");
  holds(all, "line 8: the trigger has another action in line 7, which holds");
  CHECK(verdict_on(*result.config, "a.example") == "nxdomain");
  CHECK(verdict_on(*result.config, "b.example") == "allow");
  CHECK(verdict_on(*result.config, "c.example") == "local-data | A 192.0.2.1");
  CHECK(verdict_on(*result.config, "d.example") == "nodata");
  CHECK(verdict_on(*result.config, "x.e.example") == "drop");
  CHECK(verdict_on(*result.config, "e.example") == "allow");
  // Where the rule's own action takes the place of every block they do not contradict each other.
  const LoadResult own = load_zone(folder,
                                   head + "a.example CNAME .\na.example A 192.0.2.1\n"
                                          "a.example CNAME *.\n",
                                   "    action: null-mx\n");
  INFO(texts(folder, own));
  REQUIRE(own.config);
  CHECK(verdict_on(*own.config, "a.example") == "null-mx");
}

TEST_CASE("a response policy zone: what other resolvers pass over is no trigger", "[config][rpz]") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + "a.example CNAME .\n"
                                                     "sub.example NS ns.example.\n"
                                                     "sub.example NS ns2.example.\n"
                                                     "sub.example DS 1 13 2 00\n"
                                                     "ns.example A 192.0.2.1\n");
  const std::string all = texts(folder, result);
  INFO(all);
  REQUIRE(result.config);
  CHECK(verdict_on(*result.config, "sub.example") == "passes");
  CHECK(verdict_on(*result.config, "ns.example") == "local-data | A 192.0.2.1");
  CHECK(result.config->policy.name_count() == 2);
  holds(all, "l.rpz:8:1: warning: 2 NS records below the zone's name left out");
  for (const char* const target :
       {"rpz-dorp.", "x.rpz-new.", "a.example.rpz-passthru.", "*.rpz-drop.", "RPZ-X."}) {
    INFO(target);
    holds(error_of(std::string("a.example CNAME ") + target + "\n"),
          "is no action of a response policy zone");
  }
  const LoadResult near = load_zone(folder, head + "a.example CNAME rpz-passthru.example.\n"
                                                   "b.example CNAME RPZ-Drop.\n"
                                                   "c.example CNAME rpzx.\n");
  REQUIRE(near.config);
  CHECK(verdict_on(*near.config, "a.example") == "local-data | CNAME rpz-passthru.example.");
  CHECK(verdict_on(*near.config, "b.example") == "drop");
  CHECK(verdict_on(*near.config, "c.example") == "local-data | CNAME rpzx.");
  holds(error_of("a.example CNAME *\n"), "write `*.` with its final dot");
  folder.write("l.rpz", head);
  const LoadResult inside = load_zone(folder, head + "a.example CNAME garden.example\n");
  holds(texts(folder, inside), "1 CNAME leads to names of the zone itself, as to "
                               "`garden.example.rpz.feed.`");
}

TEST_CASE("a private suffix is listed alone, a public one not at all", "[config][rpz]") {
  const Folder folder;
  folder.write("l.txt", "a.example\nblogspot.com\n*.github.io\nb.example\n");
  const std::string plain =
      "version: 1\nrules:\n  - id: feed\n    list: {file: l.txt, format: domains}\n";
  const LoadResult result = folder.load_policy(plain);
  const std::string all = texts(folder, result);
  INFO(all);
  REQUIRE(result.config);
  CHECK(verdict_on(*result.config, "blogspot.com") == "nxdomain");
  CHECK(verdict_on(*result.config, "mine.blogspot.com") == "passes");
  CHECK(verdict_on(*result.config, "mine.github.io") == "passes");
  CHECK(verdict_on(*result.config, "x.b.example") == "nxdomain");
  holds(all, "l.txt:2:1: warning: 2 names are suffixes below which an organisation gives names to "
             "others, such as `blogspot.com`");
  const LoadResult asked_for = folder.load_policy(plain + "    public_suffix: true\n");
  REQUIRE(asked_for.config);
  CHECK(verdict_on(*asked_for.config, "mine.blogspot.com") == "nxdomain");
  CHECK(verdict_on(*asked_for.config, "mine.github.io") == "nxdomain");
  folder.write("l.txt", "a.example\nco.uk\n");
  CHECK_FALSE(folder.load_policy(plain).config);
  const LoadResult zone =
      load_zone(folder, head + "blogspot.com CNAME .\n*.blogspot.com CNAME .\n");
  INFO(texts(folder, zone));
  REQUIRE(zone.config);
  CHECK(verdict_on(*zone.config, "blogspot.com") == "nxdomain");
  CHECK(verdict_on(*zone.config, "mine.blogspot.com") == "passes");
}
