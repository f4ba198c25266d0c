// The life of the module in Unbound: start, refusal, reload.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <algorithm>
#include <sstream>

using namespace e2e;

namespace {

const std::string wrong_policy = "version: 1\n"
                                 "mode: enforce\n"
                                 "clients: {mail: [127.1.0.0/16]}\n"
                                 "rules:\n"
                                 "  - id: oops\n"
                                 "    domians: [army.ml]\n";

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a wrong policy at start stops Unbound, with the place of the mistake", "[start]") {
  const Lab lab;
  Unbound resolver(lab, {.policy = wrong_policy});
  const std::string log = resolver.fail_to_start();
  INFO(log);
  CHECK(holds(log, "nearmiss.yaml:6:5: error: "));
  CHECK(holds(log, "domians"));
  // Mended, the same resolver starts.
  resolver.write_policy(usual_policy);
  CHECK_NOTHROW(resolver.start());
}

TEST_CASE("a missing policy stops Unbound, with the path it looked at", "[start]") {
  const Lab lab;
  const bool by_environment = GENERATE(false, true);
  Unbound resolver(lab, {.policy = usual_policy, .policy_by_environment = by_environment});
  std::filesystem::remove(resolver.policy_file());
  const std::string log = resolver.fail_to_start();
  INFO(log);
  CHECK(holds(log, resolver.policy_file().filename().string()));
  CHECK(holds(log, "error"));
}

TEST_CASE("the policy is found by $NEARMISS_CONFIG or in Unbound's directory", "[start]") {
  for (const bool by_environment : {false, true}) {
    const World world({.policy = usual_policy, .policy_by_environment = by_environment});
    world.expect_blocked(mail, "army.ml", MX);
  }
}

TEST_CASE("a module built for another Unbound is refused, and the message names both", "[start]") {
  const std::string said = run({unbound_program("unbound"), "-V"}).output;
  const std::string version = "unbound " + said.substr(8, said.find('\n') - 8); // behind "Version "
  const std::string option = "--with-dynlibmodule";
  struct Change {
    std::string from, to, names_both;
  };
  const Change change =
      GENERATE_COPY(Change{version + '\0', "unbound 0" + version.substr(9) + '\0',
                           "built for unbound 0" + version.substr(9) + ", but this is " + version},
                    Change{option, "--with-dynlibmodulo", "This one's are: "});
  const Lab lab;
  const ScratchFolder folder;
  std::string module = read_file(module_file());
  std::size_t changed = 0;
  for (std::size_t at = 0; (at = module.find(change.from, at)) != std::string::npos; ++changed) {
    module.replace(at, change.to.size(), change.to);
  }
  REQUIRE(changed > 0);
  write_file(folder.path() / "other.so", module);
  Unbound resolver(lab, {.policy = usual_policy, .module = folder.path() / "other.so"});
  const std::string log = resolver.fail_to_start();
  INFO(log);
  CHECK(holds(log, change.names_both));
  CHECK(holds(log, "Build the module against the Unbound that loads it"));
  if (change.from == option) {
    CHECK(holds(log, "--with-dynlibmodulo"));
    CHECK(log.rfind(option) > log.find("This one's are: "));
  }
}

TEST_CASE("an unsafe module-config is refused, and the message says what to write", "[start]") {
  const Lab lab;
  for (const std::string modules :
       {"validator dynlib iterator", "respip dynlib validator iterator",
        "dynlib subnetcache iterator", "dynlib dns64 validator iterator"}) {
    CAPTURE(modules);
    Unbound resolver(lab, {.policy = usual_policy, .module_config = modules});
    const std::string log = resolver.fail_to_start();
    INFO(log);
    CHECK(holds(log, "\"dynlib validator iterator\""));
  }
  for (const std::string modules : {"dynlib iterator", "dynlib respip validator iterator"}) {
    CAPTURE(modules);
    Unbound resolver(lab, {.policy = usual_policy, .module_config = modules});
    CHECK_NOTHROW(resolver.start());
    CHECK(resolver.answer(mail, "army.ml", MX).rcode == nxdomain);
  }
}

TEST_CASE("harden-glue: no is refused", "[start]") {
  const Lab lab;
  Unbound resolver(lab, {.policy = usual_policy, .server_lines = "  harden-glue: no\n"});
  const std::string log = resolver.fail_to_start();
  INFO(log);
  CHECK(holds(log, "harden-glue is no"));
}

TEST_CASE("the module exports Unbound's six names and no other", "[start]") {
  const Outcome outcome = run({"nm", "-D", "--defined-only", "--format=posix", module_file()});
  REQUIRE(outcome.exit_code == 0);
  std::vector<std::string> names;
  std::istringstream lines(outcome.output);
  for (std::string line; std::getline(lines, line);) {
    names.push_back(line.substr(0, line.find(' ')));
  }
  std::sort(names.begin(), names.end());
  CHECK(names ==
        std::vector<std::string>{"clear", "deinit", "get_mem", "inform_super", "init", "operate"});
}

TEST_CASE("a policy that became wrong is refused at a reload; the last good one stays", "[start]") {
  World world({.policy = usual_policy});
  world.expect_blocked(mail, "army.ml", MX);
  for (const std::string& text : {wrong_policy, std::string("rules: ["), std::string()}) {
    world.resolver.write_policy(text);
    world.resolver.reload();
    CHECK(world.resolver.alive());
    world.expect_blocked(mail, "army.ml", MX);
    world.expect_real(mail, "army.mil", MX);
  }
  std::filesystem::remove(world.resolver.policy_file());
  world.resolver.reload();
  world.expect_blocked(mail, "army.ml", MX);
  INFO(world.resolver.log());
  CHECK(holds(world.resolver.log(), "nearmiss.yaml:6:5: error: "));
  CHECK(holds(world.resolver.log(), "last good"));
}

TEST_CASE("a reload puts a new policy in force, for answers already cached too", "[start]") {
  const std::string command = GENERATE(as<std::string>(), "SIGHUP", "reload", "reload_keep_cache");
  CAPTURE(command);
  World world({.policy = usual_policy});
  world.expect_real(mail, "good.example", MX);
  world.expect_real(other, "good.example", MX);
  world.expect_real(mail, "toward.good.example", A); // an alias of mx.good.example
  world.expect_blocked(mail, "army.ml", MX);

  std::string policy = usual_policy;
  policy.replace(policy.find("exact: [arrny.example]"), 22,
                 "exact: [good.example, mx.good.example]");
  policy.replace(policy.find("mistyped: [ml]"), 14, "mistyped: [ne]");
  policy.replace(policy.find("except: [gouv.ml]"), 17, "except: [gouv.ne]");
  world.resolver.write_policy(policy);
  if (command == "SIGHUP") {
    world.resolver.reload();
  } else {
    world.resolver.control(command);
  }
  world.expect_blocked(mail, "good.example", A);
  world.expect_blocked(mail, "good.example", MX);
  world.expect_blocked(mail, "toward.good.example", A);
  world.expect_real(other, "good.example", MX);
  world.expect_real(mail, "army.ml", MX); // no longer listed
}

// An MX answer brings the addresses of its exchanges along, unless minimal-responses is on.
TEST_CASE("a kept cache gives away no address of a host that is listed", "[start]") {
  std::string listing = usual_policy; // one of two exchanges: the domain itself is not blocked
  listing.replace(listing.find("exact: [arrny.example]"), 22, "exact: [mx.good.example]");
  listing.replace(listing.find("mistyped: [ml]"), 14, "mistyped: [ne]");
  listing.replace(listing.find("except: [gouv.ml]"), 17, "except: [gouv.ne]");
  const std::string no = "  minimal-responses: no\n";
  const std::string yes = "  minimal-responses: yes\n";
  const bool listed_before = GENERATE(true, false);
  CAPTURE(listed_before);
  // Either the cache is filled while nothing comes along, or while nothing is listed.
  World world({.policy = listed_before ? listing : usual_policy_with("types: [SRV]"),
               .server_lines = listed_before ? yes : no});
  world.expect_real(other, "mxboth.good.example", MX);
  world.expect_real(mail, "mxboth.good.example", MX);
  world.resolver.write_policy(listing);
  const std::filesystem::path conf = world.resolver.folder() / "unbound.conf";
  std::string text = read_file(conf);
  if (listed_before) {
    text.replace(text.find(yes), yes.size(), no);
  }
  write_file(conf, text);
  world.resolver.control("reload_keep_cache");
  for (const std::string& client : {mail, other}) {
    const Answer answer = world.resolver.answer(client, "mxboth.good.example", MX);
    INFO(client << "\n" << answer.text());
    CHECK(answer.data_of(MX).size() == 2);
    for (const Rr& rr : answer.additional) {
      CHECK(rr.owner != "mx.good.example.");
    }
  }
}

TEST_CASE("a hundred reloads, some refused, leave a resolver that blocks", "[start]") {
  World world({.policy = usual_policy});
  for (int round = 0; round < 100; ++round) {
    world.resolver.write_policy(round % 3 == 2 ? wrong_policy : usual_policy);
    world.resolver.reload();
    if (round % 10 == 0) {
      world.expect_blocked(mail, "army.ml", MX);
      world.expect_real(other, "army.ml", MX);
    }
  }
  world.expect_blocked(mail, "army.ml", MX);
}
