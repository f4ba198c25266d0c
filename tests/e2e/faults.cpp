// What may go wrong around a running resolver, each fault for real: it serves on, what it blocks
// stays blocked, and what could not be told is accounted for.
#include "tests/catch.hpp"

#include "tests/e2e/faulty_calls.h"
#include "tests/e2e/world.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <set>
#include <sstream>

using namespace e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

json field(const json& event, const std::string& name) {
  return Events::field(event, name);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string with_log(const std::string& log) {
  std::string policy = usual_policy;
  return policy.replace(policy.find("log: {"), std::string::npos, log);
}

bool has_logged(const World& world, const std::string& text) {
  return wait_until([&] { return holds(world.resolver.log(), text); });
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

void mail_is_blocked_and_others_are_served(const World& world) {
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_blocked(other_mail, "navy.ml", A);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(other, "army.ml", MX);
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
  explicit SmallDisk(fs::path folder) : folder_(std::move(folder)) {
    fs::create_directory(folder_);
    mounted_ = unshare(CLONE_NEWNS) == 0 &&
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

// The switches of faulty_calls.c, for an Unbound into which it is preloaded.
class FaultyCalls {
 public:
  FaultyCalls() : file_(folder_.path() / "switches") {
    write_file(file_, std::string(sizeof(faulty_calls), '\0'));
    const int fd = open(file_.c_str(), O_RDWR | O_CLOEXEC);
    void* const mapped =
        mmap(nullptr, sizeof(faulty_calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    REQUIRE(mapped != MAP_FAILED);
    switches_ = static_cast<faulty_calls*>(mapped);
  }
  ~FaultyCalls() {
    switches_->disk_hangs = 0; // whatever the test came to
    munmap(switches_, sizeof(faulty_calls));
  }
  FaultyCalls(const FaultyCalls&) = delete;
  FaultyCalls& operator=(const FaultyCalls&) = delete;

  Process::Environment environment() const {
    const char* const options = std::getenv("ASAN_OPTIONS");
    return {{"LD_PRELOAD", NEARMISS_FAULTY_CALLS},
            {"NEARMISS_FAULTY_CALLS", file_},
            {"ASAN_OPTIONS",
             std::string(options != nullptr ? options : "") + ":verify_asan_link_order=0"}};
  }
  faulty_calls* operator->() const { return switches_; }

 private:
  ScratchFolder folder_;
  fs::path file_;
  faulty_calls* switches_;
};

std::string day(int from_today) {
  const auto today = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date{today + std::chrono::days(from_today)};
  std::ostringstream text;
  text << int(date.year()) << '-' << (unsigned(date.month()) < 10 ? "0" : "")
       << unsigned(date.month()) << '-' << (unsigned(date.day()) < 10 ? "0" : "")
       << unsigned(date.day());
  return text.str();
}

constexpr long seconds_a_day = 86400;

} // namespace

TEST_CASE("a full disk: blocks go on, and the log when there is room", "[faults]") {
  std::optional<SmallDisk> disk;
  World world({.policy = with_log("log: {file: disk/events.jsonl}\n"), .threads = 2},
              [&](const fs::path& folder) { disk.emplace(folder / "disk"); });
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
  CHECK(world.resolver.nearmiss("reload").at("outcome") == "loaded");
  world.expect_blocked(mail, "good.example", A);
  CHECK(has_logged(world, "event log: a disk hangs"));
  faults->disk_hangs = 0;
  REQUIRE(has_logged(world, "event log: the disk that hung works again"));
  check_account(world, world.resolver.folder() / "events.jsonl");
}

TEST_CASE("a disk that hangs keeps Unbound from no reload, and not from its end", "[faults]") {
  const FaultyCalls faults;
  World world({.policy = usual_policy, .environment = faults.environment()});
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
  }
  SECTION("it never does") {
    world.resolver.stop(); // fails the test if it does not end well
    CHECK_FALSE(world.resolver.alive());
  }
}

TEST_CASE("no file descriptor is left to the whole of Unbound", "[faults]") {
  World world({.policy = with_log("log: {file: events.jsonl}\n"
                                  "metrics: {file: nearmiss.prom, interval: 1}\n")});
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

TEST_CASE("the clock jumps: only `expires` and the events' times follow it", "[faults]") {
  const FaultyCalls faults;
  const auto policy_listing = [](const std::string& name) {
    std::string policy = usual_policy;
    policy.insert(policy.find("log: {"), "  - {id: for-today, exact: [good.example], expires: " +
                                             day(1) + "}\n  - {id: more, exact: [" + name + "]}\n");
    return policy + "metrics: {file: nearmiss.prom, interval: 1}\n";
  };
  // Signatures would be of the future, or of the past.
  World world({.policy = policy_listing("x0.plain.example"),
               .validate = false,
               .environment = faults.environment()});
  const auto metrics = world.resolver.folder() / "nearmiss.prom";
  const auto check_living = [&](const std::string& listed) {
    mail_is_blocked_and_others_are_served(world);
    // What is done now and then is still done.
    fs::remove(metrics);
    CHECK(wait_until([&] { return fs::exists(metrics); }));
    world.resolver.write_policy(policy_listing(listed));
    CHECK(wait_until([&] { return looks_blocked(world.resolver.answer(mail, listed, MX)); }));
  };
  const auto time_of_last = [&] {
    world.expect_blocked(mail, "last.ml", MX);
    json event;
    REQUIRE(wait_until([&] {
      const std::vector<json> alerts = world.resolver.events().alerts();
      event = alerts.empty() ? json() : alerts.back();
      return !event.is_null() && field(event, "dns.question.name") == "last.ml";
    }));
    return field(event, "@timestamp").get<std::string>().substr(0, 10);
  };
  world.expect_blocked(mail, "good.example", A);
  CHECK(time_of_last() == day(0));

  faults->clock_is_off_by = 3 * seconds_a_day;
  world.expect_real(mail, "good.example", A);
  check_living("x1.plain.example");
  CHECK(time_of_last() == day(3));
  world.resolver.reload(); // the rule is read while it has expired ...
  world.expect_real(mail, "good.example", A);

  faults->clock_is_off_by = -3 * seconds_a_day;
  world.expect_blocked(mail, "good.example", A); // ... and holds as soon as the clock is right
  check_living("x2.plain.example");
  CHECK(time_of_last() == day(-3));

  // As a machine without a battery starts.
  faults->clock_is_off_by = 10 - static_cast<long>(time(nullptr));
  check_living("x3.plain.example");
  CHECK(time_of_last() == "1970-01-01");

  faults->clock_is_off_by = 0;
  check_living("x4.plain.example");
  CHECK(time_of_last() == day(0));
}

namespace {

// Gives a folder and what is in it to another user.
void give_to(const fs::path& folder, const passwd& user) {
  REQUIRE(chown(folder.c_str(), user.pw_uid, user.pw_gid) == 0);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    REQUIRE(lchown(entry.path().c_str(), user.pw_uid, user.pw_gid) == 0);
  }
}

std::string status_line(pid_t pid, const std::string& key) {
  std::istringstream lines(read_file("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(key)) {
      return line;
    }
  }
  return {};
}

} // namespace

TEST_CASE("with dropped privileges: the log, the metrics, the socket, reloads", "[faults]") {
  const passwd* const user = getpwnam("nobody");
  REQUIRE(user != nullptr);
  const fs::path copy = "./nearmiss.so"; // where that user can read it
  const std::string policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                             "  - {id: feed, list: {file: l.txt, format: domains}}\n"
                             "log: {file: events.jsonl}\n"
                             "metrics: {file: nearmiss.prom, interval: 1}\n";
  World world({.policy = policy,
               .lists = {{"l.txt", "army.ml\nnavy.ml\n"}},
               .module = copy,
               .server_lines = "  username: nobody\n"},
              [&](const fs::path& folder) {
                fs::copy_file(module_file(), folder / copy);
                give_to(folder, *user);
              });
  const fs::path folder = world.resolver.folder();
  const std::string uid = std::to_string(user->pw_uid);
  REQUIRE(status_line(world.resolver.pid(), "Uid:") ==
          "Uid:\t" + uid + "\t" + uid + "\t" + uid + "\t" + uid);
  for (const bool reloaded : {false, true}) {
    mail_is_blocked_and_others_are_served(world);
    fs::remove(folder / "nearmiss.prom");
    CHECK(wait_until([&] { return fs::exists(folder / "nearmiss.prom"); }));
    CHECK(events_of(world).at("lost") == 0);
    if (!reloaded) {
      world.resolver.reload();
    }
  }
  // Rotated as Debian's logrotate does, with a new file of that user.
  fs::rename(folder / "events.jsonl", folder / "events.jsonl.1");
  world.expect_blocked(mail, "army.ml", MX);
  REQUIRE(field(world.resolver.events().alert(1), "dns.question.name") == "army.ml");
  struct stat info {};
  REQUIRE(stat((folder / "events.jsonl").c_str(), &info) == 0);
  CHECK(info.st_uid == user->pw_uid);
  CHECK((info.st_mode & 07777) == 0640);

  // A list that root alone may read.
  write_file(folder / "root.txt", "army.ml\nflash.ml\n");
  REQUIRE(chmod((folder / "root.txt").c_str(), 0600) == 0);
  fs::rename(folder / "root.txt", folder / "l.txt");
  REQUIRE(has_logged(world, "this user (uid " + uid + ") may not read it"));
  CHECK(world.resolver.nearmiss("status").at("last_reload").at("outcome") == "refused");
  world.expect_blocked(mail, "navy.ml", MX);
  REQUIRE(chmod((folder / "l.txt").c_str(), 0644) == 0);
  REQUIRE(wait_until([&] { return looks_blocked(world.resolver.answer(mail, "flash.ml", MX)); }));
  world.expect_real(mail, "navy.ml", MX);
}

TEST_CASE("in a chroot, with dropped privileges", "[faults]") {
  const passwd* const user = getpwnam("nobody");
  REQUIRE(user != nullptr);
  fs::path root;
  World world({.policy = with_log("log: {file: /var/log/events.jsonl}\n"
                                  "metrics: {file: nearmiss.prom, interval: 1}\n"),
               .module = "/nearmiss.so", // below the chroot, as Unbound loads it last
               .server_lines = "  username: nobody\n"},
              [&](const fs::path& folder) {
                root = folder;
                fs::create_directories(folder / "var/log");
                fs::copy_file(module_file(), folder / "nearmiss.so");
                // Its libraries, where the loader looks without a cache of theirs.
                std::istringstream lines(run({"ldd", module_file()}).output);
                for (std::string line; std::getline(lines, line);) {
                  const std::size_t at = line.find("=> /");
                  if (at != std::string::npos) {
                    const fs::path library = line.substr(at + 3, line.find(" (", at) - at - 3);
                    const fs::path below = folder / "usr/lib" / library.filename();
                    fs::create_directories(below.parent_path());
                    fs::copy_file(library, below, fs::copy_options::skip_existing);
                  }
                }
                fs::create_directory_symlink("usr/lib", folder / "lib");
                give_to(folder, *user);
                std::string conf = read_file(folder / "unbound.conf");
                const std::string none = "chroot: \"\"";
                conf.replace(conf.find(none), none.size(), "chroot: \"" + folder.string() + '"');
                write_file(folder / "unbound.conf", conf);
              });
  REQUIRE(fs::read_symlink("/proc/" + std::to_string(world.resolver.pid()) + "/root") == root);
  const Events events(root / "var/log/events.jsonl");
  mail_is_blocked_and_others_are_served(world);
  CHECK(field(events.alert(1), "dns.question.name") == "army.ml");
  CHECK(wait_until([&] { return fs::exists(root / "nearmiss.prom"); }));
  std::string policy = read_file(world.resolver.policy_file());
  policy.replace(policy.find("arrny.example"), 13, "good.example");
  world.resolver.write_policy(policy);
  REQUIRE(
      wait_until([&] { return looks_blocked(world.resolver.answer(mail, "good.example", A)); }));
  world.resolver.reload();
  mail_is_blocked_and_others_are_served(world);
  world.expect_blocked(mail, "good.example", A);
}
