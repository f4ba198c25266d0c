// A policy that changes while Unbound serves: noticed, published, and the caches rid of what it
// lists.
#include "tests/catch.hpp"

#include "tests/e2e/policy_change.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t number = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
    ++number;
  }
  return number;
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

// It lies in the module's own cache, where no policy change looks.
TEST_CASE("an answer that an older policy judged brings nothing along that is listed", "[reload]") {
  const std::string head = "version: 1\nclients: {mail: [127.1.0.0/16]}\nrules:\n";
  std::vector<Zone> zones = default_zones();
  std::ranges::find(zones, "plain.example.", &Zone::origin)->records +=
      "two MX 10 mx\ntwo MX 20 mx.good.example.\n";
  World world({.policy = head + "  - {id: r, mx_exchange: [mx.good.example]}\n",
               .server_lines = "  minimal-responses: no\n"},
              zones);
  const auto brings_along = [&](const std::string& client, const std::string& owner) {
    const Answer answer = world.resolver.answer(client, "two.plain.example", MX);
    INFO(answer.text());
    CHECK(answer.data_of(MX).size() == 2);
    return std::ranges::find(answer.additional, owner + ".", &Rr::owner) != answer.additional.end();
  };
  CHECK(world.resolver.answer(mail, "two.plain.example", MX).data_of(MX) ==
        std::vector<std::string>{"0 ."});
  CHECK(brings_along(other, "mx.plain.example"));
  world.resolver.write_policy(head + "  - {id: r, exact: [mx.plain.example]}\n");
  world.resolver.nearmiss("reload");
  CHECK_FALSE(brings_along(mail, "mx.plain.example"));
  CHECK_FALSE(brings_along(other, "mx.plain.example"));
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

// It swaps Unbound's settings under the running workers and calls no module.
TEST_CASE("fast_reload, where Unbound has it, leaves the policy in force", "[fast_reload]") {
  const std::string command = GENERATE(as<std::string>(), "fast_reload", "fast_reload +p");
  CAPTURE(command);
  World world({.policy = usual_policy, .threads = 2});
  try {
    world.resolver.control(command);
  } catch (const std::runtime_error& e) {
    INFO(e.what());
    REQUIRE(std::string(e.what()).find("unknown command") != std::string::npos);
    LEAVE_OUT("this Unbound has no fast_reload");
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
