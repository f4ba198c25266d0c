#include "module/reload/policy_keeper.hpp"

#include "module/events/notices.hpp"
#include "module/version.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace nearmiss {

namespace {

// What outlives a keeper. Written by the one thread that loads.
struct LastGood {
  std::shared_ptr<const Config> config;
  std::uint64_t generation = 0;
};
LastGood last_good; // NOLINT: of the process, as the module is

// As load(), in a thread that those that answer go before: where no processor is idle it gets about
// a thirtieth of one. (Priorities are of threads in Linux, and without privileges they cannot be
// raised again.)
LoadResult in_idle_time(const std::filesystem::path& file, std::chrono::sys_days today,
                        const Config* before) {
  constexpr int niceness = 15;
  LoadResult result;
  std::exception_ptr failure; // std::async would end the process where memory for it is short
  std::thread([&]() noexcept {
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
    try {
      result = load(file, today, before);
    } catch (...) {
      failure = std::current_exception();
    }
  }).join();
  if (failure) {
    std::rethrow_exception(failure);
  }
  return result;
}

} // namespace

std::string_view to_string(LoadOutcome outcome) noexcept {
  switch (outcome) {
  case LoadOutcome::loaded:
    return "loaded";
  case LoadOutcome::unchanged:
    return "unchanged";
  case LoadOutcome::refused:
    return "refused";
  }
  return "refused";
}

PolicyKeeper::PolicyKeeper(std::filesystem::path file, EventLog& events, Metrics& metrics,
                           std::function<void()> changed, LogLine log)
    : file_(std::move(file)), events_(events), metrics_(metrics), changed_(std::move(changed)),
      log_(std::move(log)) {
  const std::shared_ptr<const Config> before = last_good.config;
  Loaded loaded = load_file(load);
  last_load_.at = last_load_.since = Clock::now();
  const bool is_new = loaded.config && (!before || before->digest != loaded.config->digest);
  if (is_new) {
    try {
      configure(*loaded.config);
    } catch (const std::exception& e) {
      if (!before) {
        throw;
      }
      loaded = {nullptr, file_.native() + ": " + e.what()};
    }
  }
  if (loaded.config) {
    if (!last_good.config || last_good.config->digest != loaded.config->digest) {
      ++last_good.generation;
    }
    last_good.config = loaded.config;
  } else if (!last_good.config) {
    throw std::runtime_error(
        "no policy, so Unbound must not start: mend the file and see `nearmiss check`");
  }
  configure(*last_good.config, Unopened::awaited);
  auto policy = std::make_shared<const PolicySnapshot>(last_good.config, last_good.generation);
  events_.notice({.action = "module-started",
                  .message = "nearmiss " + std::string(version) + ", built for Unbound " +
                             std::string(unbound_version)},
                 policy->events);
  snapshot_ = std::make_unique<CurrentSnapshot>(policy);
  if (loaded.config) {
    tell(before.get(), *policy);
  } else {
    refuse(loaded.error);
  }
}

LoadOutcome PolicyKeeper::reload() noexcept {
  std::shared_ptr<const PolicySnapshot> policy;
  std::shared_ptr<const Config> before;
  try {
    const Loaded loaded = load_file(in_idle_time);
    last_load_.at = Clock::now();
    if (!loaded.config) {
      refuse(loaded.error);
      return LoadOutcome::refused;
    }
    const bool mended = !std::exchange(last_load_.error, {}).empty();
    if (loaded.config->digest == current().config->digest) {
      last_load_.outcome = LoadOutcome::unchanged;
      changed_();
      if (mended) { // the refusal was told, so its end is
        tell(current().config.get(), current());
      }
      return LoadOutcome::unchanged;
    }
    policy = std::make_shared<const PolicySnapshot>(loaded.config, last_good.generation + 1);
    configure(*loaded.config);
    before = current().config;
    snapshot_->publish(policy);
    changed_(); // before anything that can fail
    last_good = {loaded.config, policy->generation};
    last_load_.outcome = LoadOutcome::loaded;
    last_load_.since = last_load_.at;
  } catch (const std::exception& e) {
    try {
      refuse(file_.native() + ": " + e.what());
    } catch (const std::exception&) {
      last_load_.outcome = LoadOutcome::refused; // not even the words for it can be had
    }
    return LoadOutcome::refused;
  }
  try {
    tell(before.get(), *policy);
  } catch (const std::exception& e) {
    complain(e.what()); // in force it is all the same
  }
  return LoadOutcome::loaded;
}

// The policy file's new state. Logs every diagnostic, but what was said of the last try not again.
PolicyKeeper::Loaded PolicyKeeper::load_file(Load load_policy) {
  const auto today = std::chrono::floor<std::chrono::days>(Clock::now());
  Loaded loaded;
  try {
    LoadResult result = load_policy(file_, today, last_good.config.get());
    files_ = std::move(result.files);
    std::vector<std::pair<bool, std::string>> lines;
    std::size_t more_errors = 0;
    for (const Diagnostic& diagnostic : result.diagnostics) {
      const bool is_error = diagnostic.severity == Severity::error;
      lines.emplace_back(is_error, to_text(diagnostic));
      if (is_error && loaded.error.empty()) {
        loaded.error = lines.back().second;
      } else if (is_error) {
        ++more_errors;
      }
    }
    if (more_errors > 0) {
      loaded.error += " (and " + std::to_string(more_errors) +
                      (more_errors == 1 ? " more error" : " more errors") +
                      ": `nearmiss check` shows all)";
    }
    const bool news = loaded.error.empty() || loaded.error != last_load_.error;
    for (const auto& [is_error, line] : lines) {
      if (news) {
        log_(is_error, line);
      }
    }
    loaded.config = std::move(result.config);
  } catch (const std::exception& e) {
    loaded.error = file_.native() + ": " + e.what();
    for (SourceFile& file : files_) { // what is tried again at once fails again
      file.state = FileState::of(file.path);
    }
  }
  if (!loaded.config && loaded.error.empty()) {
    loaded.error = file_.native() + ": the policy was refused";
  }
  if (files_.empty()) {
    files_.push_back({file_, FileState::of(file_)});
  }
  return loaded;
}

// Before the policy is in force: what cannot be opened is a reason to refuse it, if it is new.
void PolicyKeeper::configure(const Config& config, Unopened unopened) {
  events_.configure(config.log, unopened);
  const MetricsSettings& settings = config.metrics;
  if (settings.file.empty()) {
    events_.every(std::chrono::seconds(settings.interval), {});
    return;
  }
  events_.every(std::chrono::seconds(settings.interval),
                [&metrics = metrics_, &events = events_, log = log_, file = settings.file,
                 complained = false]() mutable { // may outlive the keeper
                  try {
                    write_metrics(file, prometheus_text(metrics.snapshot(), events.counts(),
                                                        events.busy_domains()));
                    complained = false;
                  } catch (const std::system_error& e) {
                    if (!std::exchange(complained, true)) {
                      log(true, std::string("metrics: ") + e.what());
                    }
                  }
                });
}

void PolicyKeeper::refuse(const std::string& error) {
  const bool news = error != last_load_.error;
  last_load_.outcome = LoadOutcome::refused;
  last_load_.error = error;
  metrics_.refused();
  if (!news) {
    return; // it has been said
  }
  ++last_load_.refused;
  log_(true, error + "; the policy was refused, the last good one stays in force");
  events_.notice({.action = "policy-refused", .success = false, .message = error},
                 current().events);
}

void PolicyKeeper::complain(const char* what) noexcept {
  try {
    log_(true, what);
  } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no memory for the words
  }
}

void PolicyKeeper::tell(const Config* before, const PolicySnapshot& policy) {
  const Policy& rules = policy.config->policy;
  const std::string line = "policy " + file_.native() + " loaded, generation " +
                           std::to_string(policy.generation) + ": " +
                           std::to_string(rules.rule_count()) + " rules, " +
                           std::to_string(rules.name_count()) + " names";
  log_(false, line);
  metrics_.published(rules.rule_count(), policy.generation, last_load_.since);
  events_.notice(policy_loaded(before, *policy.config, line), policy.events);
}

} // namespace nearmiss
