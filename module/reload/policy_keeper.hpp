// Loads the policy, puts it in force, and keeps the last good one when the file is wrong.
//
// A load is a transaction: the new policy is read and checked aside, then published with one atomic
// step or dropped. The last good policy outlives the keeper (the module stays mapped over Unbound's
// own reloads), so that a file that becomes wrong never leaves the resolver without any.
#pragma once

#include "module/metrics.hpp"
#include "module/reload/current_snapshot.hpp"

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
  LoadOutcome reload() noexcept;

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
  using Load = decltype(load)*;
  Loaded load_file(Load load_policy);
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
};

} // namespace nearmiss
