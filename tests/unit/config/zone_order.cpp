// Several response policy zones in one policy: which of two triggers wins.
#include "tests/unit/config/holds.hpp"
#include "tests/unit/config/zone_fixture.hpp"

#include <array>
#include <map>
#include <random>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string zones = "  - {id: one, list: {file: one.rpz, format: rpz}}\n"
                          "  - {id: two, list: {file: two.rpz, format: rpz}}\n";

LoadResult load_zones(const Folder& folder, const std::string& order, const std::string& one,
                      const std::string& two, const std::string& rules = zones) {
  const std::string soa = "@ SOA localhost. h. 1 3600 600 86400 60\n";
  folder.write("one.rpz", soa + one);
  folder.write("two.rpz", soa + two);
  return folder.load_policy("version: 1\n" + order + "rules:\n" + rules);
}

std::string won(const LoadResult& result, const std::string& name) {
  const Verdict verdict = ask(*result.config, name);
  return verdict.rule == nullptr ? "none"
                                 : verdict.rule->id + ' ' + std::string(to_string(verdict.action));
}

} // namespace

TEST_CASE("zones beside each other: the most specific trigger wins, or the first zone",
          "[config][rpz]") {
  const Folder folder;
  const std::string one = "*.wide.example CNAME rpz-passthru.\nsame.example CNAME .\n"
                          "deep.tree.example CNAME .\n*.alike.example CNAME .\n";
  const std::string two = "bad.wide.example CNAME .\n*.x.wide.example CNAME .\n"
                          "same.example CNAME rpz-passthru.\n*.same.example CNAME *.\n"
                          "*.tree.example CNAME rpz-passthru.\nbad.alike.example CNAME *.\n"
                          "wide.example CNAME rpz-drop.\n";
  const LoadResult specific = load_zones(folder, "", one, two);
  const std::string all = texts(folder, specific);
  INFO(all);
  REQUIRE(specific.config);
  CHECK(won(specific, "bad.wide.example") == "two nxdomain");
  CHECK(won(specific, "same.example") == "two allow");
  holds(all, "two.rpz:2:1: warning: 3 triggers contradict an earlier zone, as `bad.wide.example` "
             "does `");
  holds(all, "one.rpz`: here the most specific trigger wins");
  holds(texts(folder, load_zones(folder, "order: specific\n", one, two)),
        "3 triggers contradict an earlier zone");

  const LoadResult first = load_zones(folder, "order: zones\n", one, two);
  INFO(texts(folder, first));
  REQUIRE(first.config);
  CHECK(won(first, "bad.wide.example") == "one allow");
  CHECK(won(first, "y.x.wide.example") == "one allow");
  CHECK(won(first, "same.example") == "one nxdomain");
  CHECK(won(first, "y.same.example") == "two nodata"); // which the first zone does not have
  CHECK(won(first, "deep.tree.example") == "one nxdomain");
  CHECK(won(first, "y.tree.example") == "two allow");
  CHECK(won(first, "bad.alike.example") == "one nxdomain");
  CHECK(won(first, "wide.example") == "two drop");
  holds(texts(folder, first),
        "two.rpz:2:1: note: 4 triggers left out, which an earlier zone decides");
  CHECK(first.config->lists.at(1).names == 7);
}

TEST_CASE("zones that agree, or one alone, need no order", "[config][rpz]") {
  const Folder folder;
  const LoadResult agreeing = load_zones(folder, "", "a.example CNAME .\n*.b.example CNAME .\n",
                                         "a.example CNAME *.\nx.b.example CNAME .\n"
                                         "c.example CNAME rpz-passthru.\n");
  INFO(texts(folder, agreeing));
  REQUIRE(agreeing.config);
  CHECK(agreeing.diagnostics.empty());
  const LoadResult covered =
      load_zones(folder, "order: zones\n", "*.example CNAME .\n", "a.example CNAME .\n",
                 "  - {id: one, public_suffix: true, list: {file: one.rpz, format: rpz}}\n"
                 "  - {id: two, list: {file: two.rpz, format: rpz}}\n");
  INFO(texts(folder, covered));
  REQUIRE(covered.config); // all of a zone may be decided by another
  CHECK(won(covered, "a.example") == "one nxdomain");
}

TEST_CASE("the order of zones holds for like rules alone", "[config][rpz]") {
  const Folder folder;
  const std::string one = "*.wide.example CNAME .\n";
  const std::string two = "ok.wide.example CNAME rpz-passthru.\n";
  const auto refused = [&](const std::string& more) {
    INFO(more);
    const LoadResult result =
        load_zones(folder, "order: zones\nclients: {mail: [192.0.2.1], web: [192.0.2.2]}\n", one,
                   two, zones.substr(0, zones.size() - 2) + more + "}\n");
    CHECK_FALSE(result.config);
    holds(texts(folder, result), "and `two` differs from `one`");
  };
  refused(", clients: [web]");
  refused(", types: all");
  refused(", expires: 2040-01-01");
  refused(", except: [a.example]");
  // One that only observes decides nothing, so it stands in no other's way.
  const LoadResult observed =
      load_zones(folder, "order: zones\n", one, two,
                 "  - {id: one, action: observe, list: {file: one.rpz, format: rpz}}\n"
                 "  - {id: two, list: {file: two.rpz, format: rpz}}\n");
  INFO(texts(folder, observed));
  REQUIRE(observed.config);
  CHECK(won(observed, "ok.wide.example") == "two allow");
}

// The model: the first zone that has a trigger for the name; in it an exact one, else the nearest
// wildcard.
TEST_CASE("random zones in order decide as resolvers with several zones do", "[config][rpz]") {
  const auto seed = static_cast<unsigned>(std::random_device{}());
  INFO("seed " << seed);
  std::mt19937 random(seed);
  const Folder folder;
  const auto draw = [&] {
    std::string text = "example";
    for (std::size_t labels = 1 + random() % 4; labels > 0; --labels) {
      text = std::string(1, static_cast<char>('a' + random() % 3)) + "." + text;
    }
    return text;
  };
  for (int round = 0; round < 50; ++round) {
    std::array<std::map<std::string, std::string>, 2> model; // trigger to action
    std::array<std::string, 2> text;
    for (std::size_t zone = 0; zone < 2; ++zone) {
      for (int i = 0; i < 8; ++i) {
        const std::string trigger = (random() % 2 == 0 ? "*." : "") + draw();
        const auto [target, action] = std::array<std::pair<const char*, const char*>, 3>{
            {{".", "nxdomain"}, {"rpz-passthru.", "allow"}, {"*.", "nodata"}}}[random() % 3];
        if (model[zone].emplace(trigger, action).second) {
          text[zone] += trigger + " CNAME " + target + "\n";
        }
      }
    }
    INFO(text[0] << "--\n" << text[1]);
    const LoadResult result = load_zones(folder, "order: zones\n", text[0], text[1]);
    INFO(texts(folder, result));
    REQUIRE(result.config);
    for (int lookup = 0; lookup < 200; ++lookup) {
      const std::string name = draw();
      std::string expected = "none";
      for (std::size_t zone = 0; zone < 2 && expected == "none"; ++zone) {
        std::string trigger = name;
        for (std::string rest = name; expected == "none" && !trigger.empty();) {
          if (const auto at = model[zone].find(trigger); at != model[zone].end()) {
            expected = (zone == 0 ? "one " : "two ") + at->second;
          }
          const std::size_t dot = rest.find('.');
          rest = dot == std::string::npos ? "" : rest.substr(dot + 1);
          trigger = rest.empty() ? "" : "*." + rest;
        }
      }
      INFO(name);
      REQUIRE(won(result, name) == expected);
    }
  }
}
