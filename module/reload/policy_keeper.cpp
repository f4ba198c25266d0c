#include "module/reload/policy_keeper.hpp"

#include "config/diagnostics.hpp"
#include "module/events/notices.hpp"
#include "module/version.hpp"

#include <algorithm>
#include <exception>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace nearmiss {

namespace {

// What outlives a keeper. Written by the one thread that loads.
struct LastGood {
  std::shared_ptr<const Config> config;
  std::uint64_t generation = 0;
};
// Of the process, as the module is. Never destroyed: Unbound may end without deinit, and then other
// threads still run while the process' globals go.
LastGood& last_good = *new LastGood; // NOLINT

std::chrono::sys_days today() {
  return std::chrono::floor<std::chrono::days>(PolicyKeeper::Clock::now());
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
  Loaded loaded = examine(
      // The resolver has to come up: see LoadFor.
      [](PolicyKeeper& keeper) {
        return load(keeper.file_, today(), last_good.config.get(), LoadFor::start);
      });
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
  state_ = StateFile(last_good.config->control.state);
  auto policy = std::make_shared<const PolicySnapshot>(last_good.config, last_good.generation,
                                                       read_state(), metrics_.rule_hits());
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
  count_in_force();
  report_state();
}

void PolicyKeeper::begin_reload() noexcept {
  loader_.begin(file_, today(), last_good.config);
}

LoadOutcome PolicyKeeper::finish_reload() noexcept {
  std::shared_ptr<const PolicySnapshot> policy;
  std::shared_ptr<const Config> before;
  try {
    const Loaded loaded = examine([](PolicyKeeper& keeper) { return keeper.loader_.take(); });
    last_load_.at = Clock::now();
    if (!loaded.config) {
      refuse(loaded.error);
      return LoadOutcome::refused;
    }
    const bool mended = !last_load_.error.empty();
    if (loaded.config->digest == current().config->digest) {
      last_load_.outcome = LoadOutcome::unchanged;
      last_load_.error.clear();
      changed_();
      count_in_force(); // a list may have been written again as it was
      if (mended) {     // the refusal was told, so its end is
        tell(current().config.get(), current());
      }
      return LoadOutcome::unchanged;
    }
    policy = make(loaded.config, overrides());
    const StateFile state(loaded.config->control.state);
    const bool moves = state.path() != state_.path();
    if (moves) {
      state.write(overrides());
    }
    try {
      configure(*loaded.config);
    } catch (const std::exception&) {
      if (moves) {
        discard(state);
      }
      throw;
    }
    if (moves) {
      discard(state_);
      state_ = state;
    }
    before = current().config;
    put_in_force(policy);
    last_load_.outcome = LoadOutcome::loaded;
    last_load_.error.clear();
    last_load_.since = last_load_.at;
    count_in_force();
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

std::shared_ptr<const PolicySnapshot> PolicyKeeper::make(std::shared_ptr<const Config> config,
                                                         Overrides overrides) {
  return std::make_shared<const PolicySnapshot>(std::move(config), last_good.generation + 1,
                                                std::move(overrides), metrics_.rule_hits());
}

void PolicyKeeper::put_in_force(std::shared_ptr<const PolicySnapshot> next) noexcept {
  last_good = {next->config, next->generation};
  snapshot_->publish(std::move(next));
  changed_();
}

void PolicyKeeper::override_with(Overrides overrides) {
  const auto policy = make(current().config, std::move(overrides));
  state_.write(policy->overrides.overrides());
  state_problem_.clear(); // it has been replaced
  put_in_force(policy);
  count_in_force();
}

void PolicyKeeper::count_in_force() {
  const PolicySnapshot& policy = current();
  const auto end = overrides().next_end();
  ends_at_ = std::chrono::steady_clock::time_point::max();
  if (end != Overrides::Time::max()) {
    ends_at_ = std::chrono::steady_clock::now() + (end - Clock::now());
  }
  Metrics::InForce in_force{policy.generation,
                            policy.config->digest,
                            std::string(policy.events->version()),
                            enforcing(Clock::now()),
                            {}};
  for (const SourceFile& file : files_) {
    const auto modified = file.state.modified();
    if (modified && &file != &files_.front()) { // which is the policy
      in_force.lists.emplace_back(printable(file.path.native()), *modified);
    }
  }
  metrics_.in_force(std::move(in_force));
}

void PolicyKeeper::end_overrides(Clock::time_point now) noexcept {
  try {
    Overrides left = overrides();
    if (std::chrono::steady_clock::now() >= ends_at_) { // though the time was set back
      now = std::max(now, left.next_end());
    }
    const Overrides ended = left.take_ended(now);
    if (ended.empty()) {
      return;
    }
    try {
      override_with(left);
    } catch (const std::system_error& e) {
      // What the file says of it is over as well, so it need not be written.
      log_(true, std::string("what has ended cannot be taken out of the state file: ") + e.what());
      put_in_force(make(current().config, std::move(left)));
      count_in_force();
    }
    report(ended, Switched::ended_by_itself);
  } catch (const std::exception& e) {
    complain(e.what()); // no memory: it has ended all the same, and this is tried again
  }
}

// What was switched before this start of the module.
Overrides PolicyKeeper::read_state() {
  auto overrides = state_.read(state_problem_);
  if (!overrides) {
    log_(true, "the state file is not taken, so nothing is switched and the policy says what is "
               "blocked: " +
                   state_problem_);
    return {};
  }
  (void)overrides->take_ended(Clock::now());
  return *std::move(overrides);
}

void PolicyKeeper::discard(const StateFile& state) {
  try {
    state.write({});
  } catch (const std::system_error& e) {
    log_(true, std::string("a state file that is not used cannot be removed: ") + e.what());
  }
}

void PolicyKeeper::report(const Overrides& switched, Switched how, uid_t user) noexcept {
  try {
    for (Notice& notice : switch_notices(switched, how, user, current().config->policy)) {
      log_(false, notice.message);
      events_.notice(std::move(notice), current().events);
    }
  } catch (const std::exception& e) {
    complain(e.what()); // in force it is all the same
  }
}

// What the state file had to say when the module started.
void PolicyKeeper::report_state() {
  if (!state_problem_.empty()) {
    events_.notice({.action = "state-refused", .success = false, .message = state_problem_},
                   current().events);
  } else if (state_.is_volatile()) {
    log_(false, state_.path().native() + " would be lost when the machine restarts (tmpfs); name "
                                         "a place on a disk in `control: {state: ...}`");
  }
  report(overrides(), Switched::still_at_start);
}

// Takes up a load's result. Logs every diagnostic, but what was said of the last try not again.
PolicyKeeper::Loaded PolicyKeeper::examine(LoadResult (*load_policy)(PolicyKeeper&)) {
  Loaded loaded;
  try {
    LoadResult result = load_policy(*this);
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
  metrics_.published(rules.rule_count(), last_load_.since);
  events_.notice(policy_loaded(before, *policy.config, line), policy.events);
}

} // namespace nearmiss
