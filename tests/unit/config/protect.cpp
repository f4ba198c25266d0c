// `protect`, and `mistyped: default`: what they become, and what is wrong with them where.
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string head = "version: 1\nprotect:\n  - id: ours\n"; // an entry goes on in line 4

// The one diagnostic of the policy.
std::string only_text(const std::string& yaml, bool usable) {
  const Folder folder;
  const LoadResult result = folder.load_policy(yaml);
  std::string all = texts(folder, result);
  INFO(all);
  CHECK((result.config != nullptr) == usable);
  CHECK(result.diagnostics.size() == 1);
  return all;
}

} // namespace

TEST_CASE("protect blocks look-alikes and takes the defaults", "[config]") {
  const Folder folder;
  const LoadResult result = folder.load_policy(R"(version: 1
clients: {mail: [192.0.2.0/24]}
defaults: {action: null-mx, ttl: 5}
protect:
  - id: ours
    domains: [army.mil, "bücher.example"]
    classes: default
    except: [aarmy.mil]
    category: lookalike
    reason: ours alone
  - id: wide
    domains: [navy.mil]
    classes: [default, combosquatting]
    action: observe
    types: [MX, A, AAAA]
    clients: any
    ttl: 7
  - {id: narrow, domains: [marines.mil], classes: [homoglyph]}
)");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  const Config& config = *result.config;
  const Verdict army = ask(config, "mail.arrny.mil", "192.0.2.25");
  REQUIRE(army.rule != nullptr);
  CHECK(army.rule->id == "ours");
  CHECK(army.enforced);
  CHECK(army.action == Action::null_mx);
  CHECK(army.rule->ttl == 5);
  CHECK(army.rule->category == "lookalike");
  CHECK(army.rule->reason == "ours alone");
  CHECK(army.confusable_class() == "homoglyph");
  CHECK(*army.client_group == "mail");
  CHECK(ask(config, "arrny.mil", "198.51.100.1").rule == nullptr);
  CHECK(ask(config, "aarmy.mil", "192.0.2.25").rule == nullptr);
  CHECK(ask(config, "mail.army.mil", "192.0.2.25").rule == nullptr);
  CHECK(ask(config, "buecher.example", "192.0.2.25").rule == nullptr);
  CHECK(ask(config, "bucher.example", "192.0.2.25").rule != nullptr);

  const Verdict navy = ask(config, "joint-navy.mil", "198.51.100.1");
  REQUIRE(navy.rule != nullptr);
  CHECK(navy.action == Action::observe);
  CHECK_FALSE(navy.enforced);
  CHECK(navy.confusable_class() == "combosquatting");
  CHECK(navy.rule->ttl == 7);
  CHECK(ask(config, "navy.ml", "192.0.2.25").confusable_class() == "tld-swap");
  CHECK(ask(config, "navy.ml", "192.0.2.25", "SRV").rule == nullptr);
  CHECK(ask(config, "joint-army.mil", "192.0.2.25").rule == nullptr); // not by default

  CHECK(ask(config, "rnarines.mil", "192.0.2.25").enforced);
  CHECK(ask(config, "marines.ml", "192.0.2.25").rule == nullptr);
}

TEST_CASE("a mistake in protect has its place and a remedy", "[config]") {
  struct Mistake {
    std::string rest;
    std::string place;
    std::string words;
  };
  const std::string domains = "    domains: [army.mil]\n"; // goes on in line 5
  const auto mistake = GENERATE_COPY(values<Mistake>({
      {"    action: nodata\n", "3:5", "the entry of `protect` has no `domains`; write"},
      {"    domains: []\n", "4:14", "`domains` is an empty list"},
      {"    domains: [a..mil]\n", "4:15", "empty label"},
      {"    domains: [co.uk]\n", "4:15", "`public_suffix: true`"},
      {"    domains: [mil]\n    public_suffix: true\n", "4:15", "`mil` cannot be protected"},
      {domains + "    classes: [omision]\n", "5:15", "did you mean `omission`?"},
      {domains + "    classes: omission\n", "5:14", "`[omission]`"},
      {domains + "    classes: []\n", "5:14", "empty list"},
      {domains + "    exept: [amy.mil]\n", "5:5", "did you mean `except`?"},
      {domains + "    intended: army.mil\n", "5:5", "unknown key `intended`"},
      {domains + "    action: allow\n", "5:5", "protects nothing"},
      {domains + "    action: sinkhole\n", "5:5", "needs addresses"},
      {domains + "    ttl: -1\n", "5:10", "0 to 86400"},
      {domains + "  - id: ours\n" + domains, "5:9", "is taken by the rule in line 3"},
  }));
  const std::string all = only_text(head + mistake.rest, false);
  INFO(all);
  INFO(mistake.words);
  CHECK(all.starts_with("policy.yaml:" + mistake.place + ": error: "));
  CHECK(all.find(mistake.words) != std::string::npos);
}

TEST_CASE("protect is a list, and its ids are the rules' ids", "[config]") {
  CHECK(only_text("version: 1\nprotect: {id: ours}\n", false)
            .starts_with("policy.yaml:2:10: error: `protect` must be a list"));
  CHECK(only_text("version: 1\nrules: [{id: x, domains: [a.example]}]\n"
                  "protect: [{id: x, domains: [army.mil]}]\n",
                  false)
            .starts_with("policy.yaml:3:16: error: the id `x` is taken by the rule in line 2"));
  const Folder folder;
  const LoadResult suffix = folder.load_policy(
      head + "    domains: [gov.uk]\n    public_suffix: true\n    action: observe\n");
  INFO(texts(folder, suffix));
  CHECK(suffix.config);
}

TEST_CASE("warnings about protect", "[config]") {
  const std::string domains = "    domains: [army.mil]\n";
  CHECK(only_text(head + domains + "    except: [aarmy.mil, amy.example]\n", true)
            .starts_with("policy.yaml:5:25: warning: the exception `amy.example` takes nothing out "
                         "of the rule `ours`, which does not take it for a look-alike"));
  CHECK(only_text(head + domains + "    types: [MX]\n", true)
            .starts_with("policy.yaml:3:9: warning: the rule `ours` blocks MX but not A, AAAA"));
  CHECK(only_text(head + domains + "    expires: 2030-06-14\n", true)
            .starts_with("policy.yaml:5:5: warning: the rule `ours` has expired"));
  CHECK(only_text(head + domains + "rules: [{id: r, domains: [army.mil]}]\n", true)
            .starts_with("policy.yaml:4:15: warning: the rule `ours` protects `army.mil`, and the "
                         "rule `r` blocks that"));
}

TEST_CASE("mistyped: default is the known mistypings of a TLD", "[config]") {
  const std::string rule = "version: 1\nrules:\n  - id: r\n    confusable: ";
  const Folder folder;
  const LoadResult result = folder.load_policy(rule + "{intended: mil, mistyped: default}\n");
  REQUIRE(result.config);
  const Verdict verdict = ask(*result.config, "us.army.ml");
  CHECK(verdict.enforced);
  CHECK(verdict.confusable_class() == "tld-swap");
  CHECK(Policy::intended_for(verdict, *Name::from_text("us.army.ml")) == "us.army.mil");
  CHECK_FALSE(ask(*result.config, "us.army.mil").enforced);
  CHECK_FALSE(ask(*result.config, "army.com").enforced);
  const std::string told = texts(folder, result); // that .il goes with it is a surprise
  CHECK(told.starts_with("policy.yaml:4:43: warning: `mistyped: default` takes every name under "
                         "ml, il for one under mil; write `[ml, il]`"));
  CHECK(only_text(rule + "{intended: army.mil, mistyped: default}\n", false)
            .starts_with("policy.yaml:4:48: error: no TLD is known that is mistyped for "));
}

TEST_CASE("mistyped: default may stand among other suffixes", "[config]") {
  const std::string rule = "version: 1\nrules:\n  - id: r\n    confusable: ";
  const Folder folder;
  const LoadResult result =
      folder.load_policy(rule + "{intended: mil, mistyped: [default, ml, mill.example]}\n");
  REQUIRE(result.config);
  for (const char* text : {"army.ml", "army.il", "army.mill.example"}) {
    INFO(text);
    const Verdict verdict = ask(*result.config, text);
    CHECK(verdict.enforced);
    CHECK(Policy::intended_for(verdict, *Name::from_text(text)) == "army.mil");
  }
  CHECK_FALSE(ask(*result.config, "army.default").enforced);
  CHECK_FALSE(ask(*result.config, "army.il.example").enforced);
  CHECK(texts(folder, result)
            .starts_with("policy.yaml:4:44: warning: `mistyped: default` takes every name under "));
  CHECK(only_text(rule + "{intended: museum, mistyped: [default, ml]}\n", false)
            .starts_with("policy.yaml:4:47: error: no TLD is known that is mistyped for "));
}
