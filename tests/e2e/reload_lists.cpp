// Lists that change while Unbound serves, large ones above all.
#include "tests/catch.hpp"

#include "tests/e2e/policy_change.hpp"

#include <algorithm>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <sstream>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// The nice values of a process's threads, by thread; setpriority(2).
std::map<std::string, int> nice_values(pid_t process) {
  std::map<std::string, int> values;
  const auto threads = "/proc/" + std::to_string(process) + "/task";
  for (const auto& thread : std::filesystem::directory_iterator(threads)) {
    const std::string stat = read_file(thread.path() / "stat"); // empty: it ended meanwhile
    std::istringstream fields(stat.substr(std::min(stat.rfind(')'), stat.size())));
    constexpr int behind_the_name = 17; // proc(5): the name is the 2nd, nice the 19th
    std::string field;
    for (int i = 0; i <= behind_the_name; ++i) {
      fields >> field;
    }
    if (fields) {
      values[thread.path().filename()] = std::stoi(field);
    }
  }
  return values;
}

// Does the process read a policy aside? That thread alone is so nice.
bool is_loading(pid_t process) {
  const auto values = nice_values(process);
  return std::ranges::any_of(values, [](const auto& of) { return of.second == 15; });
}

} // namespace

// rules/huge_pages.hpp
TEST_CASE("a large list's memory goes back with every reload, and with the list", "[reload]") {
  const std::string how = GENERATE(as<std::string>(), "nearmiss reload", "SIGHUP");
  CAPTURE(how);
  const std::string without = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                              "  - {id: always, exact: [arrny.example]}\n";
  World world({.policy = without});
  if (world.resolver.is_instrumented()) {
    WARN("instrumented memory does not go back");
    return;
  }
  std::uint64_t loaded = 1;
  const auto reload = [&] {
    if (how == "SIGHUP") {
      world.resolver.reload(how);
    } else {
      world.resolver.nearmiss("reload");
    }
    REQUIRE(generation(world.resolver) == ++loaded);
    return world.resolver.resident_kib();
  };
  std::string names;
  for (int i = 0; i < 600000; ++i) {
    names += "n" + std::to_string(i * 7919L % 1000003) + ".example\n";
  }
  const auto load = [&](int round) { // never twice the same list
    replace(world.resolver.folder() / "feed.txt",
            names + "round" + std::to_string(round) + ".example\n", Write::rename);
    return reload();
  };
  world.resolver.write_policy(without + "  - {id: other, exact: [unused.example]}\n");
  const std::size_t before = reload();
  replace(world.resolver.folder() / "feed.txt", names, Write::rename);
  world.resolver.write_policy(without +
                              "  - {id: feed, list: {file: feed.txt, format: domains}}\n");
  const std::size_t first = reload();
  const std::size_t second = load(2);
  std::size_t last = 0;
  for (int round = 3; round <= 10; ++round) {
    last = load(round);
  }
  world.expect_blocked(mail, "round10.example", MX);
  world.resolver.write_policy(without);
  const std::size_t after = reload();
  INFO("KiB: " << before << " before, " << first << ", " << second << " ... " << last << ", "
               << after << " without the list");
  CHECK(second > before + 600000 * 16 / 1024); // else nothing is measured
  CHECK(last - before < (second - before) * 13 / 10);
  CHECK(after < before + (second - before) / 4);
}

TEST_CASE("a large list is read behind the lookups: its thread yields to all others", "[reload]") {
  World world({.policy = usual_policy});
  std::string names;
  for (int i = 0; i < 300000; ++i) {
    names += "n" + std::to_string(i) + ".example\n";
  }
  write_file(world.resolver.folder() / "feed.txt", names);
  std::string policy = usual_policy;
  const std::string rules = "rules:\n";
  policy.insert(policy.find(rules) + rules.size(),
                "  - {id: feed, list: {file: feed.txt, format: domains}}\n");
  const std::map<std::string, int> before = nice_values(world.resolver.pid());
  world.resolver.write_policy(policy);
  auto reload = std::async(std::launch::async, [&] { return world.resolver.nearmiss("reload"); });
  std::set<int> of_new_threads;
  while (reload.wait_for(1ms) != std::future_status::ready) {
    for (const auto& [thread, nice] : nice_values(world.resolver.pid())) {
      if (const auto known = before.find(thread); known != before.end()) {
        CHECK(nice == known->second);
      } else {
        of_new_threads.insert(nice);
      }
    }
  }
  CHECK(of_new_threads.contains(15));
  world.expect_blocked(mail, "n1.example", MX);
  CHECK(wait_until([&] { return nice_values(world.resolver.pid()) == before; }));
}

// The small list is read before the large one, so the policy that comes of it is old already.
TEST_CASE("a list that changes while the policy is read comes into force by itself", "[reload]") {
  std::string large;
  for (int i = 0; i < 1000000; ++i) {
    large += "n" + std::to_string(i) + ".invalid\n";
  }
  World world({.policy = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n"
                         "  - {id: small, list: {file: small.txt, format: domains}}\n"
                         "  - {id: large, list: {file: large.txt, format: domains}}\n",
               .lists = {{"small.txt", "arrny.example\n"}, {"large.txt", large}}});
  const std::filesystem::path small = world.resolver.folder() / "small.txt";
  world.expect_blocked(mail, "arrny.example", MX);
  world.expect_real(mail, "good.example", MX);
  const std::size_t before = world.resolver.resident_kib();
  replace(small, "good.example\n", Write::rename);
  REQUIRE(wait_until([&] { // it has memory for the large list, so it has read the small one
    return is_loading(world.resolver.pid()) &&
           world.resolver.resident_kib() > before + large.size() / 1024 / 2;
  }));
  replace(small, "plain.example\n", Write::rename);
  CHECK(is_loading(world.resolver.pid())); // else nothing was tried
  const auto blocks = [&](const std::string& name) {
    return looks_blocked(world.resolver.answer(mail, name, MX));
  };
  INFO(world.resolver.log());
  CHECK(wait_until([&] { return blocks("plain.example"); }, 5 * patience));
  CHECK(generation(world.resolver) == 3); // the one in between was in force
  world.expect_blocked(mail, "plain.example", MX);
  world.expect_real(mail, "good.example", MX);
  world.expect_real(other, "plain.example", MX);
}

TEST_CASE("a list that is always being written holds up no other change for ever", "[reload]") {
  const std::string list =
      "  - {id: feed, list: {file: feed.txt, format: domains, max_shrink: 100}}\n";
  const auto with_list = [&](std::string policy) {
    return policy.insert(policy.find("log:"), list);
  };
  World world({.policy = with_list(usual_policy), .lists = {{"feed.txt", "feed.invalid\n"}}});
  std::jthread writer([&](const std::stop_token& done) {
    std::ofstream feed(world.resolver.folder() / "feed.txt", std::ios::app);
    for (int i = 0; !done.stop_requested(); ++i) {
      feed << "n" << i << ".invalid" << std::endl;
      std::this_thread::sleep_for(20ms);
    }
  });
  world.resolver.write_policy(with_list(policy_listing("good.example")));
  CHECK(wait_until([&] { return looks_blocked(world.resolver.answer(mail, "good.example", MX)); }));
  writer.request_stop();
  writer.join();
  world.expect_blocked(mail, "good.example", MX);
  world.expect_real(mail, "plain.example", MX);
  // And the list itself, once it is left alone.
  replace(world.resolver.folder() / "feed.txt", "feed.invalid\nplain.example\n", Write::in_place);
  CHECK(
      wait_until([&] { return looks_blocked(world.resolver.answer(mail, "plain.example", MX)); }));
}
