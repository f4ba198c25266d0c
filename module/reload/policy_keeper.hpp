// Loads the policy, puts it in force, and keeps the last good one when the file is wrong. Over it
// lie the overrides (module/overrides.hpp) that an admin has switched on for a while.
//
// A load is a transaction: the new policy is read and checked aside, then published with one atomic
// step or dropped. The last good policy outlives the keeper (the module stays mapped over Unbound's
// own reloads), so that a file that becomes wrong never leaves the resolver without any.
#pragma once

#include "module/events/notices.hpp"
#include "module/metrics.hpp"
#include "module/reload/current_snapshot.hpp"
#include "module/reload/policy_loader.hpp"
#include "module/reload/state_file.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace nearmiss {

enum class LoadOutcome {
  loaded,    // a new policy is in force
  unchanged, // the files are what the policy in force was made of
  refused,   // something is wrong; the last good policy stays
};
std::string_view to_string(LoadOutcome outcome) noexcept;

class PolicyKeeper {
 public:
  using Clock = std::chrono::system_clock;
  using LogLine = std::function<void(bool is_error, const std::string& line)>;

  struct LastLoad {
    LoadOutcome outcome = LoadOutcome::loaded;
    std::string error;         // why it was refused
    Clock::time_point at;      // of the try
    Clock::time_point since;   // when the policy in force was put there
    std::uint64_t refused = 0; // loads refused since the keeper was made, the same error once
  };

  // Loads the policy, or takes the last good one of the process. Throws std::runtime_error if there
  // is neither, std::system_error if an event log cannot be opened and there was no policy before:
  // a reload shall not end a resolver that would have served on. `changed` rids the host's caches
  // of what the policy in force lists; it shall not throw.
  PolicyKeeper(std::filesystem::path file, EventLog& events, Metrics& metrics,
               std::function<void()> changed, LogLine log);
  ~PolicyKeeper() = default;
  PolicyKeeper(const PolicyKeeper&) = delete;
  PolicyKeeper& operator=(const PolicyKeeper&) = delete;

  // From one thread, like everything else here but snapshot().enter(). The files are read in idle
  // time, as far as there is some, so that nobody who asks waits for that. Does not throw: what
  // goes wrong is a refusal. Unless that is what became of it, the host's caches hold nothing that
  // the policy in force lists when it returns, and only then is it told: they may have been filled
  // from a dump while nothing changed.
  LoadOutcome reload() noexcept {
    begin_reload();
    return finish_reload();
  }
  // The same in two steps, between which everything else here may be called: finish_reload() waits
  // no more once reload_descriptor() is readable.
  void begin_reload() noexcept;
  bool reloading() const noexcept { return loader_.running(); }
  int reload_descriptor() const noexcept { return loader_.descriptor(); }
  LoadOutcome finish_reload() noexcept;

  // Puts other overrides in force, under a new generation, once they are on the disk. Throws
  // std::system_error if they cannot be kept, std::bad_alloc: nothing has changed then.
  void override_with(Overrides overrides);
  const Overrides& overrides() const noexcept { return current().overrides.overrides(); }
  // Reports overrides that were put in force or ended.
  void report(const Overrides& switched, Switched how, uid_t user = 0) noexcept;
  bool enforcing(Clock::time_point now) const noexcept {
    return current().overrides.enforcing(current().config->policy, now);
  }
  // Takes back what has ended by that time; reports it.
  void end_overrides(Clock::time_point now) noexcept;
  const StateFile& state_file() const noexcept { return state_; }
  // Why the state file was not taken when the module started; empty: it was.
  const std::string& state_problem() const noexcept { return state_problem_; }

  CurrentSnapshot& snapshot() noexcept { return *snapshot_; }
  const PolicySnapshot& current() const noexcept { return *snapshot_->newest(); }
  EventLog& events() const noexcept { return events_; }
  const Metrics& metrics() const noexcept { return metrics_; }
  const LastLoad& last_load() const noexcept { return last_load_; }
  const std::filesystem::path& file() const noexcept { return file_; }
  // Those whose change calls for a reload: of the last try, whatever became of it.
  const std::vector<SourceFile>& files() const noexcept { return files_; }

 private:
  struct Loaded {
    std::shared_ptr<const Config> config; // null: refused
    std::string error;
  };
  Loaded examine(LoadResult (*load_policy)(PolicyKeeper&));
  Overrides read_state();
  void discard(const StateFile& state);
  void report_state();
  void count_in_force();
  std::shared_ptr<const PolicySnapshot> make(std::shared_ptr<const Config> config,
                                             Overrides overrides);
  void put_in_force(std::shared_ptr<const PolicySnapshot> next) noexcept;
  void refuse(const std::string& error);
  void configure(const Config& config, Unopened unopened = Unopened::refused);
  void tell(const Config* before, const PolicySnapshot& policy);
  void complain(const char* what) noexcept;

  std::filesystem::path file_;
  EventLog& events_;
  Metrics& metrics_;
  std::function<void()> changed_;
  LogLine log_;
  std::unique_ptr<CurrentSnapshot> snapshot_;
  std::vector<SourceFile> files_;
  LastLoad last_load_;
  StateFile state_{{}};
  std::string state_problem_;
  // When the next override ends by a clock that cannot be set back.
  std::chrono::steady_clock::time_point ends_at_ = std::chrono::steady_clock::time_point::max();
  PolicyLoader loader_; // last: its thread reads the file's name
};

} // namespace nearmiss
