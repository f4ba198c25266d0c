#include "module/reload/housekeeping.hpp"

#include "module/reload/status.hpp"
#include "module/reload/switches.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <malloc.h>
#include <system_error>
#include <utility>

namespace nearmiss {

namespace {

using Clock = FileWatch::Clock;
std::string text_of(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
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
    socket_.emplace(wanted,
                    [this](std::string_view command, uid_t user) { return answer(command, user); });
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

// A thousandth of a second later at the earliest, so that what is due is due.
int Housekeeping::wait_in_ms() const {
  using std::chrono::milliseconds;
  constexpr milliseconds longest{10000}; // a disk may hang, a clock be set
  auto due = socket_ ? socket_->due() : Clock::time_point::max();
  if (!keeper_.reloading()) {
    due = std::min({due, watch_.due(), retry_});
  }
  auto wait = std::min<Clock::duration>(due - std::min(due, Clock::now()), longest);
  if (const auto end = keeper_.overrides().next_end(); end != Overrides::Time::max()) {
    const auto now = PolicyKeeper::Clock::now();
    wait = std::min<Clock::duration>(wait, end - std::min(end, now));
  }
  return static_cast<int>(std::chrono::ceil<milliseconds>(wait).count());
}

void Housekeeping::step() {
  // While the files are read they are not watched: then it is the end of that which is waited for.
  // One descriptor less, as poll(2) takes no more than the process may have.
  const bool was_reloading = keeper_.reloading();
  const int awaited = was_reloading ? keeper_.reload_descriptor() : watch_.descriptor();
  std::vector<pollfd> polled{{stop_, POLLIN, 0}, {awaited, POLLIN, 0}};
  const std::size_t first_of_socket = polled.size();
  if (socket_) {
    socket_->add_to(polled);
  }
  if (poll(polled.data(), polled.size(), wait_in_ms()) < 0 && errno != EINTR) {
    throw std::system_error(errno, std::generic_category(), "poll");
  }
  const bool came = polled[1].revents != 0;
  if (came && !was_reloading) {
    watch_.hints();
  }
  if (socket_) {
    socket_->serve(polled.data() + first_of_socket, polled.size() - first_of_socket);
  }
  keeper_.events().look_for_hanging_disk();
  keeper_.end_overrides(PolicyKeeper::Clock::now());
  if (keeper_.reloading()) {
    if (came && was_reloading) {
      end_reload();
    }
  } else if (Clock::now() >= watch_.due() && watch_.changed()) {
    retry_after_ = first_retry;
    keeper_.begin_reload();
  } else if (Clock::now() >= retry_) {
    keeper_.begin_reload();
  }
}

void Housekeeping::end_reload() {
  const LoadOutcome outcome = keeper_.finish_reload();
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
  if (std::exchange(once_more_, false)) { // asked for while the files were being read
    keeper_.begin_reload();
    return;
  }
  if (socket_) {
    Json answer = load_outcome_of(keeper_);
    answer["generation"] = keeper_.current().generation;
    socket_->answer_waiting(text_of(answer));
  }
  if (outcome == LoadOutcome::loaded) {
    open_socket(); // which may be another one: clients of the one before have their answers
  }
}

std::optional<std::string> Housekeeping::answer(std::string_view command, uid_t user) noexcept {
  try {
    if (command == "status") {
      return text_of(status_of(keeper_));
    }
    if (command == "reload") {
      once_more_ = keeper_.reloading();
      if (!once_more_) {
        keeper_.begin_reload();
      }
      return std::nullopt;
    }
    if (const auto switched = switch_by(keeper_, command, user)) {
      return text_of(*switched);
    }
    return text_of({{"error", "unknown command; there are status, reload, observe, enforce, allow "
                              "and take-back"}});
  } catch (const std::exception&) {
    return "{}"; // out of memory; an empty answer says as much
  }
}

} // namespace nearmiss
