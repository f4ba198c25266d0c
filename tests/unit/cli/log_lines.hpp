// Lines of an event log, written by hand: a lookup, or what the module tells of itself.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include <array>

namespace nearmiss::test {

// A lookup blocked at `second` past 2026-11-23T12:00:00Z.
struct LogLine {
  int second = 0;
  std::string client = "192.0.2.25";
  std::string qname = "army.ml";
  std::string qtype = "MX";
  std::string action = "nxdomain";
  std::string intended = "army.mil";
  std::string rule = "mil-ml";
  std::string registered{};   // empty: as qname
  std::string more{};         // further fields, with a comma in front
  std::uint64_t sequence = 0; // 0: none
  std::string run = "r1";
};

inline std::string log_time(int second) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "2026-11-%02dT%02d:%02d:%02d.000000Z",
                23 + (second / 3600 + 12) / 24, (second / 3600 + 12) % 24, second / 60 % 60,
                second % 60);
  return text.data();
}

inline std::string log_head(int second, const char* kind, std::uint64_t sequence,
                            const std::string& run) {
  std::string text = R"({"@timestamp":")" + log_time(second) + R"(","event.kind":")" + kind + '"';
  if (sequence > 0) {
    text += R"(,"event.sequence":)" + std::to_string(sequence) + R"(,"event.id":")" + run + '-' +
            std::to_string(sequence) + '"';
  }
  return text + R"(,"event.dataset":"nearmiss.dns")";
}

// Without a newline.
inline std::string lookup(const LogLine& line) {
  return log_head(line.second, "alert", line.sequence, line.run) + R"(,"event.action":")" +
         line.action + R"(","source.ip":")" + line.client + R"(","dns.question.name":")" +
         line.qname + R"(","dns.question.type":")" + line.qtype +
         R"(","dns.question.registered_domain":")" +
         (line.registered.empty() ? line.qname : line.registered) + R"(","rule.id":")" + line.rule +
         R"(","nearmiss.intended_domain":")" + line.intended +
         R"(","nearmiss.confusable_class":"tld-swap","nearmiss.matched_by":"qname",)" +
         R"("nearmiss.enforced":)" + (line.action == "observe" ? "false" : "true") + line.more +
         '}';
}

inline std::string notice(int second, const std::string& action, std::uint64_t sequence,
                          const std::string& more = {}, const std::string& run = "r1") {
  return log_head(second, "event", sequence, run) + R"(,"event.action":")" + action +
         R"(","event.outcome":"success","message":"about )" + action + '"' + more + '}';
}

} // namespace nearmiss::test
