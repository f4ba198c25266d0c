// A policy that changes while Unbound serves: noticed, published, and the caches rid of what it
// lists.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <fstream>
#include <future>
#include <map>
#include <set>
#include <sstream>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// With another name that the policy lists alone.
std::string policy_listing(const std::string& name) {
  std::string policy = usual_policy;
  const std::string before = "exact: [arrny.example]";
  policy.replace(policy.find(before), before.size(), "exact: [arrny.example, " + name + "]");
  return policy;
}

std::uint64_t generation(const Unbound& resolver) {
  return resolver.nearmiss("status").at("policy").at("generation").get<std::uint64_t>();
}

void wait_for_generation(const Unbound& resolver, std::uint64_t wanted) {
  INFO(resolver.log());
  REQUIRE(wait_until([&] { return generation(resolver) == wanted; }));
}

std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t number = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
    ++number;
  }
  return number;
}

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

enum class Write { in_place, rename, remove_and_make };

void replace(const std::filesystem::path& file, const std::string& text, Write how) {
  if (how == Write::rename) {
    write_file(file.string() + ".new", text);
    std::filesystem::rename(file.string() + ".new", file);
    return;
  }
  if (how == Write::remove_and_make) {
    std::filesystem::remove(file);
  }
  write_file(file, text);
}

// A client of the control socket that does not behave.
class RawClient {
 public:
  explicit RawClient(const std::filesystem::path& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~RawClient() { close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  bool connected() const { return connected_; }
  void say(const std::string& text) const {
    (void)send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  void wait_for_end() const {
    for (char octet = 0; recv(fd_, &octet, 1, 0) > 0;) {
    }
  }

 private:
  int fd_;
  bool connected_ = false;
};

} // namespace

TEST_CASE("a changed policy is noticed, and only what it lists leaves the cache", "[reload]") {
  const Write how = GENERATE(Write::in_place, Write::rename, Write::remove_and_make);
  CAPTURE(static_cast<int>(how));
  World world({.policy = usual_policy});
  const std::uint64_t first = generation(world.resolver);
  world.expect_real(mail, "good.example", MX);
  world.expect_real(mail, "toward.good.example", A); // an alias of mx.good.example
  world.expect_real(mail, "plain.example", MX);
  world.lab.forget_counts();
  replace(world.resolver.policy_file(), policy_listing("mx.good.example"), how);
  wait_for_generation(world.resolver, first + 1);
  world.expect_blocked(mail, "mx.good.example", A);
  world.expect_blocked(mail, "toward.good.example", A);
  world.expect_real(other, "toward.good.example", A);
  // What the new policy does not list is still in the cache.
  world.lab.forget_counts();
  world.expect_real(mail, "plain.example", MX);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked().empty());
  // And back.
  replace(world.resolver.policy_file(), usual_policy, how);
  wait_for_generation(world.resolver, first + 2);
  world.expect_real(mail, "mx.good.example", A);
  world.expect_real(mail, "toward.good.example", A);
  world.expect_blocked(mail, "army.ml", MX);
}

TEST_CASE("a changed list is noticed, through a symbolic link too", "[reload]") {
  enum class Link { none, folder, data };
  const Link link = GENERATE(Link::none, Link::folder, Link::data);
  CAPTURE(static_cast<int>(link));
  const bool linked = link != Link::none;
  const Lab lab;
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"),
                "  - {id: feed, list: {file: lists/typos.txt, format: domains}}\n");
  Unbound resolver(lab, {.policy = policy});
  const std::filesystem::path lists = resolver.folder() / "lists";
  if (linked) { // as mounted configuration comes: the folder is replaced by swapping a link
    std::filesystem::create_directory(resolver.folder() / "one");
    std::filesystem::create_directory(resolver.folder() / "two");
    write_file(resolver.folder() / "one" / "typos.txt", "plain.example\n");
    write_file(resolver.folder() / "two" / "typos.txt", "good.example\n");
    if (link == Link::folder) {
      std::filesystem::create_symlink("one", lists);
    } else { // the file is a link into a folder that is a link
      std::filesystem::create_directory(lists);
      std::filesystem::create_symlink("../one", lists / "..data");
      std::filesystem::create_symlink("..data/typos.txt", lists / "typos.txt");
    }
  } else {
    std::filesystem::create_directory(lists);
    write_file(lists / "typos.txt", "plain.example\n");
  }
  resolver.start();
  CHECK(looks_blocked(resolver.answer(mail, "plain.example", MX)));
  CHECK_FALSE(looks_blocked(resolver.answer(mail, "good.example", MX)));
  const std::uint64_t first = generation(resolver);
  if (linked) {
    const bool whole = link == Link::folder;
    std::filesystem::create_symlink(whole ? "two" : "../two", resolver.folder() / "link.new");
    std::filesystem::rename(resolver.folder() / "link.new", whole ? lists : lists / "..data");
  } else {
    replace(lists / "typos.txt", "good.example\n", Write::rename);
  }
  wait_for_generation(resolver, first + 1);
  CHECK_FALSE(looks_blocked(resolver.answer(mail, "plain.example", MX)));
  CHECK(looks_blocked(resolver.answer(mail, "good.example", MX)));
}

TEST_CASE("a refused policy is told once everywhere, and the last good one stays", "[reload]") {
  World world({.policy = usual_policy});
  const std::uint64_t first = generation(world.resolver);
  std::string wrong = usual_policy;
  wrong.replace(wrong.find("category:"), 9, "kategory:");
  wrong.replace(wrong.find("exact:"), 6, "exakt:");
  world.resolver.write_policy(wrong);
  const auto refused = [&] {
    return world.resolver.nearmiss("status").at("last_reload").at("outcome") == "refused";
  };
  REQUIRE(wait_until(refused));
  world.expect_blocked(mail, "army.ml", MX);
  int exit_code = 0;
  const auto answer = world.resolver.nearmiss("reload", &exit_code);
  CHECK(exit_code == 1);
  CHECK(answer.at("outcome") == "refused");
  INFO(answer.dump());
  const std::string error = answer.at("error");
  CHECK(error.find("nearmiss.yaml:13:5: error: unknown key `kategory`") != std::string::npos);
  CHECK(error.ends_with(" (and 1 more error: `nearmiss check` shows all)"));
  (void)world.resolver.nearmiss("status", &exit_code);
  CHECK(exit_code == 1);
  CHECK(generation(world.resolver) == first);
  CHECK(count_in(world.resolver.log(), "last good one stays") == 1);
  std::size_t events = 0;
  CHECK(wait_until([&] {
    events = 0;
    for (const auto& event : world.resolver.events().all()) {
      events += Events::field(event, "event.action") == "policy-refused" ? 1 : 0;
    }
    return events == 1;
  }));
  // Mended by asking for it.
  world.resolver.write_policy(policy_listing("good.example"));
  CHECK(world.resolver.nearmiss("reload", &exit_code).at("generation") == first + 1);
  CHECK(exit_code == 0);
  world.expect_blocked(mail, "good.example", MX);
  CHECK(world.resolver.nearmiss("reload").at("outcome") == "unchanged");
  CHECK(generation(world.resolver) == first + 1);
}

TEST_CASE("a query in flight when its name becomes listed leaves nothing behind", "[reload]") {
  World world({.policy = usual_policy});
  const std::uint64_t first = generation(world.resolver);
  world.lab.slow("good.example.", 2s);
  auto asked = std::async(std::launch::async,
                          [&] { return world.resolver.answer(other, "good.example", MX); });
  REQUIRE(wait_until([&] { return world.lab.queries("good.example.", MX) > 0; }));
  // A policed client that joins it gets the new policy's answer too.
  auto joined = std::async(std::launch::async,
                           [&] { return world.resolver.answer(mail, "good.example", MX); });
  world.resolver.write_policy(policy_listing("good.example"));
  CHECK(world.resolver.nearmiss("reload").at("generation") == first + 1);
  const Answer answer = asked.get();
  CHECK_FALSE(looks_blocked(answer));
  CHECK(looks_blocked(joined.get()));
  world.expect_blocked(mail, "good.example", MX);
}

// The answer itself is late, or the validator fetches the zone's keys after it has come and been
// judged.
TEST_CASE("an answer that waits over a policy change is cached if nothing lists it", "[reload]") {
  const auto [slow, type] = GENERATE(
      table<std::string, int>({{"www.good.example.", int{A}}, {"good.example.", int{DNSKEY}}}));
  CAPTURE(slow);
  World world({.policy = usual_policy});
  const std::uint64_t first = generation(world.resolver);
  world.lab.relay(Server::host).slow(slow, 3s);
  auto asked = std::async(std::launch::async,
                          [&] { return world.resolver.answer(other, "www.good.example", A); });
  REQUIRE(wait_until([&, slow = slow, type = type] {
    return world.lab.relay(Server::host).queries({slow, type}) > 0;
  }));
  world.resolver.write_policy(policy_listing("unrelated.example"));
  CHECK(world.resolver.nearmiss("reload").at("generation") == first + 1);
  CHECK(asked.wait_for(0s) == std::future_status::timeout); // else nothing was tried
  CHECK_FALSE(looks_blocked(asked.get()));
  world.lab.forget_counts();
  world.expect_real(mail, "www.good.example", A);
  INFO(world.lab.counts_text());
  CHECK(world.lab.asked().empty());
}

// unbound-control load_cache passes no module.
TEST_CASE("a reload rids the cache of what a dump has brought in", "[reload]") {
  World world({.policy = usual_policy});
  world.expect_real(mail, "good.example", MX);
  const std::string dump = world.resolver.control("dump_cache");
  world.resolver.write_policy(policy_listing("good.example"));
  CHECK(world.resolver.nearmiss("reload").at("generation") == 2);
  world.expect_blocked(mail, "good.example", MX);
  const std::filesystem::path file = world.resolver.folder() / "dump";
  write_file(file, dump);
  const Outcome loaded = run({"sh", "-c",
                              unbound_program("unbound-control") + " -c " +
                                  (world.resolver.folder() / "unbound.conf").string() +
                                  " load_cache < " + file.string()});
  INFO(loaded.output);
  REQUIRE(loaded.exit_code == 0);
  CHECK(world.resolver.nearmiss("reload").at("outcome") == "unchanged");
  world.expect_blocked(mail, "good.example", MX);
}

TEST_CASE("another log file in a new policy is written from then on", "[reload]") {
  World world({.policy = usual_policy});
  std::string policy = usual_policy;
  policy.replace(policy.find("events.jsonl"), 12, "moved.jsonl");
  world.resolver.write_policy(policy);
  CHECK(world.resolver.nearmiss("reload").at("generation") == 2);
  world.expect_blocked(mail, "army.ml", MX);
  const Events moved(world.resolver.folder() / "moved.jsonl");
  CHECK(Events::field(moved.alert(1), "dns.question.name") == "army.ml");
  // One that cannot be opened is a reason to refuse.
  policy.replace(policy.find("moved.jsonl"), 11, "no/such/folder/moved.jsonl");
  world.resolver.write_policy(policy);
  CHECK(world.resolver.nearmiss("reload").at("outcome") == "refused");
  world.expect_blocked(mail, "army.ml", A);
  CHECK(Events::field(moved.alert(2), "dns.question.type") == "A");
}

TEST_CASE("the control socket is found by a policy that is refused", "[reload]") {
  World world({.policy = usual_policy + "control: {socket: elsewhere.sock}\n"});
  world.resolver.write_policy(usual_policy + "control: {socket: elsewhere.sock}\nrulse: []\n");
  CHECK(world.resolver.nearmiss("reload").at("outcome") == "refused");
  int exit_code = 0;
  CHECK(world.resolver.nearmiss("status", &exit_code).at("last_reload").at("outcome") == "refused");
  CHECK(exit_code == 1);
}

TEST_CASE("the control socket: its mode, a stale one, clients that do not behave", "[reload]") {
  const Lab lab;
  Unbound resolver(lab, {.policy = usual_policy});
  const std::filesystem::path path = resolver.folder() / "nearmiss.sock";
  { // what a killed process leaves
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    close(fd);
  }
  resolver.start();
  struct stat info {};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0660);
  CHECK(generation(resolver) == 1);
  {
    std::vector<std::unique_ptr<RawClient>> clients;
    for (int i = 0; i < 5; ++i) {
      clients.push_back(std::make_unique<RawClient>(path));
      CHECK(clients.back()->connected());
    }
    clients[0]->say(std::string(100000, 'x'));
    clients[1]->say("status\nstatus\n" + std::string(5000, '\0'));
    clients[2]->say("shutdown\n");
    CHECK(generation(resolver) == 1); // three more say nothing at all
  }
  { // more than it has places for: some say half a command, some go away, some never read
    std::vector<std::unique_ptr<RawClient>> crowd;
    for (int i = 0; i < 24; ++i) {
      crowd.push_back(std::make_unique<RawClient>(path));
      crowd.back()->say(i % 2 == 0 ? "stat" : "status\n");
      if (i % 3 == 0) {
        crowd.pop_back();
      }
    }
    CHECK(looks_blocked(resolver.answer(mail, "army.ml", MX)));
    CHECK(generation(resolver) == 1); // when the patience with them has ended
    resolver.write_policy(policy_listing("good.example"));
    wait_for_generation(resolver, 2); // a changed file waits for none of them
  }
  CHECK(looks_blocked(resolver.answer(mail, "good.example", MX)));
  resolver.write_policy(usual_policy);
  wait_for_generation(resolver, 3);
  CHECK(looks_blocked(resolver.answer(mail, "army.ml", MX)));
  int exit_code = 0;
  resolver.reload();                // Unbound's own: the socket is made anew
  CHECK(generation(resolver) == 3); // the same policy
  resolver.stop();
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_THROWS(resolver.nearmiss("status", &exit_code));
  CHECK(exit_code == 2);
}

// With other sizes Unbound makes its caches anew at a reload, and only then ends the module, whose
// thread may be evicting at that time.
TEST_CASE("reloads that make Unbound's caches anew, while policies change", "[reload]") {
  const std::array<std::string, 2> sizes{
      "  msg-cache-size: 4m\n  msg-cache-slabs: 4\n  rrset-cache-size: 8m\n",
      "  msg-cache-size: 1m\n  msg-cache-slabs: 1\n  rrset-cache-size: 2m\n"};
  const std::string keep = GENERATE(as<std::string>(), "SIGHUP", "reload_keep_cache");
  CAPTURE(keep);
  // Local data takes time to read, between the new caches and the module's end.
  std::string lines = sizes[0];
  for (int i = 0; i < 20000; ++i) {
    lines += "  local-data: \"n" + std::to_string(i) + ".local.invalid. A 192.0.2.1\"\n";
  }
  World world({.policy = usual_policy,
               .threads = 2,
               // What is freed reads as nonsense. Unbound 1.17.1 forgets its workers' allocators
               // when it cannot keep the caches that it was told to keep.
               .environment = {{"MALLOC_PERTURB_", "165"}, {"ASAN_OPTIONS", "detect_leaks=0"}},
               .server_lines = lines});
  std::atomic<int> leaks = 0;
  std::jthread asker([&](const std::stop_token& done) {
    while (!done.stop_requested()) {
      const auto answer = world.resolver.ask(mail, "arrny.example", MX);
      leaks += answer && tells_a_secret(*answer) ? 1 : 0;
    }
  });
  // Each `reload` goes through the cache, changed or not.
  std::jthread evictor([&](const std::stop_token& done) {
    while (!done.stop_requested()) {
      const RawClient client(world.resolver.folder() / "nearmiss.sock");
      client.say("reload\n");
      client.wait_for_end();
    }
  });
  const std::filesystem::path configuration = world.resolver.folder() / "unbound.conf";
  for (std::size_t round = 1; round <= 20 && world.resolver.alive(); ++round) {
    CAPTURE(round);
    std::string text = read_file(configuration);
    const std::string& before = sizes[(round - 1) % 2];
    text.replace(text.find(before), before.size(), sizes[round % 2]);
    replace(configuration, text, Write::rename);
    world.expect_real(mail, "plain.example", MX); // in a cache
    const bool lists = round % 2 == 1;
    replace(world.resolver.policy_file(), lists ? policy_listing("good.example") : usual_policy,
            Write::rename);
    world.resolver.reload(keep);
    if (lists) {
      world.expect_blocked(mail, "good.example", MX);
    } else {
      world.expect_real(mail, "good.example", MX);
    }
    world.expect_real(other, "good.example", MX);
    world.expect_blocked(mail, "army.ml", MX);
  }
  asker.request_stop();
  evictor.request_stop();
  asker.join();
  evictor.join();
  CHECK(leaks == 0);
  CHECK(world.resolver.alive());
}

// The module has begun and Unbound does not serve yet: it reads a large zone of its own.
TEST_CASE("a policy that changes between the module's start and Unbound's", "[reload]") {
  std::string zone = "@ 3600 SOA ns. host. 1 1 1 1 1\n@ 3600 NS ns.\n";
  for (int i = 0; i < 200000; ++i) {
    zone += "n" + std::to_string(i) + " 3600 A 192.0.2.1\n";
  }
  World world({.policy = usual_policy,
               .lists = {{"large.zone", zone}},
               .more_clauses = "auth-zone:\n  name: large.invalid.\n  zonefile: large.zone\n"
                               "  for-downstream: no\n  for-upstream: no\n"});
  world.expect_real(mail, "good.example", MX);
  const auto starts = [&] { return count_in(world.resolver.log(), "init module 2: iterator"); };
  const std::size_t before = starts();
  auto reloaded =
      std::async(std::launch::async, [&] { world.resolver.reload("reload_keep_cache"); });
  REQUIRE(wait_until([&] { return starts() > before; }));
  replace(world.resolver.policy_file(), policy_listing("good.example"), Write::rename);
  reloaded.get();
  wait_for_generation(world.resolver, 2);
  world.expect_blocked(mail, "good.example", MX);
  world.expect_real(other, "good.example", MX);
}

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

// It swaps Unbound's settings under the running workers and calls no module.
TEST_CASE("fast_reload, where Unbound has it, leaves the policy in force", "[reload]") {
  const std::string command = GENERATE(as<std::string>(), "fast_reload", "fast_reload +p");
  CAPTURE(command);
  World world({.policy = usual_policy, .threads = 2});
  try {
    world.resolver.control(command);
  } catch (const std::runtime_error& e) {
    INFO(e.what());
    REQUIRE(std::string(e.what()).find("unknown command") != std::string::npos);
    WARN("this Unbound has no fast_reload");
    return;
  }
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(other, "army.ml", MX);
  world.expect_real(mail, "good.example", MX);
  for (int round = 0; round < 20; ++round) {
    world.resolver.control(command);
    world.expect_blocked(mail, "army.ml", MX);
    world.expect_real(other, "army.ml", MX);
  }
  world.resolver.write_policy(policy_listing("good.example"));
  world.resolver.control(command);
  wait_for_generation(world.resolver, 2);
  world.expect_blocked(mail, "good.example", MX);
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(other, "good.example", MX);
}
