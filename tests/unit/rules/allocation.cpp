// Counts every allocation of the process, to show that deciding makes none.
#include "rules/policy_builder.hpp"
#include "tests/catch.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/rules/names.hpp"

using namespace nearmiss;
using nearmiss::test::allocations;
using nearmiss::test::name;
using nearmiss::test::rule;
using nearmiss::test::type_mx;

TEST_CASE("neither covers nor decide allocates, matched or not") {
  PolicyBuilder builder;
  Prefix prefix{};
  REQUIRE(parse_prefix("192.0.2.0/24", prefix) == PrefixError::none);
  Rule grouped = rule("a-rule-whose-id-is-too-long-to-be-kept-inside-the-string", Action::nxdomain);
  grouped.every_client = false;
  grouped.groups = GroupSet{1} << builder.add_group("a-group-with-a-name-that-is-long", {prefix});
  grouped.intended = name("mil");
  const std::size_t index = builder.add_rule(grouped);
  builder.add_name(index, name("ml"), Scope::subtree);
  builder.add_exception(index, name("gouv.ml"));
  builder.add_name(builder.add_rule(rule("observing", Action::observe)), name("army.ml"),
                   Scope::exact);
  const Policy policy = std::move(builder).build();

  const Name names[] = {name("army.ml"), name("x.gouv.ml"), name("army.mil"), name("."),
                        name("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.ml")};
  const ClientAddress clients[] = {ClientAddress::v4({192, 0, 2, 1}),
                                   ClientAddress::v4({192, 0, 3, 1})};
  std::size_t decided = 0;
  const std::size_t before = allocations();
  for (const Name& asked : names) {
    for (const ClientAddress& client : clients) {
      decided += policy.covers(asked, type_mx) ? 1U : 0U;
      const Verdict verdict = policy.decide({asked, type_mx, client, {}});
      decided += verdict.rule != nullptr ? 1U : 0U;
    }
  }
  const std::size_t during = allocations() - before;
  CHECK(during == 0);
  CHECK(decided == 7); // 2 x 2 covered, 2 + 1 decided: the loop did reach rules

  std::vector<Runner> lost; // explain may allocate: the counter does count
  const std::size_t before_explain = allocations();
  policy.explain({names[0], type_mx, clients[0], {}}, lost);
  CHECK(allocations() > before_explain);
}

TEST_CASE("with protected domains, neither covers nor decide allocates, look-alike or not") {
  PolicyBuilder builder;
  const std::size_t watching = builder.add_rule(rule("watching", Action::observe));
  builder.add_protected(watching, name("army.mil"), ClassSet::all());
  const std::size_t blocking = builder.add_rule(rule("blocking", Action::nxdomain));
  builder.add_protected(blocking, name("navy.mil"), ClassSet::all());
  builder.add_exception(blocking, name("nayv.mil"));
  const Policy policy = std::move(builder).build();

  const Name names[] = {name("mail.arrny.mil"),
                        name("nvay.mil"),
                        name("nayv.mil"),
                        name("army.mil"),
                        name("honest.example"),
                        name("."),
                        name("a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.mil")};
  std::size_t decided = 0;
  const std::size_t before = allocations();
  for (const Name& asked : names) {
    decided += policy.covers(asked, type_mx) ? 1U : 0U;
    const Verdict verdict = policy.decide({asked, type_mx, ClientAddress(), {}});
    decided += verdict.rule != nullptr ? 1U : 0U;
  }
  const std::size_t during = allocations() - before;
  CHECK(during == 0);
  CHECK(decided == 4); // the first two, covered and decided
}
