// A policy, an event log, and attempts of clients, without a resolver.
#pragma once

#include "module/answer.hpp"
#include "module/events/log.hpp"
#include "tests/unit/config/folder.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace nearmiss::test {

// Waits until `done` holds. False if it did not for long; nothing is asserted about time.
inline bool wait_until(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

inline std::string read_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  for (std::size_t end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    lines.push_back(text.substr(at, end - at));
  }
  return lines;
}

// Each whole line; a line that is no JSON object fails the test that asks.
inline std::vector<nlohmann::json> events_of(const std::filesystem::path& file) {
  std::vector<nlohmann::json> events;
  for (const std::string& line : lines_of(read_text(file))) {
    events.push_back(nlohmann::json::parse(line));
  }
  return events;
}

// What the log told the admin.
class Complaints {
 public:
  Complain listener() {
    return [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline const std::string event_rules =
    "sinkhole: {ipv4: 192.0.2.53, ipv6: \"2001:db8::53\"}\n"
    "clients: {mail: [192.0.2.0/24]}\n"
    "rules:\n"
    "  - id: mil-ml\n"
    "    confusable: {intended: mil, mistyped: [ml]}\n"
    "    reason: \"DoD mail \\\"mistyped\\\"\\ninto Mali's TLD\"\n"
    "    reference: \"https://example.net/mil-ml\"\n"
    "    category: typo\n"
    "    owner: noc\n"
    "    ticket: \"42\"\n"
    "  - {id: hole, domains: [hole.example], action: sinkhole, clients: any}\n"
    "  - {id: seen, domains: [seen.example], action: observe}\n";

struct EventFixture {
  // `log`: the policy's `log:` and what follows; paths in it are relative to the folder, which
  // `prepare` may furnish.
  explicit EventFixture(const std::string& log, const std::string& rules = event_rules,
                        const std::function<void(const Folder&)>& prepare = {}) {
    if (prepare) {
      prepare(folder);
    }
    const LoadResult result = folder.load_policy("version: 1\n" + rules + log);
    INFO(texts(folder, result));
    REQUIRE(result.config);
    config = result.config;
    policy = std::make_shared<const EventPolicy>(config, 3);
    start();
  }
  void start() {
    events.emplace(complaints.listener());
    events->configure(config->log);
  }

  std::filesystem::path file(const std::string& name = "events.jsonl") const {
    return folder.path() / name;
  }

  void attempt(std::string_view name, std::string_view client = "192.0.2.25",
               std::string_view type = "MX", MatchedBy matched_by = MatchedBy::qname) {
    const Name qname = *Name::from_text(name);
    const auto address = *ClientAddress::from_text(client);
    const Verdict verdict = config->policy.decide({qname, *type_from_text(type), address, today});
    REQUIRE(verdict.noteworthy());
    const std::string intended = Policy::intended_for(verdict, qname);
    const bool sinkhole = verdict.action == Action::sinkhole && type == "A";
    events->attempt({.verdict = verdict,
                     .matched_by = matched_by,
                     .matched_address = nullptr,
                     .qname = qname,
                     .intended = intended,
                     .qtype = *type_from_text(type),
                     .id = 4711,
                     .client = address,
                     .client_port = 53535,
                     .tcp = false,
                     .rcode = verdict.enforced ? static_cast<int>(rcode_for(verdict)) : -1,
                     .resolved_ip = sinkhole ? &*config->sinkhole.ipv4 : nullptr},
                    policy, time);
  }

  Folder folder;
  Complaints complaints;
  std::shared_ptr<const Config> config;
  std::shared_ptr<const EventPolicy> policy;
  EventLog::Clock::time_point time{std::chrono::sys_days(today) + std::chrono::hours(1) +
                                   std::chrono::microseconds(42)};
  std::optional<EventLog> events; // reset() writes all that waits
};

} // namespace nearmiss::test
