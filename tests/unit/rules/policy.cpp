#include "rules/policy_builder.hpp"
#include "tests/catch.hpp"
#include "tests/unit/rules/names.hpp"

#include <map>
#include <set>
#include <string>

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

std::string asked_by(const Policy& policy, std::string_view asked, std::uint16_t type = type_mx,
                     const ClientAddress& client = mail_server) {
  const Name parsed = name(asked);
  const Verdict verdict = policy.decide({parsed, type, client, today});
  return verdict.rule == nullptr ? "-" : verdict.rule->id;
}

// A policy of rules that are written down in a line each.
class Draft {
 public:
  Draft& rule(std::string id, Action action) { return rule(test::rule(std::move(id), action)); }
  Draft& rule(Rule made) {
    last_ = builder_.add_rule(std::move(made));
    return *this;
  }
  Draft& domain(std::string_view text) {
    builder_.add_name(last_, name(text), Scope::subtree);
    return *this;
  }
  Draft& exact(std::string_view text) {
    builder_.add_name(last_, name(text), Scope::exact);
    return *this;
  }
  Draft& except(std::string_view text) {
    builder_.add_exception(last_, name(text));
    return *this;
  }
  Draft& observing() {
    builder_.set_enforcing(false);
    return *this;
  }
  GroupSet group(std::string group_name, std::string_view prefix) {
    Prefix parsed{};
    REQUIRE(parse_prefix(prefix, parsed) == PrefixError::none);
    return GroupSet{1} << builder_.add_group(std::move(group_name), {parsed});
  }
  Policy policy() { return std::move(builder_).build(); }

 private:
  PolicyBuilder builder_;
  std::size_t last_ = 0;
};

std::map<std::string, Lost> losers(const Policy& policy, std::string_view asked,
                                   std::uint16_t type = type_mx,
                                   const ClientAddress& client = mail_server) {
  const Name parsed = name(asked);
  std::vector<Runner> lost;
  const Query query{parsed, type, client, today};
  const Verdict explained = policy.explain(query, lost);
  CHECK(explained.rule == policy.decide(query).rule);
  std::map<std::string, Lost> reasons;
  for (const Runner& runner : lost) {
    CHECK(parsed.is_at_or_below(runner.matched));
    CHECK(reasons.emplace(runner.rule->id, runner.why).second);
  }
  return reasons;
}

} // namespace

TEST_CASE("an empty policy matches nothing") {
  const Policy empty;
  CHECK_FALSE(empty.covers(name("army.ml"), type_mx));
  CHECK(asked_by(empty, "army.ml") == "-");
  CHECK(asked_by(empty, ".") == "-");
  CHECK(empty.name_count() == 0);
  CHECK(asked_by(PolicyBuilder().build(), "army.ml") == "-");
}

TEST_CASE("a domain matches with all below it, an exact name alone") {
  const Policy policy = Draft()
                            .rule("domain", Action::nxdomain)
                            .domain("army.ml")
                            .rule("exact", Action::nxdomain)
                            .exact("navy.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml") == "domain");
  CHECK(asked_by(policy, "ARMY.ML") == "domain");
  CHECK(asked_by(policy, "us.army.ml") == "domain");
  CHECK(asked_by(policy, "notarmy.ml") == "-");
  CHECK(asked_by(policy, "army.mil") == "-");
  CHECK(asked_by(policy, "ml") == "-");
  CHECK(asked_by(policy, "navy.ml") == "exact");
  CHECK(asked_by(policy, "us.navy.ml") == "-");
  CHECK_FALSE(policy.covers(name("us.navy.ml"), type_mx));
  CHECK(policy.covers(name("us.army.ml"), type_mx));
}

TEST_CASE("a verdict carries what matched") {
  Draft draft;
  Rule made = rule("mil-ml", Action::sinkhole);
  made.every_client = false;
  draft.group("office", "198.51.100.0/24");
  made.groups = draft.group("mail", "192.0.2.0/24") | draft.group("also", "192.0.2.25");
  const Policy policy = draft.rule(made).domain("ml").policy();
  const Name asked = name("us.army.ml");
  const Verdict verdict = policy.decide({asked, type_mx, mail_server, today});
  CHECK(verdict.rule == policy.rules().data());
  CHECK(verdict.action == Action::sinkhole);
  CHECK(verdict.enforced);
  CHECK(verdict.noteworthy());
  CHECK(verdict.matched == name("ml"));
  REQUIRE(verdict.client_group != nullptr);
  CHECK(*verdict.client_group == "mail");

  const Verdict none = policy.decide({asked, type_mx, office, today});
  CHECK(none.rule == nullptr);
  CHECK_FALSE(none.enforced);
  CHECK_FALSE(none.noteworthy());
}

TEST_CASE("a rule for every client names no group") {
  const Policy policy = Draft().rule("all", Action::nxdomain).domain("ml").policy();
  const Name asked = name("army.ml");
  const Verdict verdict = policy.decide({asked, type_mx, office, today});
  CHECK(verdict.enforced);
  CHECK(verdict.client_group == nullptr);
}

TEST_CASE("a name is above what is covered: listed, or below a listed one") {
  std::set<std::string> apart{"mx.a.example", "x.a.example", "c.example", "invalid"};
  for (int built = 0; built < 10; ++built) { // each with its own key: what is rare does not persist
    const Policy policy = Draft()
                              .rule("exact", Action::nxdomain)
                              .exact("mx.a.example")
                              .rule("subtree", Action::nxdomain)
                              .domain("b.example")
                              .policy();
    for (const char* const above : {".", "example", "a.example", "b.example", "x.b.example"}) {
      CAPTURE(above);
      CHECK(policy.covers_below(name(above)));
    }
    std::erase_if(apart, [&](const std::string& text) { return !policy.covers_below(name(text)); });
  }
  CHECK(apart.empty());
}

TEST_CASE("the root can be listed") {
  const Policy policy = Draft().rule("all", Action::nxdomain).domain(".").except("mil").policy();
  CHECK(asked_by(policy, ".") == "all");
  CHECK(asked_by(policy, "a.b.c") == "all");
  CHECK(asked_by(policy, "army.mil") == "-");
  const Policy exact = Draft().rule("root", Action::nxdomain).exact(".").policy();
  CHECK(asked_by(exact, ".") == "root");
  CHECK(asked_by(exact, "ml") == "-");
}

TEST_CASE("the most specific name wins, whichever rule comes first") {
  const Policy policy = Draft()
                            .rule("wide", Action::nxdomain)
                            .domain("ml")
                            .rule("narrow", Action::refused)
                            .domain("army.ml")
                            .policy();
  CHECK(asked_by(policy, "us.army.ml") == "narrow");
  CHECK(asked_by(policy, "navy.ml") == "wide");
  CHECK(losers(policy, "us.army.ml") == std::map<std::string, Lost>{{"wide", Lost::less_specific}});
}

TEST_CASE("a more specific allow beats a block, and a more specific block an allow") {
  const Policy policy = Draft()
                            .rule("block", Action::nxdomain)
                            .domain("ml")
                            .rule("partner", Action::allow)
                            .domain("mod.ml")
                            .rule("again", Action::nxdomain)
                            .domain("bad.mod.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml") == "block");
  CHECK(asked_by(policy, "mod.ml") == "partner");
  CHECK(asked_by(policy, "x.mod.ml") == "partner");
  CHECK(asked_by(policy, "x.bad.mod.ml") == "again");
  CHECK(policy.covers(name("army.ml"), type_mx));
  CHECK_FALSE(policy.covers(name("x.mod.ml"), type_mx)); // decided for everybody: left to the host
  CHECK(policy.covers(name("x.bad.mod.ml"), type_mx));
  const Name asked = name("mod.ml");
  const Verdict verdict = policy.decide({asked, type_mx, mail_server, today});
  CHECK_FALSE(verdict.enforced);
  CHECK_FALSE(verdict.noteworthy());
}

TEST_CASE("at the same name allow beats an earlier block") {
  const Policy policy = Draft()
                            .rule("block", Action::nxdomain)
                            .domain("army.ml")
                            .rule("allow", Action::allow)
                            .domain("army.ml")
                            .policy();
  CHECK(asked_by(policy, "us.army.ml") == "allow");
  CHECK(losers(policy, "us.army.ml") == std::map<std::string, Lost>{{"block", Lost::allow_wins}});
}

TEST_CASE("at the same name the earlier of two blocks wins") {
  const Policy policy = Draft()
                            .rule("first", Action::servfail)
                            .domain("army.ml")
                            .rule("second", Action::nxdomain)
                            .domain("army.ml")
                            .exact("army.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml") == "first");
  CHECK(losers(policy, "army.ml") == std::map<std::string, Lost>{{"second", Lost::earlier_rule}});
}

TEST_CASE("an allow for some clients or some types does not speak for the others") {
  Draft draft;
  Rule allow = rule("allow", Action::allow);
  allow.every_client = false;
  allow.groups = draft.group("office", "198.51.100.0/24");
  Rule allow_a = rule("allow-a", Action::allow);
  allow_a.types = TypeSet();
  allow_a.types.add(type_a);
  const Policy policy = draft.rule("block", Action::nxdomain)
                            .domain("ml")
                            .rule(allow)
                            .domain("army.ml")
                            .rule(allow_a)
                            .domain("navy.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml", type_mx, office) == "allow");
  CHECK(asked_by(policy, "army.ml", type_mx, mail_server) == "block");
  CHECK(policy.covers(name("army.ml"), type_mx));
  CHECK(losers(policy, "army.ml") == std::map<std::string, Lost>{{"allow", Lost::client}});
  CHECK(asked_by(policy, "navy.ml", type_a) == "allow-a");
  CHECK(asked_by(policy, "navy.ml", type_mx) == "block");
  CHECK(policy.covers(name("navy.ml"), type_mx));
  CHECK_FALSE(policy.covers(name("navy.ml"), type_a));
  CHECK(losers(policy, "navy.ml") == std::map<std::string, Lost>{{"allow-a", Lost::type}});
}

TEST_CASE("an allow that expires decides only until then") {
  Rule allow = rule("allow", Action::allow);
  allow.expires = today - std::chrono::days(1);
  Rule later = allow;
  later.id = "later";
  later.expires = today;
  const Policy policy = Draft()
                            .rule("block", Action::nxdomain)
                            .domain("ml")
                            .rule(allow)
                            .domain("army.ml")
                            .rule(later)
                            .domain("navy.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml") == "block");
  CHECK(losers(policy, "army.ml") == std::map<std::string, Lost>{{"allow", Lost::expired}});
  CHECK(policy.covers(name("army.ml"), type_mx));
  CHECK(asked_by(policy, "navy.ml") == "later");
  CHECK(policy.covers(name("navy.ml"), type_mx)); // tomorrow it would be false
}

TEST_CASE("observe speaks where no enforcing rule matches, and never weakens a block") {
  const auto with = [](Action wide, Action narrow) {
    return Draft()
        .rule("wide", wide)
        .domain("ml")
        .rule("narrow", narrow)
        .domain("army.ml")
        .policy();
  };
  // More specific than a block, it still yields.
  const Policy block_above = with(Action::nxdomain, Action::observe);
  CHECK(asked_by(block_above, "army.ml") == "wide");
  CHECK(losers(block_above, "army.ml") ==
        std::map<std::string, Lost>{{"narrow", Lost::observe_yields}});
  const Policy block_below = with(Action::observe, Action::nxdomain);
  CHECK(asked_by(block_below, "army.ml") == "narrow");
  CHECK(asked_by(block_below, "navy.ml") == "wide");
  CHECK(losers(block_below, "army.ml") ==
        std::map<std::string, Lost>{{"wide", Lost::observe_yields}});
  // More specific than an allow, it speaks; less specific, it does not.
  const Policy allow_above = with(Action::allow, Action::observe);
  CHECK(asked_by(allow_above, "army.ml") == "narrow");
  CHECK(asked_by(allow_above, "navy.ml") == "wide");
  CHECK(allow_above.covers(name("army.ml"), type_mx));
  CHECK_FALSE(allow_above.covers(name("navy.ml"), type_mx));
  const Policy allow_below = with(Action::observe, Action::allow);
  CHECK(asked_by(allow_below, "army.ml") == "narrow");
  CHECK_FALSE(allow_below.covers(name("army.ml"), type_mx));
  CHECK(losers(allow_below, "army.ml") ==
        std::map<std::string, Lost>{{"wide", Lost::less_specific}});
  // Among themselves the most specific.
  CHECK(asked_by(with(Action::observe, Action::observe), "army.ml") == "narrow");
}

TEST_CASE("at the same name observe yields to a block and to an allow") {
  const auto with = [](Action other) {
    return Draft()
        .rule("observe", Action::observe)
        .domain("army.ml")
        .rule("other", other)
        .domain("army.ml")
        .policy();
  };
  CHECK(asked_by(with(Action::refused), "army.ml") == "other");
  CHECK(asked_by(with(Action::allow), "army.ml") == "other");
  CHECK(asked_by(with(Action::observe), "army.ml") == "observe");
  CHECK(losers(with(Action::refused), "army.ml") ==
        std::map<std::string, Lost>{{"observe", Lost::observe_yields}});
  CHECK(losers(with(Action::allow), "army.ml") ==
        std::map<std::string, Lost>{{"observe", Lost::allow_wins}});
}

TEST_CASE("a block between an allow above and an observe below still blocks") {
  const Policy policy = Draft()
                            .rule("allow", Action::allow)
                            .domain("ml")
                            .rule("block", Action::nxdomain)
                            .domain("army.ml")
                            .rule("observe", Action::observe)
                            .domain("us.army.ml")
                            .policy();
  CHECK(asked_by(policy, "us.army.ml") == "block");
  const Name asked = name("us.army.ml");
  CHECK(policy.decide({asked, type_mx, mail_server, today}).enforced);
}

TEST_CASE("observe is written down but not enforced") {
  const Policy policy = Draft().rule("observe", Action::observe).domain("ml").policy();
  const Name asked = name("army.ml");
  const Verdict verdict = policy.decide({asked, type_mx, mail_server, today});
  CHECK(verdict.noteworthy());
  CHECK_FALSE(verdict.enforced);
}

TEST_CASE("a policy that only observes keeps each rule's action and enforces none") {
  const Policy policy = Draft().rule("block", Action::sinkhole).domain("ml").observing().policy();
  CHECK_FALSE(policy.enforcing());
  CHECK(policy.covers(name("army.ml"), type_mx));
  const Name asked = name("army.ml");
  const Verdict verdict = policy.decide({asked, type_mx, mail_server, today});
  CHECK(verdict.action == Action::sinkhole);
  CHECK(verdict.noteworthy());
  CHECK_FALSE(verdict.enforced);
}

TEST_CASE("an exception takes a name and what is below it out of its own rule only") {
  const Policy policy = Draft()
                            .rule("mil-ml", Action::nxdomain)
                            .domain("ml")
                            .except("gouv.ml")
                            .domain("fake.gouv.ml")
                            .rule("other", Action::refused)
                            .domain("tax.gouv.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml") == "mil-ml");
  CHECK(asked_by(policy, "gouv.ml") == "-");
  CHECK(asked_by(policy, "x.gouv.ml") == "-");
  CHECK(asked_by(policy, "notgouv.ml") == "mil-ml");
  CHECK(asked_by(policy, "x.fake.gouv.ml") == "mil-ml"); // the more specific of one rule
  CHECK(asked_by(policy, "tax.gouv.ml") == "other");
  CHECK_FALSE(policy.covers(name("x.gouv.ml"), type_mx));
  CHECK(policy.covers(name("notgouv.ml"), type_mx));
  CHECK(losers(policy, "x.gouv.ml") == std::map<std::string, Lost>{{"mil-ml", Lost::excepted}});
  CHECK(losers(policy, "tax.gouv.ml") == std::map<std::string, Lost>{{"mil-ml", Lost::excepted}});
  CHECK(losers(policy, "fake.gouv.ml").empty());
}

TEST_CASE("an exception at the listed name wins, for exact names too") {
  const Policy policy = Draft()
                            .rule("both", Action::nxdomain)
                            .except("army.ml")
                            .domain("army.ml")
                            .exact("army.ml")
                            .exact("navy.ml")
                            .policy();
  CHECK(asked_by(policy, "army.ml") == "-");
  CHECK(asked_by(policy, "us.army.ml") == "-");
  CHECK(asked_by(policy, "navy.ml") == "both");
  CHECK(losers(policy, "army.ml") == std::map<std::string, Lost>{{"both", Lost::excepted}});
}

TEST_CASE("a name that only exceptions or allows know is not covered") {
  const Policy policy = Draft()
                            .rule("block", Action::nxdomain)
                            .domain("ml")
                            .except("gov.example")
                            .rule("allow", Action::allow)
                            .domain("mod.example")
                            .policy();
  CHECK_FALSE(policy.covers(name("gov.example"), type_mx));
  CHECK_FALSE(policy.covers(name("mod.example"), type_mx));
  CHECK(policy.covers(name("ml"), type_mx));
  CHECK(policy.name_count() == 2); // ml and mod.example
}

TEST_CASE("a rule speaks for its types only") {
  Rule everything = rule("everything", Action::nxdomain);
  everything.types = TypeSet::all();
  const Policy policy = Draft()
                            .rule("delivery", Action::nxdomain)
                            .domain("ml")
                            .rule(everything)
                            .domain("example")
                            .policy();
  CHECK(asked_by(policy, "army.ml", type_mx) == "delivery");
  CHECK(asked_by(policy, "army.ml", type_a) == "delivery");
  CHECK(asked_by(policy, "army.ml", type_txt) == "-");
  CHECK_FALSE(policy.covers(name("army.ml"), type_txt));
  CHECK(losers(policy, "army.ml", type_txt) ==
        std::map<std::string, Lost>{{"delivery", Lost::type}});
  CHECK(asked_by(policy, "x.example", type_txt) == "everything");
  CHECK(asked_by(policy, "x.example", 65280) == "everything");
}

TEST_CASE("a rule expires after its day") {
  Rule temporary = rule("temporary", Action::nxdomain);
  temporary.expires = today;
  const Policy policy = Draft().rule(temporary).domain("ml").policy();
  const Name asked = name("army.ml");
  const auto on = [&](std::chrono::sys_days day) {
    return policy.decide({asked, type_mx, mail_server, day}).rule != nullptr;
  };
  CHECK(on(today - std::chrono::days(1)));
  CHECK(on(today));
  CHECK_FALSE(on(today + std::chrono::days(1)));
}

TEST_CASE("a verdict survives its policy being moved, and the policy left behind is empty") {
  Policy policy = Draft().rule("block", Action::nxdomain).domain("army.ml").policy();
  const Name asked = name("army.ml");
  const Verdict verdict = policy.decide({asked, type_mx, mail_server, today});
  const Policy moved = std::move(policy);
  CHECK(verdict.rule == moved.rules().data());
  CHECK(asked_by(moved, "army.ml") == "block");
  CHECK(asked_by(policy, "army.ml") == "-"); // NOLINT(bugprone-use-after-move): documented
}

TEST_CASE("what the sender meant") {
  Rule swap = rule("swap", Action::nxdomain);
  swap.intended = name("mil");
  swap.intended_is_suffix = true;
  Rule fixed = rule("fixed", Action::nxdomain);
  fixed.intended = name("army.mil");
  const Policy policy = Draft()
                            .rule(swap)
                            .domain("ml")
                            .rule(fixed)
                            .domain("arrny.example")
                            .rule("silent", Action::nxdomain)
                            .domain("example.net")
                            .policy();
  const auto intended = [&](std::string_view text) {
    const Name asked = name(text);
    return Policy::intended_for(policy.decide({asked, type_mx, mail_server, today}), asked);
  };
  CHECK(intended("us.army.ml") == "us.army.mil");
  CHECK(intended("ml") == "mil");
  CHECK(intended("mail.arrny.example") == "army.mil");
  CHECK(intended("example.net").empty());
  CHECK(intended("example.org").empty());
}
