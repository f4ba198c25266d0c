// The storm: a policy that changes again and again under full query load, from several threads:
// the policy file, the list it names, and Unbound's own reloads, which end the module and start it
// again.
//
// An answer is right if it is right under a policy that was in force at some time between the
// question and the answer. NEARMISS_STORM_RELOADS (default 1000) sets how many reloads there are.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

// Each fourth change is one of the list, the others are of the policy file.
struct State {
  std::uint64_t policy, list;
};
State state_of(std::uint64_t number) {
  return {number - number / 4, number / 4};
}
bool changes_list(std::uint64_t number) {
  return number > 0 && number % 4 == 0;
}

// Policies 0, 2, 4 ... list ml and have a response policy zone; policies 1, 3, 5 ... list
// good.example, an exchange and addresses, and protect a domain. All list arrny.example and none
// plain.example.
std::string policy_of(std::uint64_t number) {
  const std::string head = "version: 1\n"
                           "clients: {mail: [127.1.0.0/16]}\n"
                           "rules:\n"
                           "  - {id: always, exact: [arrny.example]}\n"
                           "  - {id: feed, list: {file: feed.txt, format: domains}}\n";
  // Never twice the same, so that each is loaded.
  const std::string tail = "  - {id: n" + std::to_string(number) +
                           ", exact: [unused.example]}\n"
                           "log: {file: events.jsonl}\n";
  return head + (number % 2 == 0
                     ? "  - {id: ml, confusable: {intended: mil, mistyped: [ml]}}\n"
                       "  - {id: zone, list: {file: zone.rpz, format: rpz}}\n" +
                           tail
                     : "  - {id: good, domains: [good.example]}\n"
                       "  - {id: held, answer_ip: [203.0.113.4/32]}\n"
                       "  - {id: parked, mx_exchange: [mx.army.mil]}\n" +
                           tail + "protect:\n  - {id: ours, domains: [tennant.example]}\n");
}

// Lists 1, 3, 5 ... hold brief.example.
std::string list_of(std::uint64_t number) {
  return "n" + std::to_string(number) + ".unused.example\nanother.unused.example\n" +
         (number % 2 == 1 ? "brief.example\n" : "unlisted.unused.example\n");
}

enum class Listed { always, never, even, odd, list };

struct Case {
  const char* name = nullptr;
  int type = 0;
  Listed listed = Listed::never;
  bool null_mx = false; // how it is blocked
};
constexpr std::array cases{
    Case{"arrny.example", MX, Listed::always},
    Case{"plain.example", MX, Listed::never},
    Case{"www.plain.example", A, Listed::never},
    Case{"army.ml", MX, Listed::even},
    Case{"realhost.army.ml", A, Listed::even},
    Case{"alias.plain.example", A, Listed::even}, // leads to navy.ml
    Case{"mxlisted.plain.example", MX, Listed::even, true},
    Case{"good.example", MX, Listed::odd},
    Case{"toward.good.example", A, Listed::odd},
    Case{"www.arrny.example", A, Listed::odd},       // holds a listed address
    Case{"army.mil", MX, Listed::odd, true},         // has a listed exchange
    Case{"www.army.mil", A, Listed::odd},            // is an alias of it
    Case{"tenant.example", MX, Listed::odd},         // looks like a protected domain
    Case{"deep.www.arrny.example", A, Listed::even}, // in the response policy zone
    Case{"brief.example", MX, Listed::list},
};

bool blocked_under(Listed listed, std::uint64_t number) {
  const State state = state_of(number);
  return listed == Listed::always || (listed == Listed::even && state.policy % 2 == 0) ||
         (listed == Listed::odd && state.policy % 2 == 1) ||
         (listed == Listed::list && state.list % 2 == 1);
}

bool is_block(const Case& asked, const Answer& answer) {
  if (asked.null_mx) {
    return answer.data_of(MX) == std::vector<std::string>{"0 ."};
  }
  return answer.rcode == nxdomain && answer.answer.empty() && looks_blocked(answer);
}

bool is_real(const Case& asked, const Answer& answer) {
  return answer.rcode == noerror && !answer.data_of(asked.type).empty() && !looks_blocked(answer);
}

std::size_t entries(const std::filesystem::path& folder) {
  std::size_t number = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) {
    ++number;
  }
  return number;
}

// A reload that leaked its policy, its answers or an event's texts would leak more than this.
constexpr std::size_t allowed_kib_per_reload = 8;

class Storm {
 public:
  explicit Storm(std::uint64_t reloads)
      : world_({.policy = policy_of(0),
                .lists = {{"feed.txt", list_of(0)},
                          {"zone.rpz", "$ORIGIN rpz.\n$TTL 60\n@ SOA . . 1 1 1 1 1\n"
                                       "deep.www.arrny.example CNAME .\n"}},
                .threads = 2}),
        reloads_(reloads) {}

  void run() {
    const std::filesystem::path process = "/proc/" + std::to_string(world_.resolver.pid());
    const std::size_t descriptors = entries(process / "fd");
    std::vector<std::thread> askers;
    for (unsigned asker = 0; asker < 6; ++asker) {
      askers.emplace_back([this, asker] { ask(asker); });
    }
    change(20 + reloads_ / 10); // warm
    const std::size_t threads = entries(process / "task");
    resident_before_ = world_.resolver.resident_kib();
    change(reloads_);
    resident_after_ = world_.resolver.resident_kib();
    done_ = true;
    for (std::thread& asker : askers) {
      asker.join();
    }
    CHECK(entries(process / "task") == threads);
    if (!world_.resolver
             .is_instrumented()) { // instrumented memory is kept to find its use after its end
      CHECK(resident_after_ < resident_before_ + 4096 + reloads_ * allowed_kib_per_reload);
    }
    // No query is open any more; Unbound keeps a few connections to servers for a while.
    CHECK(wait_until([&] { return entries(process / "fd") <= descriptors + 8; }));
  }

  const std::vector<std::string>& failures() const { return failures_; }
  std::string summary() const {
    return std::to_string(published_) + " reloads, " + std::to_string(restarts_ / 2) +
           " of Unbound beside them, " + std::to_string(answers_) + " answers, " +
           std::to_string(blocks_) + " blocks, " + std::to_string(resident_before_) +
           " KiB before, " + std::to_string(resident_after_) + " KiB after";
  }
  std::uint64_t answers() const { return answers_; }
  std::uint64_t blocks() const { return blocks_; }

 private:
  void change(std::uint64_t times) {
    for (std::uint64_t i = 0; i < times && failures_.empty(); ++i) {
      const std::uint64_t next = published_ + 1;
      begun_ = next;
      // By rename, so that no half of it is ever read.
      const State state = state_of(next);
      const std::filesystem::path file = changes_list(next) ? world_.resolver.folder() / "feed.txt"
                                                            : world_.resolver.policy_file();
      write_file(file.string() + ".new",
                 changes_list(next) ? list_of(state.list) : policy_of(state.policy));
      std::filesystem::rename(file.string() + ".new", file);
      // It notices by itself; now and then it is told, which also says when it is done.
      if (next % 8 < 2) {
        wait_until([&] { return generation() > next; });
      } else if (next % 20 == 2) {
        restart(next);
      } else {
        world_.resolver.nearmiss("reload");
      }
      if (generation() != next + 1) {
        fail("generation " + std::to_string(generation()) + " after reload " +
             std::to_string(next) + "\n" + world_.resolver.log());
      }
      published_ = next;
    }
  }

  // Unbound lets go of the questions that it is asked meanwhile.
  void restart(std::uint64_t number) {
    static constexpr std::array ways{"SIGHUP", "reload", "reload_keep_cache"};
    ++restarts_;
    world_.resolver.reload(ways[number / 20 % ways.size()]);
    ++restarts_;
  }

  std::uint64_t generation() const {
    return world_.resolver.nearmiss("status").at("policy").at("generation").get<std::uint64_t>();
  }

  void ask(unsigned asker) {
    std::mt19937_64 random(asker);
    while (!done_) {
      const Case& asked = cases[random() % cases.size()];
      const bool policed = random() % 3 != 0;
      const std::string client =
          (policed ? "127.1.0." : "127.2.0.") + std::to_string(1 + random() % 100);
      try {
        const std::uint64_t restarts = restarts_;
        const std::uint64_t first = published_;
        const auto answer = world_.resolver.ask(client, asked.name, asked.type);
        const std::uint64_t last = begun_;
        if (!answer) {
          if (restarts % 2 == 0 && restarts == restarts_) {
            fail(std::string("no answer to ") + asked.name);
          }
          continue;
        }
        const bool may_block =
            policed && (blocked_under(asked.listed, first) || blocked_under(asked.listed, last) ||
                        (last > first + 1 && asked.listed != Listed::never));
        const bool may_be_real = !policed || !blocked_under(asked.listed, first) ||
                                 !blocked_under(asked.listed, last) ||
                                 (last > first + 1 && asked.listed != Listed::always);
        const bool block = is_block(asked, *answer);
        ++answers_;
        blocks_ += block ? 1 : 0;
        if (!(block && may_block) && !(is_real(asked, *answer) && may_be_real)) {
          fail(client + " asks " + asked.name + " " + type_text(asked.type) + " under policies " +
               std::to_string(first) + " to " + std::to_string(last) + ":\n" + answer->text());
        }
      } catch (const std::exception& error) {
        fail(error.what());
      }
    }
  }

  void fail(const std::string& what) {
    const std::lock_guard lock(mutex_);
    failures_.push_back(what);
    done_ = failures_.size() > 5;
  }

  World world_;
  std::uint64_t reloads_;
  std::atomic<std::uint64_t> begun_ = 0;                 // this policy may be in force
  std::atomic<std::uint64_t> published_ = 0;             // this policy or a later one is in force
  std::atomic<std::uint64_t> restarts_ = 0;              // odd: one is under way
  std::size_t resident_before_ = 0, resident_after_ = 0; // KiB
  std::atomic<std::uint64_t> answers_ = 0;
  std::atomic<std::uint64_t> blocks_ = 0;
  std::atomic<bool> done_ = false;
  std::mutex mutex_;
  std::vector<std::string> failures_;
};

} // namespace

TEST_CASE("a thousand reloads under load: every answer is right, and nothing is left over",
          "[storm]") {
  const char* const wanted = std::getenv("NEARMISS_STORM_RELOADS");
  Storm storm(wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1000);
  storm.run();
  std::cout << "storm: " << storm.summary() << ", " << storm.failures().size() << " wrong"
            << std::endl;
  for (const std::string& failure : storm.failures()) {
    FAIL_CHECK(failure);
  }
  CHECK(storm.blocks() > storm.answers() / 10);
}
