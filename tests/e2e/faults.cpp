// What may go wrong around a running resolver, each fault for real: it serves on, what it blocks
// stays blocked, and what could not be told is accounted for. Where each fault is tested:
//
//   disk full under the log, log folder removed, disk hangs: here; rotated logs: pipeline.cpp
//   no file descriptor: here for all of Unbound, unit/event_faults.cpp for the log alone
//   no memory: unit/module_memory.cpp, and fuzz/packet.cpp for an answer's way through the adapter
//   a list that vanishes, is replaced while it is read, is a folder, FIFO or device: here
//   a list that shrinks: lists.cpp; one that Unbound's user may not read: faults_host.cpp
//   a clock that jumps, privileges dropped, a chroot: faults_host.cpp
//   Unbound killed while it writes, a flood: event_log.cpp; AppArmor: contrib/packaging/check.sh
#include "config/digest.hpp"
#include "tests/catch.hpp"

#include "tests/e2e/fault_fixture.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>
#include <sstream>

using namespace e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

json field(const json& event, const std::string& name) {
  return Events::field(event, name);
}

json events_of(const World& world) {
  return world.resolver.nearmiss("status").at("events");
}

// Everything that was blocked or told so far is written or lost, to the last event. The log must be
// idle.
void check_account(World& world, const fs::path& file) {
  world.resolver.stop();
  const std::vector<json> events = Events(file).all();
  std::uint64_t told = 0;
  std::uint64_t before = 0;
  for (const json& event : events) {
    if (field(event, "event.action") == "events-lost") {
      told += field(event, "nearmiss.events_lost").get<std::uint64_t>();
    }
    const auto number = field(event, "event.sequence").get<std::uint64_t>();
    CHECK(number > before);
    before = number;
  }
  CHECK(before == events.size() + told);
}

// A limit of the running resolver, while this lives.
class Limit {
 public:
  Limit(pid_t pid, __rlimit_resource what, rlim_t value) : pid_(pid), what_(what) {
    REQUIRE(prlimit(pid_, what_, nullptr, &before_) == 0);
    const rlimit lower{value, before_.rlim_max};
    REQUIRE(prlimit(pid_, what_, &lower, nullptr) == 0);
  }
  ~Limit() { prlimit(pid_, what_, &before_, nullptr); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  pid_t pid_;
  __rlimit_resource what_;
  rlimit before_{};
};

// The disk of the event log: a small file system of its own, which this process and its children
// alone see; where that cannot be had, a limit of the file's size.
class SmallDisk {
 public:
  SmallDisk(fs::path folder, bool may_mount) : folder_(std::move(folder)) {
    fs::create_directory(folder_);
    mounted_ = may_mount && unshare(CLONE_NEWNS) == 0 &&
               mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=256k") == 0;
  }
  ~SmallDisk() {
    if (mounted_) {
      umount2(folder_.c_str(), MNT_DETACH);
    }
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  void fill_up(pid_t resolver) {
    if (!mounted_) {
      limit_.emplace(resolver, RLIMIT_FSIZE, 256 * 1024);
    }
  }
  void make_room() {
    limit_.reset();
    if (mounted_) {
      REQUIRE(mount("tmpfs", folder_.c_str(), "tmpfs", MS_REMOUNT, "size=64m") == 0);
    }
  }
  const char* complaint() const { return mounted_ ? "No space left on device" : "File too large"; }

 private:
  fs::path folder_;
  bool mounted_;
  std::optional<Limit> limit_;
};

} // namespace

TEST_CASE("a full disk: blocks go on, and the log when there is room", "[faults]") {
  const bool may_mount = GENERATE(true, false);
  std::optional<SmallDisk> disk;
  World world({.policy = with_log("log: {file: disk/events.jsonl}\n"), .threads = 2},
              [&](const fs::path& folder) { disk.emplace(folder / "disk", may_mount); });
  CAPTURE(disk->complaint());
  const fs::path file = world.resolver.folder() / "disk" / "events.jsonl";
  disk->fill_up(world.resolver.pid());
  flood(world.resolver.endpoint(), mail, "ml", 1000); // more than there is room for
  REQUIRE(has_logged(world, disk->complaint()));
  CHECK(read_file(file).ends_with("\n"));
  mail_is_blocked_and_others_are_served(world);
  while (events_of(world).at("lost") == 0) { // more than wait, too
    flood(world.resolver.endpoint(), mail, "ml", 500);
  }
  mail_is_blocked_and_others_are_served(world);
  CHECK(world.resolver.nearmiss("reload").at("outcome") == "unchanged");
  disk->make_room();
  world.expect_blocked(mail, "army.ml", AAAA);
  REQUIRE(has_logged(world, "works again"));
  check_account(world, file);
  disk.reset(); // before its folder is removed
}

TEST_CASE("the log's folder goes away, and comes back", "[faults]") {
  World world({.policy = with_log("log: {file: logs/events.jsonl}\n")},
              [](const fs::path& folder) { fs::create_directory(folder / "logs"); });
  const fs::path folder = world.resolver.folder() / "logs";
  world.expect_blocked(mail, "army.ml", MX);
  REQUIRE(Events::field(Events(folder / "events.jsonl").alert(1), "event.sequence") == 3);
  fs::remove_all(folder);
  world.expect_blocked(mail, "navy.ml", MX);
  REQUIRE(has_logged(world, "No such file or directory"));
  mail_is_blocked_and_others_are_served(world);
  fs::create_directory(folder);
  REQUIRE(has_logged(world, "works again; 0 events were lost"));
  CHECK(field(Events(folder / "events.jsonl").alert(1), "dns.question.name") == "navy.ml");
  CHECK(field(Events(folder / "events.jsonl").alert(1), "event.sequence") == 4);
}

TEST_CASE("a log that cannot be opened ends no resolver that is reloaded", "[faults]") {
  const std::string how = GENERATE("SIGHUP", "reload");
  World world({.policy = with_log("log: {file: logs/events.jsonl}\n")},
              [](const fs::path& folder) { fs::create_directory(folder / "logs"); });
  const fs::path folder = world.resolver.folder() / "logs";
  SECTION("its folder is gone") {
    fs::remove_all(folder);
    world.resolver.reload(how);
    mail_is_blocked_and_others_are_served(world);
    CHECK(has_logged(world, "No such file or directory; lookups stay blocked"));
    fs::create_directory(folder);
    REQUIRE(has_logged(world, "works again"));
  }
  SECTION("a changed policy wants it elsewhere: the last good one stays") {
    world.resolver.write_policy(with_log("log: {file: nowhere/events.jsonl}\n"));
    world.resolver.reload(how);
    mail_is_blocked_and_others_are_served(world);
    int exit_code = 0;
    const json status = world.resolver.nearmiss("status", &exit_code);
    CHECK(exit_code == 1);
    CHECK(status.at("last_reload").at("outcome") == "refused");
    CHECK(Events(folder / "events.jsonl").alert(1).is_object());
  }
}

TEST_CASE("a disk that hangs: nobody waits for it, and every event is accounted for", "[faults]") {
  const FaultyCalls faults;
  World world({.policy = with_log("log: {file: events.jsonl}\n"),
               .threads = 2,
               .environment = faults.environment()});
  world.expect_real(mail, "good.example", A); // from Unbound's cache from now on
  faults->disk_hangs = 1;
  world.expect_blocked(mail, "army.ml", MX);
  REQUIRE(wait_until([&] { return faults->hangs_now == 1; }));
  // More than wait, among everything else that a resolver does.
  for (int round = 0; round < 12; ++round) {
    flood(world.resolver.endpoint(), mail, "ml", 1000);
    world.expect_blocked(mail, "army.ml", MX);
    world.expect_real(mail, "good.example", A);
    world.expect_real(mail, "army.mil", round % 2 == 0 ? int{MX} : int{A});
    const Answer uncached =
        world.resolver.answer(mail, "u" + std::to_string(round) + ".plain.example", A);
    CHECK(uncached.rcode != servfail);
  }
  REQUIRE(wait_until([&] {
    flood(world.resolver.endpoint(), mail, "ml", 1000);
    return events_of(world).at("lost") > 0;
  }));
  // The policy can be changed, and the admin is told.
  std::string policy = read_file(world.resolver.policy_file());
  policy.replace(policy.find("arrny.example"), 13, "good.example");
  world.resolver.write_policy(policy);
  CHECK(world.resolver.nearmiss("reload").at("outcome") != "refused");
  world.expect_blocked(mail, "good.example", A);
  CHECK(has_logged(world, "event log: a disk hangs"));
  faults->disk_hangs = 0;
  REQUIRE(has_logged(world, "event log: the disk that hung works again"));
  check_account(world, world.resolver.folder() / "events.jsonl");
}

TEST_CASE("a disk that hangs keeps Unbound from no reload, and not from its end", "[faults]") {
  const FaultyCalls faults;
  Process::Environment environment = faults.environment();
  for (auto& [name, value] : environment) {
    value += name == "ASAN_OPTIONS" ? ":detect_leaks=0" : ""; // a module is left to its thread
  }
  World world(
      {.policy = with_log("log: {file: events.jsonl, chain: true}\n"), .environment = environment});
  REQUIRE(wait_until([&] { return world.resolver.events().all().size() == 2; })); // start, policy
  faults->disk_hangs = 1;
  world.expect_blocked(mail, "army.ml", MX);
  REQUIRE(wait_until([&] { return faults->hangs_now == 1; }));
  world.resolver.reload();
  CHECK(holds(world.resolver.log(), "a disk hangs, and 2 events are left to it"));
  mail_is_blocked_and_others_are_served(world);
  SECTION("it works again") {
    faults->disk_hangs = 0;
    world.expect_blocked(mail, "flash.ml", MX);
    std::set<std::string> names;
    REQUIRE(wait_until([&] {
      for (const json& event : world.resolver.events().alerts()) {
        names.insert(field(event, "dns.question.name").get<std::string>());
      }
      return names == std::set<std::string>{"army.ml", "navy.ml", "flash.ml"};
    }));
    // What the earlier thread had to write and what the later one wrote are one chain.
    std::istringstream lines(read_file(world.resolver.folder() / "events.jsonl"));
    std::string last(nearmiss::LogChain::start);
    for (std::string line; std::getline(lines, line);) {
      const auto [body, value] = nearmiss::LogChain::split(line);
      INFO(line);
      CHECK(value == nearmiss::LogChain().value(last, body));
      last = value;
    }
  }
  SECTION("it never does") {
    world.resolver.stop(); // fails the test if it does not end well
    CHECK_FALSE(world.resolver.alive());
  }
}

TEST_CASE("no file descriptor is left to the whole of Unbound", "[descriptors]") {
  World world({.policy = with_log("log: {file: events.jsonl}\n"
                                  "metrics: {file: nearmiss.prom, interval: 1}\n")});
  if (world.resolver.is_instrumented()) {
    LEAVE_OUT("a sanitizer needs descriptors itself");
  }
  const fs::path folder = world.resolver.folder();
  mail_is_blocked_and_others_are_served(world);
  world.expect_real(mail, "good.example", A);
  REQUIRE(wait_until([&] { return world.resolver.events().alerts().size() == 2; }));
  std::string policy = read_file(world.resolver.policy_file());
  policy.replace(policy.find("arrny.example"), 13, "good.example");
  {
    const Limit limit(world.resolver.pid(), RLIMIT_NOFILE, 3); // all that are open stay so
    // The log is rotated, the policy changes, and somebody wants to know how things are.
    fs::rename(folder / "events.jsonl", folder / "events.jsonl.1");
    for (int round = 0; round < 5; ++round) {
      world.expect_blocked(mail, "army.ml", MX);
      CHECK_FALSE(looks_blocked(world.resolver.answer(mail, "army.mil", MX)));
    }
    CHECK(world.resolver.answer(mail, "nobody-asked-yet.plain.example", A).rcode == servfail);
    REQUIRE(has_logged(world, "event log, file events.jsonl: Too many open files"));
    world.resolver.write_policy(policy);
    REQUIRE(has_logged(world, "the policy was refused, the last good one stays in force"));
    CHECK(holds(world.resolver.log(), "Too many open files"));
    world.expect_real(mail, "good.example", A);
    REQUIRE(world.resolver.alive());
  }
  // All of it recovers by itself.
  CHECK(world.resolver.nearmiss("status").at("last_reload").contains("outcome"));
  REQUIRE(wait_until(
      [&] { return world.resolver.nearmiss("status").at("policy").at("generation") == 2; }));
  world.expect_blocked(mail, "good.example", A);
  world.expect_real(other, "good.example", A);
  REQUIRE(wait_until([&] { return world.resolver.events().alerts().size() == 6; }));
}

TEST_CASE("a list that cannot be read: the last good policy stays", "[faults]") {
  World world({.policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                         "  - {id: feed, list: {file: l.txt, format: domains}}\n"
                         "log: {file: events.jsonl}\n",
               .lists = {{"l.txt", "army.ml\nnavy.ml\n"}}});
  const fs::path list = world.resolver.folder() / "l.txt";
  const auto check_refused = [&](const std::string& why) {
    const json outcome = world.resolver.nearmiss("reload");
    INFO(outcome.dump(1));
    CHECK(outcome.at("outcome") == "refused");
    CHECK(holds(outcome.at("error"), why));
    world.expect_blocked(mail, "army.ml", MX);
    world.resolver.reload(); // Unbound's own is no other
    CHECK(world.resolver.nearmiss("status").at("last_reload").at("outcome") == "refused");
    world.expect_blocked(mail, "navy.ml", MX);
  };
  fs::remove(list);
  check_refused("no such file");
  fs::create_directory(list);
  check_refused("it is a folder");
  fs::remove(list);
  REQUIRE(mkfifo(list.c_str(), 0644) == 0); // with nobody at its other end
  check_refused("it is a FIFO");
  fs::remove(list);
  fs::create_symlink("l.txt", list);
  check_refused("links lead in a circle");
  fs::remove(list);
  fs::create_symlink("/dev/zero", list);
  check_refused("it is a device");
  fs::remove(list);
  write_file(list, "");
  check_refused("holds no name");
  write_file(list, std::string(100, '\0'));
  check_refused("error");
  write_file(list, "army.ml\nflash.ml\n");
  REQUIRE(wait_until([&] { // it is mended, and that is noticed
    return world.resolver.nearmiss("status").at("last_reload").at("outcome") == "loaded";
  }));
  world.expect_blocked(mail, "flash.ml", MX);
  world.expect_real(mail, "navy.ml", MX);
}

TEST_CASE("neither a FIFO nor a folder starts or hangs Unbound", "[faults]") {
  const Lab lab;
  Unbound resolver(lab, {.policy = usual_policy});
  fs::remove(resolver.policy_file());
  SECTION("a FIFO") {
    REQUIRE(mkfifo(resolver.policy_file().c_str(), 0644) == 0);
    CHECK(holds(resolver.fail_to_start(), "it is a FIFO; name a regular file"));
  }
  SECTION("a folder") {
    fs::create_directory(resolver.policy_file());
    CHECK(holds(resolver.fail_to_start(), "it is a folder; name a file in it"));
  }
}

TEST_CASE("a list that is replaced again and again while it is read is one or the other",
          "[faults]") {
  const auto list = [](char which, int names) {
    std::string text = std::string(1, which) + ".ml\n";
    for (int i = 0; i < names; ++i) {
      text += "n" + std::to_string(i) + ".filler.example\n";
    }
    return text;
  };
  constexpr int names = 20000;
  const std::string texts[] = {list('a', names), list('b', names)};
  World world({.policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                         "  - {id: feed, list: {file: l.txt, format: domains}}\n",
               .lists = {{"l.txt", texts[0]}}});
  for (int round = 0; round < 40; ++round) {
    const std::string& text = texts[round % 2];
    if (round % 4 < 2) {
      world.resolver.write_list("l.txt.new", text);
      fs::rename(world.resolver.folder() / "l.txt.new", world.resolver.folder() / "l.txt");
    } else {
      world.resolver.write_list("l.txt", text); // in place, which a reader can see half done
    }
    if (round % 3 == 0) {
      const json outcome = world.resolver.nearmiss("reload");
      CHECK((outcome.at("outcome") != "refused" || outcome.contains("error")));
    }
    CHECK(world.resolver.nearmiss("status").at("policy").at("names") == names + 1);
    // One of the two is listed, and the last name always.
    CHECK(looks_blocked(
        world.resolver.answer(mail, "n" + std::to_string(names - 1) + ".filler.example", MX)));
  }
  world.resolver.write_list("l.txt", texts[1]);
  REQUIRE(wait_until([&] { return looks_blocked(world.resolver.answer(mail, "b.ml", MX)); }));
  CHECK_FALSE(looks_blocked(world.resolver.answer(mail, "a.ml", MX)));
}
