// `nearmiss observe`, `enforce` and `allow` under a real resolver: in force whatever the policy
// file looks like, kept over reloads and restarts, and nothing that was let through is left behind.
#include "tests/catch.hpp"

#include "tests/e2e/fault_fixture.hpp"
#include "tests/e2e/policy_change.hpp"

#include <sys/stat.h>

#include <fstream>
#include <future>

using namespace e2e;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

// Names in every way in which a rule can match, each with what a mail server asks of it.
std::string policy_for_all_ways() {
  std::string text = usual_policy;
  text.insert(text.find("log:"),
              "  - {id: by-mx, mx_exchange: [mx.plain.example]}\n"
              "  - {id: by-address, answer_ip: [203.0.113.4]}\n"
              "protect:\n"
              "  - {id: ours, domains: [briefs.example], classes: [omission]}\n");
  return text;
}

struct Asked {
  const char* name;
  int type;
};
const std::vector<Asked> matched = {
    {"army.ml", MX},           {"army.ml", A},           {"realhost.army.ml", A},
    {"navy.ml", AAAA},         {"arrny.example", MX},    {"alias.good.example", A},
    {"chain.good.example", A}, {"www.arrny.example", A}, // an address that is listed
    {"brief.example", MX},                               // a look-alike of a protected domain
    {"plain.example", MX},                               // whose MX host is listed
};

bool is_real(const Answer& answer) {
  return answer.rcode == noerror && !looks_blocked(answer) && !answer.answer.empty();
}

void expect_all(const World& world, bool real) {
  for (const Asked& asked : matched) {
    const Answer answer = world.resolver.answer(mail, asked.name, asked.type);
    INFO(asked.name << ' ' << asked.type << ":\n" << answer.text());
    CHECK(is_real(answer) == real);
    CHECK(looks_blocked(answer) != real);
    CHECK(is_real(world.resolver.answer(other, asked.name, asked.type)));
  }
}

json switched(const World& world) {
  return world.resolver.nearmiss("status").at("switched");
}

std::vector<json> notices(World& world, const std::string& action) {
  std::vector<json> found;
  for (const json& event : world.resolver.events().all()) {
    if (Events::field(event, "event.action") == action) {
      found.push_back(event);
    }
  }
  return found;
}

bool has_notice(World& world, const std::string& action) {
  return wait_until([&] { return !notices(world, action).empty(); });
}

fs::path state_file(const World& world) {
  return world.resolver.folder() / "nearmiss.state";
}

} // namespace

TEST_CASE("observe lets all through at once, and afterwards no cached real answer reaches anybody",
          "[switches]") {
  World world({.policy = policy_for_all_ways(), .threads = 2});
  expect_all(world, false);
  SECTION("with a policy file that is broken") {
    world.resolver.write_policy("version: 1\nrules: [{id: a, domain");
    REQUIRE(wait_until([&] {
      return world.resolver.nearmiss("status").at("last_reload").at("outcome") == "refused";
    }));
  }
  SECTION("with one that is right") {}
  int exit_code = 1;
  const json answer = world.resolver.nearmiss("observe --for 1h", &exit_code);
  INFO(answer.dump(1));
  CHECK(exit_code == 0);
  CHECK(answer.at("outcome") == "changed");
  CHECK(answer.at("mode") == "observe");
  CHECK(answer.at("mode_of_policy") == "enforce");
  for (int round = 0; round < 2; ++round) { // from the network, then from where it may be kept
    expect_all(world, true);
  }
  CHECK(world.resolver.nearmiss("status").at("policy").at("mode") == "observe");
  CHECK(world.resolver.nearmiss("enforce").at("outcome") == "changed");
  expect_all(world, false);
  CHECK(world.resolver.nearmiss("enforce").at("outcome") == "unchanged");
  REQUIRE(has_notice(world, "mode-overridden"));
  REQUIRE(has_notice(world, "mode-override-ended"));
  CHECK(Events::field(notices(world, "mode-overridden").front(), "nearmiss.mode") == "observe");
  CHECK_FALSE(fs::exists(state_file(world)));
}

TEST_CASE("observe ends by itself, and nothing is left of it", "[switches]") {
  World world({.policy = policy_for_all_ways()});
  CHECK(world.resolver.nearmiss("observe --for 3s").at("outcome") == "changed");
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(fs::exists(state_file(world)));
  REQUIRE(has_notice(world, "mode-override-ended"));
  expect_all(world, false);
  CHECK(switched(world).at("mode") == "enforce");
  CHECK_FALSE(fs::exists(state_file(world)));
}

TEST_CASE("a policy that observes can be enforced, and the other way round", "[switches]") {
  std::string observing = policy_for_all_ways();
  observing.replace(observing.find("enforce"), 7, "observe");
  World world({.policy = observing});
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(world.resolver.nearmiss("enforce").at("mode") == "enforce");
  expect_all(world, false);
  world.resolver.reload();
  expect_all(world, false);
  CHECK(world.resolver.nearmiss("observe").at("mode") == "observe");
  CHECK_FALSE(switched(world).contains("mode_since")); // as the policy says
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
}

TEST_CASE("what is switched is kept over reloads and restarts of Unbound", "[switches]") {
  const std::string how = GENERATE("SIGHUP", "reload", "a policy that changes", "a restart");
  World world({.policy = policy_for_all_ways()});
  REQUIRE(world.resolver.nearmiss("observe --for 1h").at("outcome") == "changed");
  REQUIRE(world.resolver.nearmiss("allow navy.ml --for 2h --ticket T1").at("outcome") == "changed");
  const json before = switched(world);
  struct stat status {};
  REQUIRE(stat(state_file(world).c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0640);
  if (how == "a policy that changes") {
    std::string changed = policy_for_all_ways();
    changed.replace(changed.find("arrny.example"), 13, "plain.example");
    const auto first = generation(world.resolver);
    world.resolver.write_policy(changed);
    wait_for_generation(world.resolver, first + 1);
  } else if (how == "a restart") {
    world.resolver.stop();
    world.resolver.start();
  } else {
    world.resolver.reload(how);
  }
  CHECK(switched(world) == before);
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(world.resolver.nearmiss("enforce").at("outcome") == "changed");
  CHECK(looks_blocked(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(is_real(world.resolver.answer(mail, "navy.ml", MX)));
  CHECK(is_real(world.resolver.answer(mail, "realhost.navy.ml", A)));
}

TEST_CASE("an allowed name is let through whatever matches it, and no other", "[switches]") {
  World world({.policy = policy_for_all_ways()});
  expect_all(world, false);
  for (const Asked& asked : matched) {
    const std::string name = asked.name;
    INFO(name);
    int exit_code = 1;
    const json answer =
        world.resolver.nearmiss("allow " + name + " --for 1h --ticket T-4711", &exit_code);
    INFO(answer.dump(1));
    CHECK(exit_code == 0);
    CHECK(is_real(world.resolver.answer(mail, name, asked.type)));
    CHECK(is_real(world.resolver.answer(mail, name, asked.type)));
    for (const Asked& near_miss : matched) {
      const std::string near = near_miss.name;
      if (near != name && !near.ends_with('.' + name) && !near.ends_with("good.example")) {
        CHECK(looks_blocked(world.resolver.answer(mail, near, near_miss.type)));
      }
    }
    CHECK(world.resolver.nearmiss("allow --take-back " + name).at("outcome") == "changed");
    CHECK(looks_blocked(world.resolver.answer(mail, name, asked.type)));
  }
  REQUIRE(has_notice(world, "name-allowed"));
  const json event = notices(world, "name-allowed").front();
  CHECK(Events::field(event, "nearmiss.allowed_name") == "army.ml");
  CHECK(Events::field(event, "nearmiss.ticket") == "T-4711");
  CHECK(Events::field(event, "user.id") == std::to_string(getuid()));
  REQUIRE(has_notice(world, "name-allow-ended"));
}

TEST_CASE("a name is allowed to one group, for a while, and taken back", "[switches]") {
  std::string groups = policy_for_all_ways();
  groups.replace(groups.find("mail: [127.1.0.0/16]"), 20,
                 "mail: [127.1.0.0/16]\n  one: [127.1.0.1]");
  World world({.policy = groups});
  CHECK(world.resolver.nearmiss("allow army.ml --for 1h --client one").at("outcome") == "changed");
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(looks_blocked(world.resolver.answer(other_mail, "army.ml", MX)));
  CHECK(is_real(world.resolver.answer(mail, "army.ml", A)));
  CHECK(looks_blocked(world.resolver.answer(other_mail, "army.ml", A)));
  const json listed = world.resolver.nearmiss("allow --list").at("allowed");
  REQUIRE(listed.size() == 1);
  CHECK(listed[0].at("name") == "army.ml");
  CHECK(listed[0].at("client") == "one");
  // The same again is for another time; it ends by itself.
  CHECK(world.resolver.nearmiss("allow ARMY.ml --for 2s --client one").at("allowed").size() == 1);
  REQUIRE(has_notice(world, "name-allow-ended"));
  CHECK(looks_blocked(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(looks_blocked(world.resolver.answer(mail, "army.ml", A)));
  CHECK(world.resolver.nearmiss("allow --list").at("allowed").empty());
  for (const std::string wrong :
       {"allow ml --for 1h", "allow co.uk --for 1h", "allow army.ml --for 40d",
        "allow army.ml --for 1h --client nobody", "allow --take-back navy.ml",
        "allow a..b --for 1h", "observe --for 400d"}) {
    INFO(wrong);
    int exit_code = 0;
    CHECK(world.resolver.nearmiss(wrong, &exit_code).at("outcome") == "refused");
    CHECK(exit_code == 1);
  }
  CHECK_FALSE(fs::exists(state_file(world)));
}

TEST_CASE("on a full disk what is switched stays what it was, and the command says so",
          "[switches]") {
  const FaultyCalls faults;
  World world({.policy = policy_for_all_ways(), .environment = faults.environment()});
  faults->no_room_for_state = 1;
  int exit_code = 0;
  const json answer = world.resolver.nearmiss("observe --for 1h", &exit_code);
  INFO(answer.dump(1));
  CHECK(exit_code == 1);
  CHECK(holds(answer.at("error"), "No space left on device; nothing was switched"));
  expect_all(world, false);
  CHECK(switched(world).at("mode") == "enforce");
  CHECK_FALSE(fs::exists(state_file(world)));
  CHECK_FALSE(fs::exists(state_file(world).native() + ".part"));
  faults->no_room_for_state = 0;
  CHECK(world.resolver.nearmiss("observe --for 1h").at("outcome") == "changed");
  const std::string kept = read_file(state_file(world));
  faults->no_room_for_state = 1;
  CHECK(world.resolver.nearmiss("allow army.ml --for 1h").at("outcome") == "refused");
  CHECK(switched(world).at("allowed").empty());
  CHECK(switched(world).at("mode") == "observe");
  CHECK(read_file(state_file(world)) == kept);
  CHECK(world.resolver.nearmiss("enforce").at("outcome") == "changed"); // removes the file
  expect_all(world, false);
}

TEST_CASE("a damaged state file is said loudly, and the policy is enforced", "[switches]") {
  const std::string damaged =
      GENERATE("", "{\"nearmiss_state\":1,\"mode\":{\"mode\":\"observe\",\"since\":1}", "{}",
               "{\"nearmiss_state\":2,\"mode\":{\"mode\":\"observe\",\"since\":1},\"allowed\":[]}",
               "{\"nearmiss_state\":1,\"mode\":{\"mode\":\"off\",\"since\":1},\"allowed\":[]}",
               "{\"nearmiss_state\":1,\"allowed\":[{\"name\":\".\",\"client\":\"\",\"ticket\":\"\","
               "\"since\":1,\"until\":99999999999}]}");
  CAPTURE(damaged);
  World world({.policy = policy_for_all_ways()},
              [&](const fs::path& folder) { write_file(folder / "nearmiss.state", damaged); });
  CHECK(holds(world.resolver.log(), "the state file is not taken, so nothing is switched"));
  CHECK(looks_blocked(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(holds(switched(world).at("state_problem"), "nearmiss.state: it "));
  REQUIRE(has_notice(world, "state-refused"));
  CHECK(world.resolver.nearmiss("observe --for 1h").at("outcome") == "changed");
  CHECK_FALSE(switched(world).contains("state_problem"));
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
}

TEST_CASE("a switch does not wait for a large policy that is being read", "[switches]") {
  std::string feed;
  for (int i = 0; i < 20'000; ++i) {
    feed += "n" + std::to_string(i) + ".filler.example\n";
  }
  std::string large = policy_for_all_ways();
  large.insert(large.find("protect:"), "  - {id: feed, list: {file: l.txt, format: domains}}\n");
  World world({.policy = large, .lists = {{"l.txt", "x.filler.example\n"}}});
  world.resolver.write_list("l.txt", feed);
  auto reload = std::async(std::launch::async, [&] { return world.resolver.nearmiss("reload"); });
  const bool meanwhile = wait_until([&] {
    return world.resolver.nearmiss("status").contains("reloading") ||
           reload.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  });
  CHECK(meanwhile);
  CHECK(world.resolver.nearmiss("observe --for 1h").at("outcome") == "changed");
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(reload.get().at("outcome") != "refused");
  CHECK(is_real(world.resolver.answer(mail, "army.ml", MX)));
  CHECK(world.resolver.nearmiss("enforce").at("outcome") == "changed");
  CHECK(looks_blocked(world.resolver.answer(mail, "n19999.filler.example", MX)));
}

TEST_CASE("a newer package of Unbound than the running one is reported", "[switches]") {
  const Lab lab;
  UnboundOptions options{.policy = policy_for_all_ways()};
  const ScratchFolder folder;
  const fs::path file = folder.path() / "newer-unbound";
  options.environment = {{"NEARMISS_NEWER_UNBOUND", file.native()}};
  Unbound resolver(lab, options);
  resolver.start();
  CHECK_FALSE(resolver.nearmiss("status").contains("update_needed"));
  std::ofstream(file) << "1.17.1-2+deb12u9\n";
  const json status = resolver.nearmiss("status");
  REQUIRE(status.contains("update_needed"));
  CHECK(holds(status.at("update_needed"), "Unbound 1.17.1-2+deb12u9 is installed"));
  CHECK_FALSE(status.contains("restart_needed")); // that alone would not help
  fs::remove(file);
  CHECK_FALSE(resolver.nearmiss("status").contains("update_needed"));
}

TEST_CASE("a module that was replaced on the disk is said to need a restart", "[switches]") {
  const Lab lab;
  UnboundOptions options{.policy = policy_for_all_ways()};
  const ScratchFolder folder;
  const fs::path copy = folder.path() / "nearmiss.so";
  fs::copy_file(options.module, copy);
  options.module = copy;
  Unbound resolver(lab, options);
  resolver.start();
  CHECK_FALSE(resolver.nearmiss("status").contains("restart_needed"));
  fs::copy_file(copy, folder.path() / "new.so");
  fs::rename(folder.path() / "new.so", copy);
  const json status = resolver.nearmiss("status");
  REQUIRE(status.contains("restart_needed"));
  CHECK(status.at("restart_needed").size() == 1);
  CHECK(holds(status.at("restart_needed")[0], "module " + copy.native()));
}
