#include "module/reload/housekeeping.hpp"

#include "module/version.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <malloc.h>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

namespace nearmiss {

namespace {

using Clock = FileWatch::Clock;
using Json = nlohmann::ordered_json;

std::string rfc3339(PolicyKeeper::Clock::time_point time) {
  const std::time_t seconds = PolicyKeeper::Clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &utc));
  return text;
}

Json outcome_of(const PolicyKeeper& keeper) {
  const auto& last = keeper.last_load();
  Json reload{{"outcome", to_string(last.outcome)}, {"at", rfc3339(last.at)}};
  if (!last.error.empty()) {
    reload["error"] = last.error;
  }
  return reload;
}

Json status_of(const PolicyKeeper& keeper) {
  const PolicySnapshot& policy = keeper.current();
  const Policy& rules = policy.config->policy;
  const EventLog::Counts events = keeper.events().counts();
  return {
      {"product", "nearmiss"},
      {"version", version},
      {"pid", getpid()},
      {"policy",
       {{"file", keeper.file().native()},
        {"generation", policy.generation},
        {"digest", policy.config->digest},
        {"mode", rules.enforcing() ? "enforce" : "observe"},
        {"rules", rules.rule_count()},
        {"names", rules.name_count()},
        {"protected_domains", rules.protected_count()},
        {"since", rfc3339(keeper.last_load().since)}}},
      {"last_reload", outcome_of(keeper)},
      {"reloads_refused", keeper.last_load().refused},
      {"queries", keeper.metrics().snapshot().blocked_or_observed()},
      {"events", {{"written", events.written}, {"lost", events.lost}}},
  };
}

} // namespace

Housekeeping::Housekeeping(PolicyKeeper& keeper, PolicyKeeper::LogLine log)
    : keeper_(keeper), log_(std::move(log)), stop_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (stop_ < 0) {
    throw std::system_error(errno, std::generic_category(), "an event descriptor");
  }
  // Before the thread is there: a file that changes in between is noticed by its first look.
  watch_.watch(keeper_.files());
  if (keeper_.last_load().outcome == LoadOutcome::refused) {
    retry_ = Clock::now() + first_retry;
  }
  if (watch_.descriptor() < 0) {
    log_(true, "inotify cannot be used, so changed files are noticed after some seconds only");
  }
  open_socket();
}

Housekeeping::~Housekeeping() {
  stop();
  close(stop_);
}

void Housekeeping::start() {
  thread_ = std::thread([this] { run(); });
}

void Housekeeping::stop() noexcept {
  const std::uint64_t one = 1;
  if (thread_.joinable()) {
    while (write(stop_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    thread_.join();
  }
  socket_.reset();
}

// Without its socket the module protects as well as with it.
void Housekeeping::open_socket() {
  const std::filesystem::path& wanted = keeper_.current().config->control.socket;
  if (socket_ && socket_->path() == wanted) {
    return;
  }
  socket_.reset();
  try {
    socket_.emplace(wanted, [this](std::string_view command) { return answer(command); });
  } catch (const std::exception& e) {
    log_(true,
         std::string("no control socket, so `nearmiss status` cannot be answered: ") + e.what());
  }
}

void Housekeeping::run() noexcept {
  for (;;) {
    try {
      for (;;) {
        std::uint64_t stop = 0;
        if (read(stop_, &stop, sizeof(stop)) == sizeof(stop)) {
          return;
        }
        step();
      }
    } catch (const std::exception& e) {
      // Out of memory, most likely: go on, in a while.
      try {
        log_(true, std::string("housekeeping: ") + e.what());
      } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no memory for the words
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
  }
}

void Housekeeping::step() {
  std::vector<pollfd> polled{{stop_, POLLIN, 0}, {watch_.descriptor(), POLLIN, 0}};
  const std::size_t first_of_socket = polled.size();
  if (socket_) {
    socket_->add_to(polled);
  }
  const auto due =
      std::min({watch_.due(), retry_, socket_ ? socket_->due() : Clock::time_point::max()});
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
  if (poll(polled.data(), polled.size(), static_cast<int>(std::clamp<long long>(wait, 0, 10000))) <
          0 &&
      errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  if (polled[1].revents != 0) {
    watch_.hints();
  }
  if (socket_) {
    socket_->serve(polled.data() + first_of_socket, polled.size() - first_of_socket);
  }
  keeper_.events().look_for_hanging_disk();
  if (Clock::now() >= watch_.due() && watch_.changed()) {
    retry_after_ = first_retry;
    reload();
  } else if (Clock::now() >= retry_) {
    reload();
  }
}

void Housekeeping::reload() {
  const LoadOutcome outcome = keeper_.reload();
  if (outcome == LoadOutcome::loaded) {
    open_socket();
  }
#ifdef __GLIBC__
  malloc_trim(0); // or the process would stay as large as it was while two policies were there
#endif
  watch_.watch(keeper_.files());
  if (outcome == LoadOutcome::refused) {
    retry_ = Clock::now() + retry_after_;
    retry_after_ = std::min(2 * retry_after_, last_retry);
  } else {
    retry_ = Clock::time_point::max();
  }
}

std::string Housekeeping::answer(std::string_view command) noexcept {
  try {
    Json answer;
    if (command == "status") {
      answer = status_of(keeper_);
    } else if (command == "reload") {
      reload();
      answer = outcome_of(keeper_);
      answer["generation"] = keeper_.current().generation;
    } else {
      answer["error"] = "unknown command; there are status and reload";
    }
    return answer.dump(-1, ' ', true, Json::error_handler_t::replace);
  } catch (const std::exception&) {
    return "{}"; // out of memory; an empty answer says as much
  }
}

} // namespace nearmiss
