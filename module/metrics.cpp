#include "module/metrics.hpp"

#include "module/program_files.hpp"
#include "module/version.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

namespace nearmiss {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

std::size_t type_slot(std::uint16_t qtype) noexcept {
  const auto* const found = std::find(Metrics::types.begin(), Metrics::types.end(), qtype);
  return static_cast<std::size_t>(found - Metrics::types.begin());
}

std::string type_label(std::size_t slot) {
  return slot < Metrics::types.size() ? type_to_text(Metrics::types[slot]) : "other";
}

// The shortest decimal that reads back as the same number.
std::string seconds(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

// Of a name in presentation form, which is printable.
std::string label_value(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') {
      escaped += '\\';
    }
    escaped += c;
  }
  return escaped;
}

class Text {
 public:
  void metric(const std::string& name, const char* type, const char* help) {
    name_ = name;
    text_ += "# HELP " + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n';
  }
  void sample(const std::string& labels, const std::string& value, const char* suffix = "") {
    text_ += name_ + suffix + (labels.empty() ? "" : '{' + labels + '}') + ' ' + value + '\n';
  }
  void single(const std::string& name, const char* type, const char* help, std::uint64_t value) {
    metric(name, type, help);
    sample("", std::to_string(value));
  }
  std::string take() && { return std::move(text_); }

 private:
  std::string name_, text_;
};

} // namespace

std::uint64_t Metrics::Snapshot::blocked_or_observed() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& of_action : queries) {
    for (const std::uint64_t count : of_action) {
      sum += count;
    }
  }
  return sum;
}

void Metrics::count(const Verdict& verdict, std::uint16_t qtype) noexcept {
  const Action action = verdict.enforced ? verdict.action : Action::observe;
  queries_[static_cast<std::size_t>(action)][type_slot(qtype)].fetch_add(1, relaxed);
}

void Metrics::decided(std::chrono::nanoseconds took) noexcept {
  const auto count = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
  const auto* const bucket = std::lower_bound(bounds.begin(), bounds.end(), count);
  decisions_[static_cast<std::size_t>(bucket - bounds.begin())].fetch_add(1, relaxed);
  decision_nanoseconds_.fetch_add(count, relaxed);
}

void Metrics::in_force(InForce now) noexcept {
  const std::lock_guard lock(mutex_);
  in_force_ = std::move(now);
}

void Metrics::published(std::size_t rules, std::chrono::system_clock::time_point time) noexcept {
  rules_.store(rules, relaxed);
  const auto since_1970 = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch();
  reload_time_.store(static_cast<std::uint64_t>(since_1970.count()), relaxed);
  reload_successful_.store(true, relaxed);
}

Metrics::Snapshot Metrics::snapshot() const {
  Snapshot snapshot;
  for (std::size_t action = 0; action < action_slots; ++action) {
    for (std::size_t type = 0; type < type_slots; ++type) {
      snapshot.queries[action][type] = queries_[action][type].load(relaxed);
    }
  }
  for (std::size_t bucket = 0; bucket < decisions_.size(); ++bucket) {
    snapshot.decisions[bucket] = decisions_[bucket].load(relaxed);
  }
  snapshot.decision_nanoseconds = decision_nanoseconds_.load(relaxed);
  snapshot.rules = rules_.load(relaxed);
  snapshot.rule_hits = rule_hits_.all();
  snapshot.reload_successful = reload_successful_.load(relaxed);
  snapshot.reload_time = reload_time_.load(relaxed);
  for (const ReplacedFile& file : replaced_files()) {
    (file.what == "module" ? snapshot.module_replaced : snapshot.unbound_replaced) = true;
  }
  snapshot.unbound_outdated = !newer_unbound().empty();
  const std::lock_guard lock(mutex_);
  snapshot.in_force = in_force_;
  return snapshot;
}

std::string prometheus_text(const Metrics::Snapshot& snapshot, const EventLog::Counts& events,
                            const std::vector<BusyDomains::Domain>& busy_domains) {
  Text text;
  text.metric("nearmiss_queries_total", "counter",
              "Lookups that a rule blocked, or that were only observed, by what was done.");
  for (std::size_t slot = 0; slot < Metrics::action_slots; ++slot) {
    const auto action = static_cast<Action>(slot);
    if (action == Action::allow) {
      continue; // lets through without a word
    }
    for (std::size_t type = 0; type < Metrics::type_slots; ++type) {
      text.sample("action=\"" + std::string(to_string(action)) + "\",qtype=\"" + type_label(type) +
                      '"',
                  std::to_string(snapshot.queries[slot][type]));
    }
  }
  text.metric("nearmiss_rule_hits_total", "counter",
              "Lookups that a rule blocked or observed, by the rule's id.");
  for (const auto& [id, hits] : snapshot.rule_hits) {
    text.sample("rule=\"" + label_value(id) + '"', std::to_string(hits));
  }
  text.metric(
      "nearmiss_busy_domain_queries", "gauge",
      "Lookups of the last 10 minutes with an event, of the 20 registered domains with most, "
      "from 5 on.");
  for (const BusyDomains::Domain& domain : busy_domains) {
    text.sample("domain=\"" + label_value(domain.name) + '"', std::to_string(domain.lookups));
  }
  text.single("nearmiss_events_written_total", "counter", "Events that every sink has taken.",
              events.written);
  text.single("nearmiss_events_lost_total", "counter",
              "Events that could not be written, by the sink that lost most.", events.lost);
  text.single("nearmiss_rules", "gauge", "Rules of the policy in force.", snapshot.rules);
  text.single("nearmiss_policy_generation", "gauge",
              "Number of the policy in force, from 1 at the start of the process.",
              snapshot.in_force.generation);
  text.metric("nearmiss_policy_info", "gauge",
              "The policy in force: its digest, and that as the events have it (rule.version).");
  text.sample("digest=\"" + snapshot.in_force.digest + "\",version=\"" + snapshot.in_force.version +
                  '"',
              "1");
  text.single("nearmiss_policy_enforcing", "gauge",
              "Whether lookups are blocked (1) or only observed (0), by the policy or by command.",
              snapshot.in_force.enforcing ? 1 : 0);
  text.metric("nearmiss_list_age_seconds", "gauge",
              "How long ago a list of the policy was written.");
  for (const auto& [file, written] : snapshot.in_force.lists) {
    const auto age = std::chrono::system_clock::now() - written;
    text.sample("list=\"" + label_value(file) + '"',
                std::to_string(std::max<std::int64_t>(
                    std::chrono::floor<std::chrono::seconds>(age).count(), 0)));
  }
  text.single("nearmiss_policy_last_reload_successful", "gauge",
              "Whether the last policy that was read is in force (1) or was refused (0).",
              snapshot.reload_successful ? 1 : 0);
  text.single("nearmiss_policy_last_reload_timestamp_seconds", "gauge",
              "When the policy in force was loaded.", snapshot.reload_time);
  text.metric("nearmiss_decision_seconds", "histogram",
              "How long the verdict on a lookup took that a rule could concern.");
  std::uint64_t sum = 0;
  for (std::size_t bucket = 0; bucket < snapshot.decisions.size(); ++bucket) {
    sum += snapshot.decisions[bucket];
    const std::string bound =
        bucket < Metrics::bounds.size() ? seconds(Metrics::bounds[bucket] / 1e9) : "+Inf";
    text.sample("le=\"" + bound + '"', std::to_string(sum), "_bucket");
  }
  text.sample("", seconds(static_cast<double>(snapshot.decision_nanoseconds) / 1e9), "_sum");
  text.sample("", std::to_string(sum), "_count");
  text.metric("nearmiss_restart_needed", "gauge",
              "Whether that file on the disk is another than the one that runs.");
  text.sample("file=\"module\"", snapshot.module_replaced ? "1" : "0");
  text.sample("file=\"unbound\"", snapshot.unbound_replaced ? "1" : "0");
  text.metric(
      "nearmiss_unbound_outdated", "gauge",
      "Whether a newer package of Unbound is installed than the one that runs was built from.");
  text.sample("", snapshot.unbound_outdated ? "1" : "0");
  text.metric("nearmiss_build_info", "gauge", "The module, and the Unbound it was built for.");
  text.sample("version=\"" + std::string(version) + "\",unbound=\"" + std::string(unbound_version) +
                  '"',
              "1");
  return std::move(text).take();
}

void write_metrics(const std::filesystem::path& file, const std::string& text) {
  // node_exporter reads *.prom only.
  const std::filesystem::path part = file.native() + ".part";
  const auto failed = [&](const std::filesystem::path& what) {
    throw std::system_error(errno, std::generic_category(), what.string());
  };
  const int fd = open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) {
    failed(part);
  }
  // node_exporter is another user, whatever the umask is (of contrib/packaging, 0027).
  (void)fchmod(fd, 0644); // where it fails, who may read it reads it
  const ssize_t wrote = write(fd, text.data(), text.size());
  const int reason = wrote < 0 ? errno : ENOSPC;
  close(fd);
  if (wrote != static_cast<ssize_t>(text.size())) {
    unlink(part.c_str());
    errno = reason;
    failed(part);
  }
  if (rename(part.c_str(), file.c_str()) != 0) {
    failed(file);
  }
}

} // namespace nearmiss
