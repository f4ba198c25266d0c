// Hosts that are not as a test usually finds them: a clock that jumps, privileges dropped, a
// chroot.
#include "tests/catch.hpp"

#include "tests/e2e/fault_fixture.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <sstream>

using namespace e2e;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

json field(const json& event, const std::string& name) {
  return Events::field(event, name);
}

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
    CHECK(world.resolver.nearmiss("status").at("events").at("lost") == 0);
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
               // There is no /proc, in which a sanitizer looks for leaks.
               .environment = {{"ASAN_OPTIONS", "detect_leaks=0"}},
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
