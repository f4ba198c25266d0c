// What is switched for a while: its verdicts, its end, its text; and the hits of rules.
#include "module/overrides.hpp"
#include "module/program_files.hpp"
#include "module/reload/state_file.hpp"
#include "module/rule_hits.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

using namespace nearmiss;
using namespace nearmiss::test;
using namespace std::chrono_literals;

namespace {

const ModeOverride::Time now = std::chrono::sys_days(today);

Name name_of(std::string_view text) {
  return *Name::from_text(text);
}

struct Fixture {
  Fixture() {
    const LoadResult result =
        folder.load_policy("version: 1\n"
                           "clients: {mail: [192.0.2.0/24], one: [192.0.2.1]}\n"
                           "defaults: {clients: [mail]}\n"
                           "rules:\n"
                           "  - {id: ml, domains: [army.ml]}\n"
                           "  - {id: below, domains: [evil.army.ml]}\n"
                           "  - {id: seen, domains: [seen.army.ml], action: observe}\n"
                           "  - {id: tcp, domains: [tcp.example], action: tcp-only}\n");
    INFO(texts(folder, result));
    REQUIRE(result.config);
    config = result.config;
  }

  Verdict verdict(const Overrides& overrides, std::string_view asked,
                  std::string_view client = "192.0.2.1", ModeOverride::Time at = now,
                  bool tcp = false) const {
    const Policy& policy = config->policy;
    const Name name = name_of(asked);
    const auto address = *ClientAddress::from_text(client);
    Verdict verdict = policy.decide({name, 15, address, today, tcp});
    ActiveOverrides(overrides).apply(verdict, policy, name, address, at);
    return verdict;
  }

  Folder folder;
  std::shared_ptr<const Config> config;
};

AllowedName allowed(std::string_view name, const std::string& group = "") {
  return {name_of(name), group, "T1", now, now + 2h};
}

} // namespace

TEST_CASE("overrides: the mode, up to the second in which it ends", "[overrides]") {
  const Fixture fixture;
  const Overrides observing{ModeOverride{false, now, now + 1h}, {}};
  CHECK(fixture.verdict({}, "army.ml").enforced);
  const Verdict observed = fixture.verdict(observing, "army.ml");
  CHECK_FALSE(observed.enforced);
  CHECK(observed.noteworthy());
  CHECK_FALSE(observed.allowed);
  CHECK_FALSE(fixture.verdict(observing, "army.ml", "192.0.2.1", now + 1h - 1s).enforced);
  CHECK(fixture.verdict(observing, "army.ml", "192.0.2.1", now + 1h).enforced);
  const Overrides enforcing{ModeOverride{true, now, std::nullopt}, {}};
  CHECK(fixture.verdict(enforcing, "army.ml", "192.0.2.1", now + 10000h).enforced);
  CHECK_FALSE(fixture.verdict(enforcing, "seen.army.ml").action == Action::observe);
  CHECK_FALSE(fixture.verdict(enforcing, "tcp.example", "192.0.2.1", now, true).enforced);
  CHECK(fixture.verdict(enforcing, "tcp.example").enforced);
  CHECK_FALSE(fixture.verdict(enforcing, "unlisted.example").noteworthy());
}

TEST_CASE("overrides: a name is let through with what is below it, more specific blocks stay",
          "[overrides]") {
  const Fixture fixture;
  const Overrides overrides{std::nullopt, {allowed("army.ml")}};
  for (const char* const name : {"army.ml", "a.army.ml", "b.a.army.ml"}) {
    const Verdict verdict = fixture.verdict(overrides, name);
    CHECK(verdict.allowed);
    CHECK_FALSE(verdict.noteworthy());
  }
  CHECK(fixture.verdict(overrides, "evil.army.ml").enforced);
  CHECK_FALSE(fixture.verdict(overrides, "evil.army.ml").allowed);
  CHECK(fixture.verdict(overrides, "army.ml", "192.0.2.1", now + 2h).enforced);
  CHECK(fixture.verdict({std::nullopt, {allowed("my.ml")}}, "army.ml").enforced);
  CHECK(fixture.verdict({std::nullopt, {allowed("a.army.ml")}}, "army.ml").enforced);
  // The most specific of several speaks, and one of a group for that group alone.
  const Overrides both{std::nullopt, {allowed("army.ml"), allowed("evil.army.ml", "one")}};
  CHECK(fixture.verdict(both, "evil.army.ml").allowed);
  CHECK(fixture.verdict(both, "evil.army.ml", "192.0.2.2").enforced);
  CHECK(fixture.verdict({std::nullopt, {allowed("army.ml", "gone")}}, "army.ml").enforced);
  CHECK(fixture.verdict(overrides, "unlisted.army.ml").allowed);
}

TEST_CASE("overrides: what has ended is taken out, and nothing else", "[overrides]") {
  Overrides overrides{ModeOverride{false, now, now + 1h}, {allowed("a.ml"), allowed("b.ml")}};
  overrides.allowed[1].until = now + 30min;
  CHECK(overrides.next_end() == now + 30min);
  CHECK(overrides.take_ended(now + 29min).empty());
  const Overrides first = overrides.take_ended(now + 30min);
  REQUIRE(first.allowed.size() == 1);
  CHECK(first.allowed[0].name == name_of("b.ml"));
  CHECK_FALSE(first.mode);
  CHECK(overrides.take_ended(now + 1h).mode);
  CHECK(overrides.take_ended(now + 2h).allowed.size() == 1);
  CHECK(overrides.empty());
  CHECK(overrides.next_end() == ModeOverride::Time::max());
}

TEST_CASE("the state file: what is written is read, and a failed write changes nothing",
          "[overrides]") {
  const Folder folder;
  const StateFile state(folder.path() / "nearmiss.state");
  std::string problem;
  CHECK(state.read(problem) == Overrides{});
  const Overrides overrides{ModeOverride{false, now, std::nullopt},
                            {allowed("xn--mnchen-3ya.example", "mail"), allowed(R"(a\.b.ml)")}};
  state.write(overrides);
  CHECK(state.read(problem) == overrides);
  CHECK(problem.empty());
  struct stat status {};
  REQUIRE(stat(state.path().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
  // A link that another user put there is neither followed nor read.
  const auto victim = folder.write("victim", "mine\n");
  std::filesystem::create_symlink(victim, state.path().native() + ".part");
  Overrides other = overrides;
  other.allowed.pop_back();
  state.write(other);
  CHECK(state.read(problem) == other);
  // A directory in which nothing can be written.
  std::filesystem::create_directory(state.path().native() + ".part");
  folder.write("nearmiss.state.part/full", "");
  CHECK_THROWS_AS(state.write(overrides), std::system_error);
  CHECK(state.read(problem) == other);
  state.write({});
  CHECK_FALSE(std::filesystem::exists(state.path()));
  CHECK(std::filesystem::file_size(victim) == 5);
  std::filesystem::create_symlink(victim, state.path());
  CHECK_FALSE(state.read(problem));
  CHECK_FALSE(problem.empty());
}

TEST_CASE("the hits of a rule go on over policies, up to a number of rules", "[overrides]") {
  const Fixture fixture;
  RuleHits hits;
  const auto first = hits.counters_of(fixture.config->policy);
  REQUIRE(first.size() == 4);
  ++*first[0];
  const auto again = hits.counters_of(fixture.config->policy);
  CHECK(again == first);
  CHECK(hits.all().size() == 4);
  CHECK(hits.all()[1] == std::pair<std::string, std::uint64_t>("ml", 1));
  std::string rules = "version: 1\nrules:\n";
  for (std::size_t i = 0; i < RuleHits::max_rules; ++i) {
    rules += "  - {id: r" + std::to_string(i) + ", exact: [a.example]}\n";
  }
  const LoadResult many = fixture.folder.load_policy(rules);
  REQUIRE(many.config);
  const auto counters = hits.counters_of(many.config->policy);
  CHECK(counters[RuleHits::max_rules - 1] == counters[RuleHits::max_rules - 4]);
  CHECK(counters[RuleHits::max_rules - 5] != counters[RuleHits::max_rules - 4]);
  CHECK(hits.all().size() == RuleHits::max_rules + 1);
  CHECK(hits.all().back().first == "(others)");
}

TEST_CASE("a mapped file that was replaced is told from one that was not", "[overrides]") {
  const Folder folder;
  const auto file = folder.write("m.so", "x");
  struct stat status {};
  REQUIRE(stat(file.c_str(), &status) == 0);
  const std::string head = "7f0c0a000000-7f0c0a100000 r--p 00000000 08:01 ";
  const std::string line = head + std::to_string(status.st_ino) + "    " + file.string();
  std::string path;
  CHECK_FALSE(is_replaced(line, path));
  CHECK(path == file);
  CHECK(is_replaced(line + " (deleted)", path));
  CHECK(path == file);
  CHECK(is_replaced(head + std::to_string(status.st_ino + 1) + " " + file.string(), path));
  std::filesystem::remove(file);
  CHECK(is_replaced(line, path));
  CHECK_FALSE(is_replaced(head + "0 [heap]", path));
  CHECK_FALSE(is_replaced("", path));
  CHECK(replaced_files().empty()); // of this process
}

TEST_CASE("what the system says of a newer Unbound is one short line, or nothing", "[overrides]") {
  const Folder folder;
  unsetenv("NEARMISS_NEWER_UNBOUND");
  CHECK(newer_unbound().empty());
  const auto file = folder.write("newer-unbound", "1.22.0-2+deb13u1\nmore\n");
  setenv("NEARMISS_NEWER_UNBOUND", file.c_str(), 1);
  CHECK(newer_unbound() == "1.22.0-2+deb13u1");
  folder.write("newer-unbound", std::string(1000, 'x'));
  CHECK(newer_unbound() == std::string(128, 'x'));
  folder.write("newer-unbound", "");
  CHECK(newer_unbound().empty());
  std::filesystem::remove(file);
  CHECK(newer_unbound().empty());
  unsetenv("NEARMISS_NEWER_UNBOUND");
}
