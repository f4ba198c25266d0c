#include "module/event.hpp"

#include "config/diagnostics.hpp"
#include "module/version.hpp"

#include <fmt/format.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <iterator>

namespace nearmiss {

namespace {

// One JSON object under construction. Keys are ours and need no escaping; values do.
class JsonLine {
 public:
  JsonLine() { text_.reserve(1536); }

  void field(std::string_view key, std::string_view value) {
    open(key);
    string(value);
  }
  void field(std::string_view key, std::uint64_t value) {
    open(key);
    fmt::format_to(std::back_inserter(text_), "{}", value);
  }
  void flag(std::string_view key, bool value) {
    open(key);
    text_ += value ? "true" : "false";
  }
  // Left out if the policy does not say it.
  void optional(std::string_view key, std::string_view value) {
    if (!value.empty()) {
      field(key, value);
    }
  }
  void list(std::string_view key, std::initializer_list<std::string_view> values) {
    open(key);
    text_ += '[';
    std::string_view separator;
    for (const std::string_view value : values) {
      if (!value.empty()) {
        text_ += separator;
        string(value);
        separator = ",";
      }
    }
    text_ += ']';
  }
  void raw(std::string_view fields) {
    text_ += separator_;
    text_ += fields;
    separator_ = ",";
  }
  std::string finish() && {
    text_ += '}';
    return std::move(text_);
  }

 private:
  void open(std::string_view key) {
    text_ += separator_;
    text_ += '"';
    text_ += key;
    text_ += "\":";
    separator_ = ",";
  }

  // RFC 8259 section 7. The value must be UTF-8: the policy's texts are (the loader checks), and
  // names are ASCII.
  void string(std::string_view value) {
    text_ += '"';
    for (const char c : value) {
      if (c == '"' || c == '\\') {
        text_ += '\\';
        text_ += c;
      } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        fmt::format_to(std::back_inserter(text_), "\\u{:04x}", static_cast<unsigned>(c));
      } else {
        text_ += c;
      }
    }
    text_ += '"';
  }

  std::string text_ = "{";
  std::string_view separator_;
};

std::string timestamp(EventWriter::Clock::time_point now) {
  const auto micros =
      std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = micros / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     micros % 1'000'000);
}

std::string_view to_string(MatchedBy matched_by) {
  switch (matched_by) {
  case MatchedBy::qname:
    return "qname";
  case MatchedBy::cname:
    return "cname";
  case MatchedBy::mx_exchange:
    return "mx-exchange";
  case MatchedBy::answer_ip:
    return "answer-ip";
  }
  return "qname";
}

void common(JsonLine& line, std::string_view time, std::string_view kind, std::uint64_t sequence,
            const std::string& id_prefix, const std::string& observer) {
  line.field("@timestamp", time);
  line.field("event.kind", kind);
  line.field("event.sequence", sequence);
  line.field("event.id", fmt::format("{}-{}", id_prefix, sequence));
  line.raw(observer);
}

void ruleset(JsonLine& line, const Config& config, std::uint64_t generation) {
  line.field("rule.ruleset", config.ruleset);
  line.field("rule.version", std::string_view(config.digest).substr(0, 16));
  line.field("nearmiss.policy_generation", generation);
}

} // namespace

EventWriter::EventWriter() : suffixes_(psl_builtin()) {
  std::array<unsigned char, 8> random{};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    random.fill(0); // the start's time still tells two starts apart
  }
  id_prefix_ = fmt::format("{:x}-{:02x}", Clock::now().time_since_epoch().count() / 1000,
                           fmt::join(random, ""));
  std::array<char, 256> hostname{};
  if (gethostname(hostname.data(), hostname.size() - 1) != 0) {
    hostname[0] = '\0';
  }
  JsonLine fixed;
  fixed.field("ecs.version", "8.11.0");
  fixed.field("event.dataset", "nearmiss.dns");
  fixed.field("event.module", "nearmiss");
  fixed.field("observer.product", "nearmiss");
  fixed.field("observer.vendor", "nearmiss");
  fixed.field("observer.type", "dns-firewall");
  fixed.field("observer.version", version);
  fixed.optional("observer.hostname", printable(hostname.data()));
  observer_ = std::move(fixed).finish();
  observer_ = observer_.substr(1, observer_.size() - 2); // without the braces
}

std::string EventWriter::attempt(const Attempt& attempt, const Config& config,
                                 std::uint64_t generation, Clock::time_point now) {
  const Verdict& verdict = attempt.verdict;
  const Rule& rule = *verdict.rule;
  const std::string qname = attempt.qname.to_text();
  const std::string client = attempt.client.to_text();
  const char* registered =
      suffixes_ == nullptr ? nullptr : psl_registrable_domain(suffixes_, qname.c_str());
  const std::string resolved =
      attempt.resolved_ip == nullptr ? std::string() : attempt.resolved_ip->to_text();

  JsonLine line;
  common(line, timestamp(now), "alert", next(), id_prefix_, observer_);
  line.list("event.category", {"network", "intrusion_detection"});
  line.list("event.type", {"connection", verdict.enforced ? "denied" : "allowed"});
  line.field("event.action", to_string(verdict.action));
  line.field("event.outcome", "success");
  line.field("event.severity", std::uint64_t{verdict.enforced ? 5U : 3U});
  line.field("log.level", verdict.enforced ? "warning" : "notice");
  line.field("source.ip", client);
  line.field("source.port", attempt.client_port);
  line.field("network.transport", attempt.tcp ? "tcp" : "udp");
  line.field("network.protocol", "dns");
  line.field("dns.type", "answer");
  line.field("dns.id", std::to_string(attempt.id));
  line.field("dns.question.name", qname);
  line.field("dns.question.type", type_to_text(attempt.qtype));
  line.field("dns.question.class", "IN");
  line.optional("dns.question.registered_domain", registered == nullptr ? "" : registered);
  if (attempt.qname.label_count() > 0) {
    line.field("dns.question.top_level_domain", attempt.qname.last_labels(1).to_text());
  }
  if (attempt.rcode >= 0) {
    line.field("dns.response_code", to_string(static_cast<Rcode>(attempt.rcode)));
  }
  if (!resolved.empty()) {
    line.list("dns.resolved_ip", {resolved});
  }
  line.field("rule.id", rule.id);
  line.optional("rule.category", rule.category);
  line.optional("rule.description", rule.reason);
  line.optional("rule.reference", rule.reference);
  line.optional("rule.author", rule.owner);
  line.optional("nearmiss.ticket", rule.ticket);
  ruleset(line, config, generation);
  line.optional("nearmiss.intended_domain", attempt.intended);
  line.optional("nearmiss.confusable_class", verdict.confusable_class());
  line.field("nearmiss.matched_name", attempt.matched_address != nullptr
                                          ? attempt.matched_address->to_text()
                                          : verdict.matched.to_text());
  line.field("nearmiss.matched_by", to_string(attempt.matched_by));
  if (verdict.client_group != nullptr) {
    line.field("nearmiss.client_group", *verdict.client_group);
  }
  line.flag("nearmiss.enforced", verdict.enforced);
  line.list("related.ip", {client, resolved});
  line.list("related.hosts", {qname, attempt.intended});
  return std::move(line).finish();
}

std::string EventWriter::lifecycle(std::string_view action, bool success, std::string_view message,
                                   const Config* config, std::uint64_t generation,
                                   Clock::time_point now) {
  JsonLine line;
  common(line, timestamp(now), "event", next(), id_prefix_, observer_);
  line.list("event.category", {"configuration"});
  line.list("event.type", {success ? "info" : "error"});
  line.field("event.action", action);
  line.field("event.outcome", success ? "success" : "failure");
  line.field("log.level", success ? "info" : "error");
  line.field("message", printable(message)); // may name a file, which may be any octets
  if (config != nullptr) {
    ruleset(line, *config, generation);
  }
  return std::move(line).finish();
}

std::string EventWriter::lost(std::uint64_t count, Clock::time_point now) {
  JsonLine line;
  common(line, timestamp(now), "event", next(), id_prefix_, observer_);
  line.list("event.category", {"host"});
  line.list("event.type", {"error"});
  line.field("event.action", "events-lost");
  line.field("event.outcome", "failure");
  line.field("log.level", "error");
  line.field("message", fmt::format("{} events could not be written", count));
  line.field("nearmiss.events_lost", count);
  return std::move(line).finish();
}

} // namespace nearmiss
