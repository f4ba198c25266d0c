// Rules that protect domains: look-alikes beside honest names, and beside rules that list names.
#include "rules/policy_builder.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <map>

using namespace nearmiss;
using nearmiss::test::mail_server;
using nearmiss::test::name;
using nearmiss::test::office;
using nearmiss::test::rule;
using nearmiss::test::type_a;
using nearmiss::test::type_mx;
using nearmiss::test::type_txt;
using Lost = Runner::Lost;

namespace {

constexpr std::chrono::sys_days today{std::chrono::year{2024} / 3 / 1};

std::size_t protect(PolicyBuilder& builder, Rule made, std::string_view domain = "army.mil") {
  const std::size_t index = builder.add_rule(std::move(made));
  builder.add_protected(index, name(domain), default_classes(name(domain)));
  return index;
}

void list(PolicyBuilder& builder, std::string id, Action action, std::string_view domain) {
  builder.add_name(builder.add_rule(rule(std::move(id), action)), name(domain), Scope::subtree);
}

Verdict ask(const Policy& policy, std::string_view asked, std::uint16_t type = type_mx,
            const ClientAddress& client = mail_server) {
  const Verdict verdict = policy.decide({name(asked), type, client, today});
  if (verdict.noteworthy()) {
    CHECK(policy.covers(name(asked), type));
  }
  return verdict;
}

std::string asked_by(const Policy& policy, std::string_view asked, std::uint16_t type = type_mx,
                     const ClientAddress& client = mail_server) {
  const Verdict verdict = ask(policy, asked, type, client);
  return verdict.rule == nullptr ? "-" : verdict.rule->id;
}

std::map<std::string, Lost> losers(const Policy& policy, std::string_view asked,
                                   std::uint16_t type = type_mx) {
  const Name parsed = name(asked);
  std::vector<Runner> lost;
  policy.explain({parsed, type, mail_server, today}, lost);
  std::map<std::string, Lost> reasons;
  for (const Runner& runner : lost) {
    CHECK(parsed.is_at_or_below(runner.matched));
    CHECK(reasons.emplace(runner.rule->id, runner.why).second);
  }
  return reasons;
}

} // namespace

TEST_CASE("a look-alike is blocked with all below it, and the verdict says what was meant") {
  PolicyBuilder builder;
  protect(builder, rule("ours", Action::sinkhole));
  Policy built = std::move(builder).build();
  const Verdict before_move = ask(built, "mail.arrny.mil");
  const Policy policy = std::move(built); // what a verdict points to stays
  CHECK(policy.protected_count() == 1);

  const Verdict verdict = ask(policy, "mail.arrny.mil");
  CHECK(verdict.rule == policy.rules().data());
  CHECK(verdict.action == Action::sinkhole);
  CHECK(verdict.enforced);
  CHECK(verdict.matched == name("arrny.mil"));
  CHECK(verdict.confusable_class() == "homoglyph");
  CHECK(*verdict.likeness.domain == name("army.mil"));
  CHECK(verdict.likeness.score.value() == 75);
  CHECK(Policy::intended_for(verdict, name("mail.arrny.mil")) == "army.mil");
  CHECK(Policy::intended_for(before_move, name("mail.arrny.mil")) == "army.mil");

  CHECK(ask(policy, "army.ml", type_a).confusable_class() == "tld-swap");
  for (const char* honest : {"army.mil", "us.army.mil", "arrny.us.army.mil", "navy.mil", "mil", ".",
                             "arrny.example", "honest.example"}) {
    INFO(honest);
    CHECK(asked_by(policy, honest) == "-");
    CHECK_FALSE(policy.covers(name(honest), type_mx));
  }
  CHECK(asked_by(policy, "arrny.mil", type_txt) == "-");
  CHECK_FALSE(policy.covers(name("arrny.mil"), type_txt));
}

TEST_CASE("a protected domain of one rule is no look-alike for another") {
  PolicyBuilder builder;
  protect(builder, rule("a", Action::nxdomain), "army.mil");
  protect(builder, rule("b", Action::nxdomain), "amry.mil");
  const Policy policy = std::move(builder).build();
  CHECK(asked_by(policy, "amry.mil") == "-");
  CHECK(asked_by(policy, "mail.army.mil") == "-");
  CHECK(asked_by(policy, "arrny.mil") == "a");
}

TEST_CASE("a listed name beats a look-alike, however far up it is listed") {
  PolicyBuilder builder;
  list(builder, "fine", Action::allow, "amry.mil");
  list(builder, "fine-tld", Action::allow, "ml");
  list(builder, "listed", Action::nodata, "arrny.mil");
  protect(builder, rule("ours", Action::nxdomain));
  const Policy policy = std::move(builder).build();
  CHECK(asked_by(policy, "amry.mil") == "fine");
  CHECK(asked_by(policy, "mail.amry.mil") == "fine");
  CHECK_FALSE(policy.covers(name("amry.mil"), type_mx));
  CHECK(asked_by(policy, "army.ml") == "fine-tld");
  CHECK(asked_by(policy, "arrny.mil") == "listed");
  CHECK(ask(policy, "arrny.mil").confusable_class().empty());
  CHECK(asked_by(policy, "aarmy.mil") == "ours");
  CHECK(losers(policy, "army.ml") == std::map<std::string, Lost>{{"ours", Lost::listed_name_wins}});
}

TEST_CASE("observe weakens no block, of a listed name or of a look-alike") {
  PolicyBuilder builder;
  list(builder, "seen", Action::observe, "arrny.mil");
  protect(builder, rule("watch", Action::observe));
  protect(builder, rule("ours", Action::nxdomain));
  protect(builder, rule("watch-navy", Action::observe), "navy.mil");
  list(builder, "seen-navy", Action::observe, "nayv.mil");
  list(builder, "fine", Action::allow, "aarmy.mil");
  list(builder, "seen-below", Action::observe, "mail.aarmy.mil");
  const Policy policy = std::move(builder).build();
  CHECK(asked_by(policy, "arrny.mil") == "ours");
  CHECK(
      losers(policy, "arrny.mil") ==
      std::map<std::string, Lost>{{"seen", Lost::observe_yields}, {"watch", Lost::observe_yields}});
  CHECK(asked_by(policy, "nvay.mil") == "watch-navy");
  CHECK_FALSE(ask(policy, "nvay.mil").enforced);
  CHECK(asked_by(policy, "nayv.mil") == "seen-navy");
  CHECK(asked_by(policy, "mail.aarmy.mil") == "seen-below"); // the allow above it holds
}

TEST_CASE("a rule's exception is out of that rule alone, with all below it") {
  PolicyBuilder builder;
  Rule first = rule("first", Action::nxdomain);
  builder.add_exception(protect(builder, first), name("aarmy.mil"));
  builder.add_exception(protect(builder, rule("second", Action::nodata)), name("army.ml"));
  const Policy policy = std::move(builder).build();
  CHECK(asked_by(policy, "mail.aarmy.mil") == "second");
  CHECK(asked_by(policy, "army.ml") == "first");
  CHECK(asked_by(policy, "arrny.mil") == "first");
  CHECK(losers(policy, "mail.aarmy.mil") == std::map<std::string, Lost>{{"first", Lost::excepted}});
  CHECK(losers(policy, "arrny.mil") ==
        std::map<std::string, Lost>{{"second", Lost::likelier_lookalike}});
}

TEST_CASE("an exception of the only rule leaves the name uncovered") {
  PolicyBuilder builder;
  builder.add_exception(protect(builder, rule("ours", Action::nxdomain)), name("aarmy.mil"));
  const Policy policy = std::move(builder).build();
  CHECK_FALSE(policy.covers(name("aarmy.mil"), type_mx));
  CHECK(asked_by(policy, "aarmy.mil") == "-");
  CHECK(policy.covers(name("armyy.mil"), type_mx));
}

TEST_CASE("a rule for others hides no look-alike from the rule that applies") {
  PolicyBuilder builder;
  Prefix prefix{};
  REQUIRE(parse_prefix("198.51.100.0/24", prefix) == PrefixError::none);
  Rule others = rule("others", Action::nxdomain);
  others.every_client = false;
  others.groups = GroupSet{1} << builder.add_group("office", {prefix});
  protect(builder, others);
  Rule gone = rule("gone", Action::nxdomain);
  gone.expires = today - std::chrono::days(1);
  protect(builder, gone);
  Rule addresses = rule("addresses", Action::nxdomain);
  addresses.types = TypeSet();
  addresses.types.add(type_a);
  protect(builder, addresses);
  protect(builder, rule("ours", Action::nodata));
  const Policy policy = std::move(builder).build();
  CHECK(asked_by(policy, "arrny.mil") == "ours");
  CHECK(asked_by(policy, "arrny.mil", type_a) == "addresses");
  const Verdict verdict = ask(policy, "arrny.mil", type_mx, office);
  CHECK(verdict.rule->id == "others");
  CHECK(*verdict.client_group == "office");
  CHECK(losers(policy, "arrny.mil") == std::map<std::string, Lost>{{"others", Lost::client},
                                                                   {"gone", Lost::expired},
                                                                   {"addresses", Lost::type}});
}

TEST_CASE("without mode: enforce a look-alike is observed") {
  PolicyBuilder builder;
  protect(builder, rule("ours", Action::nxdomain));
  builder.set_enforcing(false);
  const Policy policy = std::move(builder).build();
  CHECK(ask(policy, "arrny.mil").noteworthy());
  CHECK_FALSE(ask(policy, "arrny.mil").enforced);
}
