// Writes a log of events as the module would write it in some days of a mail site's life.
//
// The same options make the same log, octet by octet. Mail servers send by day more than by night;
// a few mistyped domains draw most of the mail, as Zipf's law has it; a message makes MX, A and
// AAAA; what waits in a queue is tried again; one client is a program that sends every ten minutes.
// Once a day the module loads its policy anew, once it is refused, and a client that is in no group
// is told of.

#include "config/digest.hpp"
#include "rules/lookalikes/variants.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <deque>
#include <iostream>
#include <numbers>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

namespace {

struct Options {
  std::uint64_t events = 1000;
  unsigned days = 7;
  unsigned seed = 1;
  std::size_t flood = 0; // of 100 messages, how many go to a domain that is asked for once
  bool chain = false;
  bool hostile = false;
};

struct Target {
  std::string domain, intended, kind, rule, action;
};

constexpr std::int64_t micros = 1'000'000;
constexpr std::int64_t start = 1'795'392'000 * micros; // 2026-11-23T00:00:00Z

// What a client may ask for to spoil the report, in presentation form as the module writes it.
constexpr std::array hostile_names{
    R"(</script><img src=x onerror=document.title='owned'>.ml)",
    R"(\"><svg onload=alert(1)>.ml)",
    "\xe2\x80\xa8\xe2\x80\xa9"
    R"('\;alert\(1\)//.ml)",
    R"({{constructor.constructor\('alert\(1\)'\)\(\)}}.ml)",
    R"(<!--<script>.ml)",
    R"(=HYPERLINK\(\"http://x\"\).ml)",
    "\x1b]0;owned\x07.ml",
};

std::vector<Target> targets(bool hostile) {
  std::vector<Target> all;
  const std::array<std::pair<const char*, const char*>, 6> meant{
      {{"army.mil", "nxdomain"},
       {"navy.mil", "nxdomain"},
       {"example.org", "null-mx"},
       {"bigbank.example", "sinkhole"},
       {"pentagon.mil", "servfail"},
       {"university.example", "observe"}}};
  for (const auto& [domain, action] : meant) {
    const auto name = *nearmiss::Name::from_text(domain);
    for (const nearmiss::Variant& variant :
         nearmiss::variants_of(name, nearmiss::default_classes(name))) {
      if (all.size() % 7 == 0 || variant.kind == nearmiss::LookalikeClass::tld_swap) {
        const bool swap = variant.kind == nearmiss::LookalikeClass::tld_swap;
        all.push_back({variant.name.to_text(), domain, std::string(to_string(variant.kind)),
                       swap ? "mil-ml" : std::string("look-") + domain, action});
      } else {
        all.push_back({});
      }
    }
  }
  std::erase_if(all, [](const Target& target) { return target.domain.empty(); });
  if (hostile) {
    for (const char* name : hostile_names) {
      all.insert(all.begin(), {name, "army.mil", "tld-swap", "mil-ml", "nxdomain"});
    }
  }
  return all;
}

void append_json(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
      out += escape.data();
    } else {
      out += c;
    }
  }
}

// One lookup that is still to come.
struct Planned {
  std::int64_t time;
  std::uint64_t order; // at the same time, first come first served
  const Target* target;
  std::size_t client;
  const char* type;
  unsigned retries; // of its message, still to come
  bool operator>(const Planned& other) const {
    return std::pair(time, order) > std::pair(other.time, other.order);
  }
};

class Maker {
 public:
  explicit Maker(const Options& options)
      : options_(options), random_(options.seed), targets_(targets(options.hostile)) {
    std::vector<double> weights;
    for (std::size_t rank = 0; rank < targets_.size(); ++rank) {
      weights.push_back(1.0 / static_cast<double>(rank + 1));
    }
    popular_ = std::discrete_distribution<std::size_t>(weights.begin(), weights.end());
    std::shuffle(targets_.begin() + (options.hostile ? hostile_names.size() : 0), targets_.end(),
                 random_);
  }

  void run() {
    const double messages = std::max(1.0, static_cast<double>(options_.events) / 3.2);
    const double spacing = static_cast<double>(options_.days) * 86400 * micros / messages;
    std::exponential_distribution<double> gap(1 / spacing);
    while (written_ < options_.events) {
      message(static_cast<std::int64_t>(clock_));
      clock_ += gap(random_) / busy(clock_);
      by_the_clock();
      while (!planned_.empty() && planned_.top().time <= static_cast<std::int64_t>(clock_) &&
             written_ < options_.events) {
        const Planned next = planned_.top();
        planned_.pop();
        lookup(next);
      }
    }
    flush();
  }

 private:
  // From 0.3 at night to 1.7 at noon.
  static double busy(double time) {
    return 1 - 0.7 * std::cos(time / (86400.0 * micros) * 2 * std::numbers::pi);
  }

  std::int64_t jitter() { return static_cast<std::int64_t>(random_() % 1500); }

  void message(std::int64_t time) {
    const std::size_t client = random_() % 4 == 0 ? random_() % clients : random_() % 3;
    const Target* target = &targets_[popular_(random_)];
    if (options_.flood > 0 && random_() % 100 < options_.flood) {
      flood_.push_back(
          {"x" + std::to_string(flood_.size()) + "zq.ml", "", "", "mil-ml", "nxdomain"});
      target = &flood_.back();
    }
    plan(time, target, client, target->action == "servfail" ? 2 : 0);
  }

  // What comes by the clock, up to now.
  void by_the_clock() {
    const auto now = static_cast<std::int64_t>(clock_);
    for (; robot_next_ <= now; robot_next_ += 600 * micros) {
      plan(robot_next_, &targets_.back(), robot, 0);
    }
    for (; day_next_ <= now; day_next_ += 86400 * micros) {
      const bool refused = day_next_ / (86400 * micros) == 2;
      notice(
          day_next_, refused ? "policy-refused" : "policy-loaded", refused ? "failure" : "success",
          refused ? "nearmiss.yaml:12:3: error: unknown key `domain`" : "3 rules, 214 names", "");
      if (!refused) {
        notice(day_next_, "mail-client-discovered", "success",
               "198.51.100.77 asks for MX records and is in no group of clients",
               R"(,"source.ip":"198.51.100.77","dns.question.name":"partner.example")"
               R"(,"dns.question.type":"MX")");
      }
    }
  }

  void plan(std::int64_t time, const Target* target, std::size_t client, unsigned retries) {
    planned_.push({time, order_++, target, client, "MX", retries});
    if (target->action != "null-mx") {
      planned_.push({time + 400 + jitter(), order_++, target, client, "A", 0});
      planned_.push({time + 700 + jitter(), order_++, target, client, "AAAA", 0});
    }
    if (random_() % 5 == 0) {
      planned_.push({time + 30 * micros, order_++, target, client, "MX", 0});
    }
  }

  void lookup(const Planned& planned) {
    if (planned.retries > 0) {
      plan(planned.time + 300 * micros * (4 - planned.retries), planned.target, planned.client,
           planned.retries - 1);
    }
    const Target& target = *planned.target;
    const bool observed = target.action == "observe";
    const std::string client = planned.client < 10
                                   ? "192.0.2." + std::to_string(10 + planned.client)
                                   : "2001:db8:25::" + std::to_string(planned.client);
    begin(planned.time, "alert");
    line_ += R"(,"event.category":["network","intrusion_detection"],"event.type":["connection",")";
    line_ += observed ? "allowed" : "denied";
    line_ += R"("],"event.action":")" + target.action;
    line_ +=
        R"(","event.outcome":"success","event.severity":5,"log.level":"warning","source.ip":")";
    line_ += client + R"(","source.port":)" + std::to_string(1024 + random_() % 60000);
    line_ +=
        R"(,"network.transport":"udp","network.protocol":"dns","dns.type":"answer","dns.id":")";
    line_ += std::to_string(random_() % 65536) + R"(","dns.question.name":")";
    append_json(line_, target.domain);
    line_ += R"(","dns.question.type":")";
    line_ += planned.type;
    line_ += R"(","dns.question.class":"IN","dns.question.registered_domain":")";
    append_json(line_, target.domain);
    line_ += R"(","dns.question.top_level_domain":")";
    line_ += target.domain.substr(target.domain.rfind('.') + 1);
    line_ += R"(","dns.response_code":")";
    line_ += target.action == "nxdomain" ? "NXDOMAIN" : "NOERROR";
    line_ += R"(","rule.id":")" + target.rule;
    line_ += R"(","rule.category":"typo","rule.description":"Mail for a domain that looks alike",)"
             R"("rule.reference":"https://policy.example/typos","rule.ruleset":"nearmiss.yaml",)"
             R"("rule.version":"0123456789abcdef","nearmiss.policy_generation":1)";
    if (!target.intended.empty()) {
      line_ += R"(,"nearmiss.intended_domain":")" + target.intended;
      line_ += R"(","nearmiss.confusable_class":")" + target.kind + '"';
    }
    line_ += R"(,"nearmiss.matched_name":")";
    append_json(line_, target.domain);
    line_ += R"(","nearmiss.matched_by":"qname","nearmiss.client_group":"mail",)"
             R"("nearmiss.enforced":)";
    line_ += observed ? "false" : "true";
    line_ += R"(,"related.ip":[")" + client + R"("],"related.hosts":[")";
    append_json(line_, target.domain);
    line_ += "\"]";
    end();
  }

  void notice(std::int64_t time, const char* action, const char* outcome, const char* message,
              const char* more) {
    begin(time, "event");
    line_ += R"(,"event.category":["configuration"],"event.type":["info"],"event.action":")";
    line_ += action;
    line_ +=
        std::string(R"(","event.outcome":")") + outcome + R"(","log.level":"info","message":")";
    line_ += std::string(message) + '"' + more;
    end();
  }

  void begin(std::int64_t time, const char* kind) {
    const std::time_t seconds = (start + time) / micros;
    if (seconds != second_) {
      second_ = seconds;
      std::tm utc{};
      gmtime_r(&seconds, &utc);
      std::strftime(second_text_.data(), second_text_.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    }
    std::array<char, 96> head{};
    const std::uint64_t sequence = ++written_;
    std::snprintf(head.data(), head.size(), R"({"@timestamp":"%s.%06dZ","event.kind":"%s")",
                  second_text_.data(), static_cast<int>((start + time) % micros), kind);
    line_ = head.data();
    line_ += R"(,"event.sequence":)" + std::to_string(sequence);
    line_ += R"(,"event.id":"65f0c0ffee-1a2b3c4d5e6f7081-)" + std::to_string(sequence);
    line_ += R"(","ecs.version":"8.11.0","event.dataset":"nearmiss.dns","event.module":"nearmiss",)"
             R"("observer.product":"nearmiss","observer.vendor":"nearmiss",)"
             R"("observer.type":"dns-firewall","observer.version":"0.1.0",)"
             R"("observer.hostname":"ns1.example.net")";
  }

  void end() {
    line_ += '}';
    out_ += options_.chain ? chain_.sealed(line_) : line_;
    out_ += '\n';
    if (out_.size() > 1'000'000) {
      flush();
    }
  }

  void flush() {
    std::cout.write(out_.data(), static_cast<std::streamsize>(out_.size()));
    std::cout.flush();
    out_.clear();
  }

  static constexpr std::size_t clients = 24;
  static constexpr std::size_t robot = 23;

  const Options& options_;
  std::mt19937_64 random_;
  std::vector<Target> targets_;
  std::deque<Target> flood_;
  std::discrete_distribution<std::size_t> popular_;
  std::priority_queue<Planned, std::vector<Planned>, std::greater<>> planned_;
  nearmiss::LogChain chain_;
  std::uint64_t order_ = 0, written_ = 0;
  double clock_ = 0;
  std::int64_t robot_next_ = 0, day_next_ = 0;
  std::time_t second_ = -1;
  std::array<char, 32> second_text_{};
  std::string line_, out_;
};

} // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app{"Writes a log of events, always the same for the same options"};
  app.add_option("--events", options.events, "how many lines")->capture_default_str();
  app.add_option("--days", options.days, "the time they take")->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_option("--flood", options.flood, "of 100 messages, how many go to a domain of their own")
      ->capture_default_str();
  app.add_flag("--chain", options.chain, "with the hash chain");
  app.add_flag("--hostile", options.hostile, "with names that hold markup and control characters");
  CLI11_PARSE(app, argc, argv);
  std::ios::sync_with_stdio(false);
  Maker(options).run();
  return 0;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 2;
}
