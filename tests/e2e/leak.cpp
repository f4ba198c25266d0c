// The leak test: random sequences of queries, each answer checked against the model.
//
// NEARMISS_LEAK_QUERIES (default 20000) sets how many answers are checked, NEARMISS_LEAK_SEED
// repeats a run's draws (the interleaving of its threads stays the machine's).
#include "tests/catch.hpp"

#include "tests/e2e/leak_model.hpp"

#include <array>
#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <random>

using namespace e2e;
using namespace std::chrono_literals;

namespace {

enum class Moment { cold, warmed, in_flight, after_expiry };
constexpr std::array<const char*, 4> moment_names{"cold", "warmed", "in flight", "after expiry"};

std::uint64_t setting(const char* name, std::uint64_t usual) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

struct Asked {
  std::string client;
  std::string name;  // as it goes out, case mixed
  std::string model; // as the oracle knows it
  std::string fresh; // the fresh label; may be empty
  int type = 0;
  Flags flags;
};

class LeakTest {
 public:
  LeakTest(const std::string& server_lines, std::uint64_t seed, std::uint64_t queries)
      : world_({.policy = leak_policy(),
                .lists = {{leak_zone_file, leak_zone}},
                .threads = 2,
                .encrypted = true,
                .access = "allow_snoop",
                .server_lines = server_lines},
               leak_zones()),
        plain_(world_.lab, {.server_lines = server_lines}), oracle_(plain_), seed_(seed),
        wanted_(queries) {
    plain_.start();
  }

  void run() {
    std::vector<std::thread> askers;
    for (std::uint64_t asker = 0; asker < 12; ++asker) {
      askers.emplace_back([this, asker] {
        std::mt19937_64 random(seed_ * 1000 + asker);
        while (checked_ < wanted_ && failures_so_far() < 5) {
          play(random, asker);
        }
      });
    }
    for (std::thread& asker : askers) {
      asker.join();
    }
  }

  std::string summary() const {
    std::string text = std::to_string(checked_) + " answers checked";
    for (const auto& [what, number] : counts_) {
      text += ", " + what + " " + std::to_string(number);
    }
    return text;
  }
  const std::vector<std::string>& failures() const { return failures_; }
  const std::map<std::string, std::size_t>& counts() const { return counts_; }

 private:
  using Random = std::mt19937_64;

  static std::uint64_t below(Random& random, std::uint64_t limit) { return random() % limit; }

  static std::string draw_client(Random& random, bool policed) {
    return (policed ? "127.1." : "127.2.") + std::to_string(below(random, 4)) + "." +
           std::to_string(1 + below(random, 200));
  }

  static Flags draw_flags(Random& random, bool may_iterate) {
    Flags flags;
    flags.rd = !may_iterate || below(random, 16) != 0;
    flags.cd = below(random, 4) == 0;
    flags.ad = below(random, 4) == 0;
    flags.edns = below(random, 4) != 0;
    flags.dnssec_ok = below(random, 3) == 0;
    const std::uint64_t transport = below(random, 100);
    flags.transport = transport < 76   ? Transport::udp
                      : transport < 90 ? Transport::tcp
                      : transport < 95 ? Transport::tls
                                       : Transport::https;
    return flags;
  }

  static std::string mix_case(Random& random, std::string name) {
    for (char& c : name) {
      c = below(random, 2) == 0 ? c
                                : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
  }

  static std::string with_label(const std::string& name, const std::string& label) {
    return name.starts_with("FRESH.") ? label + name.substr(5) : name;
  }

  // One scene: one or two clients, a name, a moment.
  void play(Random& random, std::uint64_t asker) {
    static const std::vector<Subject> subjects = leak_subjects();
    static constexpr std::array types{MX, MX, MX, A, A, A, AAAA, CNAME, TXT, SRV, HTTPS, ANY};
    const std::uint64_t dice = below(random, 1000);
    const Moment moment = dice < 350   ? Moment::cold
                          : dice < 800 ? Moment::warmed
                          : dice < 990 ? Moment::in_flight
                                       : Moment::after_expiry;
    const Subject& subject = subjects[below(random, subjects.size())];
    Asked second;
    second.fresh = "q" + std::to_string(asker) + "x" + std::to_string(++serial_);
    const std::string name = with_label(subject.name, second.fresh);
    if (name == subject.name) {
      second.fresh.clear();
    }
    second.model = with_label(subject.name, "fresh");
    second.type = types[below(random, types.size())];
    second.client = draw_client(random, below(random, 3) != 0);
    second.flags = draw_flags(random, moment != Moment::in_flight);
    second.name = mix_case(random, name);
    if (moment == Moment::cold) {
      check(second, moment);
      return;
    }
    Asked first = second;
    first.client = draw_client(random, below(random, 3) == 0);
    first.flags = draw_flags(random, false);
    first.name = mix_case(random, name);
    if (below(random, 4) != 0) {
      first.flags.cd = second.flags.cd; // queries are shared where RD and CD agree
    }
    if (moment == Moment::in_flight) {
      world_.lab.slow(name + ".", 80ms);
      for (const std::string& target : subject.leads_to) {
        world_.lab.slow(with_label(target, second.fresh), 80ms);
      }
      auto running = std::async(std::launch::async, [&] { check(first, moment); });
      if (!second.fresh.empty() && !(is_policed(first.client) && is_listed(name, second.type))) {
        wait_until([&] { return world_.lab.queries(name + ".", second.type) > 0; }, 100ms);
      }
      check(second, moment);
      running.get();
      return;
    }
    check(first, moment);
    if (moment == Moment::after_expiry) {
      std::this_thread::sleep_for(std::chrono::milliseconds(900 + below(random, 1500)));
    }
    check(second, moment);
  }

  void check(const Asked& asked, Moment moment) {
    try {
      const Verdict verdict = oracle_.verdict(asked.client, asked.model, asked.type, asked.flags);
      if (verdict == Verdict::silent) {
        check_silent(asked, moment);
        return;
      }
      const std::optional<Answer> answer =
          world_.resolver.ask(asked.client, asked.name, asked.type, asked.flags);
      std::string wrong = "no answer";
      if (answer) {
        wrong =
            answer->question == asked.name + "." || asked.name.ends_with('.')
                ? oracle_.judge(verdict, *answer, asked.model, asked.type, asked.flags, asked.fresh)
                : "the question's case is not kept";
      }
      ++checked_;
      const std::lock_guard lock(mutex_);
      ++counts_[std::string(moment_names[static_cast<std::size_t>(moment)]) + "/" +
                to_text(verdict)];
      if (!wrong.empty()) {
        failures_.push_back(wrong + ": " + asked.client + " asks " + asked.name + " " +
                            type_text(asked.type) + " over " + to_text(asked.flags.transport) +
                            ", " + moment_names[static_cast<std::size_t>(moment)] + ", expected: " +
                            to_text(verdict) + "\n" + (answer ? answer->text() : ""));
      }
    } catch (const std::exception& error) {
      const std::lock_guard lock(mutex_);
      failures_.push_back(asked.client + " asks " + asked.name + ": " + error.what());
    }
  }

  // Over UDP alone: it can be told from a slow answer there.
  void check_silent(const Asked& asked, Moment moment) {
    const bool silent = stays_silent(world_.resolver.endpoint(), asked.client, asked.name,
                                     asked.type, "nx.any.good.example");
    ++checked_;
    const std::lock_guard lock(mutex_);
    ++counts_[std::string(moment_names[static_cast<std::size_t>(moment)]) + "/silent"];
    if (!silent) {
      failures_.push_back("an answer, or none to the query after it: " + asked.client + " asks " +
                          asked.name + " " + type_text(asked.type) + ", " +
                          moment_names[static_cast<std::size_t>(moment)]);
    }
  }

  std::size_t failures_so_far() {
    const std::lock_guard lock(mutex_);
    return failures_.size();
  }

  World world_;
  Unbound plain_; // in the same lab, without the module: it tells what is true
  Oracle oracle_;
  std::uint64_t seed_;
  std::uint64_t wanted_;
  std::atomic<std::uint64_t> checked_ = 0;
  std::atomic<std::uint64_t> serial_ = 0;
  std::mutex mutex_;
  std::map<std::string, std::size_t> counts_;
  std::vector<std::string> failures_;
};

} // namespace

TEST_CASE("no sequence of queries leaks to a policed client, nor blocks another", "[leak]") {
  const std::uint64_t queries = setting("NEARMISS_LEAK_QUERIES", 20000);
  const std::uint64_t seed = setting("NEARMISS_LEAK_SEED", std::random_device{}());
  const std::array<std::string, 2> configurations{
      "  qname-minimisation: yes\n  minimal-responses: yes\n",
      "  qname-minimisation: no\n  minimal-responses: no\n  prefetch: yes\n"
      "  serve-expired: yes\n  serve-expired-client-timeout: 100\n  aggressive-nsec: yes\n"};
  for (const std::string& lines : configurations) {
    LeakTest test(lines, seed, (queries + 1) / configurations.size());
    test.run();
    std::cout << "leak test, seed " << seed << ": " << test.summary() << ", "
              << test.failures().size() << " wrong" << std::endl;
    for (const std::string& failure : test.failures()) {
      FAIL_CHECK("seed " << seed << ", with\n" << lines << failure);
    }
    // A run that never came to these would prove nothing.
    for (const char* what :
         {"cold/blocked", "warmed/blocked", "in flight/blocked", "after expiry/blocked",
          "warmed/null-mx", "in flight/real", "warmed/nodata", "warmed/local data",
          "warmed/truncated", "warmed/silent"}) {
      CHECK((test.counts().contains(what) || queries < 5000 || !test.failures().empty()));
    }
  }
}
