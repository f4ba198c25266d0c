// The life of the module in Unbound: start, refusal, reload.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"
#include "tests/paths.hpp"

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
  CHECK(holds(log, "cannot start with the policy " + resolver.policy_file().string() + ", "));
  CHECK(holds(log, "which NEARMISS_CONFIG names") == by_environment);
  CHECK(holds(log, "in Unbound's directory, as NEARMISS_CONFIG is not set") == !by_environment);
  CHECK(holds(log, "no such file"));
}

TEST_CASE("the policy is found by $NEARMISS_CONFIG or in Unbound's directory", "[start]") {
  for (const bool by_environment : {false, true}) {
    const World world({.policy = usual_policy, .policy_by_environment = by_environment});
    world.expect_blocked(mail, "army.ml", MX);
  }
}

namespace {

// Its build-id, as `readelf -n` prints it, and the same with one digit changed.
struct BuildIds {
  std::string real, other;
  std::string octets_real, octets_other;

  BuildIds() {
    const std::string notes = run({"readelf", "-n", unbound_program("unbound")}).output;
    const std::string mark = "Build ID: ";
    const std::size_t at = notes.find(mark);
    REQUIRE(at != std::string::npos);
    real = notes.substr(at + mark.size(), notes.find('\n', at) - at - mark.size());
    other = real;
    other[0] = other[0] == 'a' ? 'b' : 'a';
    octets_real = octets(real);
    octets_other = octets(other);
  }

 private:
  static std::string octets(const std::string& hex) {
    std::string result;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      result += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return result;
  }
};

// A copy of the file in which one text stands instead of another of the same length.
std::filesystem::path changed(const std::filesystem::path& file, const ScratchFolder& folder,
                              const std::string& from, const std::string& to) {
  std::string octets = read_file(file);
  std::size_t changes = 0;
  for (std::size_t at = 0; (at = octets.find(from, at)) != std::string::npos; ++changes) {
    octets.replace(at, to.size(), to);
  }
  REQUIRE(changes > 0);
  std::filesystem::path copy = folder.path() / file.filename();
  write_file(copy, octets);
  std::filesystem::permissions(copy, std::filesystem::perms::owner_all);
  return copy;
}

std::string running_version() { // "unbound 1.17.1"
  const std::string said = run({unbound_program("unbound"), "-V"}).output;
  return "unbound " + said.substr(8, said.find('\n') - 8); // after "Version "
}

} // namespace

TEST_CASE("an Unbound of the same version and options, but of another build, is refused",
          "[start][guard]") {
  const Lab lab;
  const ScratchFolder folder;
  const BuildIds ids;
  const std::filesystem::path program =
      changed(unbound_program("unbound"), folder, ids.octets_real, ids.octets_other);
  const std::string version = running_version();
  const std::string differs = "built for " + version + " (build-id:" + ids.real +
                              "), but this is " + version + " (build-id:" + ids.other + ')';
  {
    Unbound resolver(lab, {.policy = usual_policy, .program = program});
    const std::string log = resolver.fail_to_start();
    INFO(log);
    CHECK(holds(log, differs + ". Its structures may have another layout"));
    CHECK(holds(log, "Build nearmiss for this Unbound"));
    CHECK(holds(log, "NEARMISS_ACCEPT_UNBOUND=build-id:" + ids.other));
    CHECK_FALSE(holds(log, "configure options"));
  }
  // Accepted by name, it runs and says so at each start.
  Unbound accepted(lab, {.policy = usual_policy,
                         .program = program,
                         .environment = {{"NEARMISS_ACCEPT_UNBOUND", "build-id:" + ids.other}}});
  accepted.start();
  INFO(accepted.log());
  CHECK(accepted.answer(mail, "army.ml", MX).rcode == nxdomain);
  CHECK(holds(accepted.log(), differs + ". Running all the same"));
  // A name that is not this program's accepts nothing.
  Unbound resolver(lab, {.policy = usual_policy,
                         .program = program,
                         .environment = {{"NEARMISS_ACCEPT_UNBOUND", "build-id:" + ids.real}}});
  CHECK(holds(resolver.fail_to_start(), differs));
}

TEST_CASE("the build that the module is for needs no acceptance", "[start][guard]") {
  const World world(
      {.policy = usual_policy, .environment = {{"NEARMISS_ACCEPT_UNBOUND", "build-id:00"}}});
  world.expect_blocked(mail, "army.ml", MX);
  CHECK_FALSE(holds(world.resolver.log(), "built for unbound"));
}

// A program without a build-id: the note is there, but of another kind.
TEST_CASE("without a build-id the digest of the program counts", "[start][guard]") {
  const Lab lab;
  const ScratchFolder folder;
  const BuildIds ids;
  const std::string head("GNU\0", 4);
  const std::filesystem::path program =
      changed(unbound_program("unbound"), folder, head + ids.octets_real,
              "BSD" + head.substr(3) + ids.octets_real);
  const std::string digest = "sha256:" + run({"sha256sum", program}).output.substr(0, 64);
  Unbound resolver(lab, {.policy = usual_policy, .program = program});
  const std::string log = resolver.fail_to_start();
  INFO(log);
  CHECK(holds(log, "but this is " + running_version() + " (" + digest + ')'));
  Unbound accepted(lab, {.policy = usual_policy,
                         .program = program,
                         .environment = {{"NEARMISS_ACCEPT_UNBOUND", digest}}});
  CHECK_NOTHROW(accepted.start());
  const Outcome check =
      run({NEARMISS_CLI, "check", "--unbound", program, "--module", module_file()});
  INFO(check.output);
  CHECK(check.exit_code == 1);
  CHECK(holds(check.output, '(' + digest + "): it would refuse to start"));
}

TEST_CASE("a module built for another version or other options is refused, and the message names "
          "both",
          "[start][guard]") {
  const std::string version = running_version();
  const std::string option = "--with-dynlibmodule";
  struct Change {
    std::string from, to, names_both;
  };
  const Change change = GENERATE_COPY(
      Change{version, "unbound 0" + version.substr(9), "built for unbound 0" + version.substr(9)},
      Change{option, "--with-dynlibmodulo", "This one's are: "});
  const Lab lab;
  const ScratchFolder folder;
  const ScratchFolder folder_after;
  const BuildIds ids;
  const std::filesystem::path other = changed(module_file(), folder, change.from, change.to);
  Unbound resolver(
      lab, {.policy = usual_policy, .module = changed(other, folder_after, ids.real, ids.other)});
  const std::string log = resolver.fail_to_start();
  INFO(log);
  CHECK(holds(log, change.names_both));
  CHECK(holds(log, "but this is " + version + " (build-id:" + ids.real + ')'));
  CHECK(holds(log, "Build nearmiss for this Unbound"));
  if (change.from == option) {
    CHECK(holds(log, "--with-dynlibmodulo"));
    CHECK(log.rfind(option) > log.find("This one's are: "));
  }
}

TEST_CASE("`nearmiss check --unbound` says beforehand what the module would say",
          "[start][guard]") {
  const ScratchFolder folder;
  const BuildIds ids;
  const auto check = [](const std::filesystem::path& program, const std::filesystem::path& module) {
    return run({NEARMISS_CLI, "check", "--unbound", program, "--module", module});
  };
  const Outcome fits = check(unbound_program("unbound"), module_file());
  INFO(fits.output);
  CHECK(fits.exit_code == 0);
  CHECK(holds(fits.output, running_version() + " (build-id:" + ids.real + ") loads "));
  const Outcome differs =
      check(changed(unbound_program("unbound"), folder, ids.octets_real, ids.octets_other),
            module_file());
  INFO(differs.output);
  CHECK(differs.exit_code == 1);
  CHECK(holds(differs.output, " is built for " + running_version() + " (build-id:" + ids.real));
  CHECK(holds(differs.output, " (build-id:" + ids.other + "): it would refuse to start"));
  CHECK(check("/nonexistent", module_file()).exit_code == 2);
  CHECK(check(unbound_program("unbound"), "/nonexistent").exit_code == 2);
  CHECK(check(__FILE__, module_file()).exit_code == 2);
  CHECK(check(unbound_program("unbound"), unbound_program("unbound")).exit_code == 2);
}

TEST_CASE("an unsafe module-config is refused, and the message says what to write", "[start]") {
  const Lab lab;
  struct Case {
    std::string modules, remedy;
    std::string clauses{};
  };
  const std::string rpz = "rpz:\n  name: rpz.example\n  zonefile: rpz.zone\n";
  for (const Case& unsafe :
       {Case{"validator dynlib iterator", "\"dynlib validator iterator\""},
        Case{"respip dynlib validator iterator", "\"dynlib respip validator iterator\""},
        Case{"dynlib subnetcache iterator", "\"dynlib iterator\""},
        Case{"dynlib dns64 validator iterator", "\"dynlib validator iterator\""},
        Case{"dynlib dns64 validator iterator", "\"dynlib respip validator iterator\"", rpz},
        Case{"dynlib validator iterator", "\"dynlib respip validator iterator\"", rpz}}) {
    CAPTURE(unsafe.modules, unsafe.clauses);
    Unbound resolver(
        lab,
        {.policy = usual_policy, .module_config = unsafe.modules, .more_clauses = unsafe.clauses});
    const std::string log = resolver.fail_to_start();
    INFO(log);
    CHECK(holds(log, "Write module-config: " + unsafe.remedy));
  }
  for (const Case& safe :
       {Case{"dynlib iterator", ""}, Case{"dynlib respip validator iterator", ""},
        Case{"dynlib respip validator iterator", "", rpz}}) {
    CAPTURE(safe.modules, safe.clauses);
    Unbound resolver(
        lab, {.policy = usual_policy, .module_config = safe.modules, .more_clauses = safe.clauses});
    write_file(resolver.folder() / "rpz.zone", "$ORIGIN rpz.example.\n"
                                               "@ 60 SOA . . 1 60 60 60 60\n@ 60 NS localhost.\n");
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
