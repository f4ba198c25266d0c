#include "module/events/log.hpp"

#include "config/diagnostics.hpp"
#include "rules/lookalikes/suffix.hpp"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

namespace nearmiss {

namespace {

// A thread that no signal of Unbound's is delivered to, and that a file size limit cannot kill the
// process through (SIGXFSZ).
std::thread quiet_thread(std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread thread(std::move(body));
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread.native_handle(), "nearmiss-log");
    return thread;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

// Tells a sink the kind of an event; spdlog has no "notice" between warn and info.
spdlog::level::level_enum level_of(const Event& event) {
  if (event.notice != nullptr) {
    return event.notice->success ? spdlog::level::debug : spdlog::level::err;
  }
  return event.enforced ? spdlog::level::warn : spdlog::level::info;
}

} // namespace

EventLog::EventLog(Complain complain) : complain_(std::move(complain)) {
  lookalike::load_public_suffixes(); // of which the thread makes the registered domains
  thread_ = quiet_thread([this] { run(); });
}

EventLog::~EventLog() {
  queue_.close();
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool EventLog::end(std::chrono::milliseconds patience) {
  queue_.close();
  {
    std::unique_lock lock(mutex_);
    if (!ends_.wait_for(lock, patience, [this] { return ended_; })) {
      thread_.detach();
      return false;
    }
  }
  thread_.join();
  return true;
}

void EventLog::look_for_hanging_disk() {
  const std::chrono::steady_clock::time_point since = busy_since_;
  const bool hanging = since != std::chrono::steady_clock::time_point{} &&
                       std::chrono::steady_clock::now() - since >= hangs;
  if (hanging != std::exchange(told_of_hanging_, hanging)) {
    complain_(hanging ? "event log: a disk hangs; lookups stay blocked, their events wait and are "
                        "lost when there is no more room, see `nearmiss status`"
                      : "event log: the disk that hung works again");
  }
}

void EventLog::attempt(const Attempt& attempt, const std::shared_ptr<const EventPolicy>& policy,
                       Clock::time_point time) noexcept {
  if (any_sink_.load(std::memory_order_relaxed)) {
    queue_.push(attempt, policy, time);
  }
}

void EventLog::notice(Notice notice, std::shared_ptr<const EventPolicy> policy) {
  if (any_sink_.load(std::memory_order_relaxed)) {
    notice.message = printable(notice.message); // may name a file, which may be any octets
    for (Notice::Field& field : notice.fields) {
      if (auto* text = std::get_if<std::string>(&field.value)) {
        *text = printable(*text);
      }
    }
    queue_.push(std::make_shared<const Notice>(std::move(notice)), std::move(policy), Clock::now());
  }
}

std::shared_ptr<EventSink> EventLog::open(const LogSink& sink, Unopened unopened) const {
  switch (sink.kind) {
  case LogSink::Kind::file:
    return make_file_sink(sink.file, sink.chain, unopened, complain_);
  case LogSink::Kind::syslog_local:
    return make_local_syslog_sink(syslog_socket, complain_);
  case LogSink::Kind::syslog_tcp:
    return make_tcp_syslog_sink(sink.host, sink.port, origin_.hostname, complain_);
  case LogSink::Kind::journald:
    return make_journal_sink(journal_socket, complain_);
  }
  throw std::logic_error("a sink of no kind");
}

EventLog::Sinks EventLog::open(const LogSettings& settings, Unopened unopened) const {
  Sinks sinks;
  std::map<std::string, std::vector<spdlog::sink_ptr>> by_format;
  for (const LogSink& sink : settings.sinks) {
    sinks.all.push_back(open(sink, unopened));
    const bool journal = sink.kind == LogSink::Kind::journald;
    by_format[journal                          ? "journal"
              : sink.format == LogFormat::ocsf ? "ocsf"
                                               : "ecs"]
        .push_back(sinks.all.back());
  }
  for (const auto& [name, members] : by_format) {
    auto logger = std::make_unique<spdlog::logger>(name, members.begin(), members.end());
    logger->set_level(spdlog::level::debug);
    logger->set_error_handler(
        [complain = complain_](const std::string& what) { complain("event log: " + what); });
    sinks.routes.push_back({name == "journal" ? make_journal_format(origin_)
                            : name == "ocsf"  ? make_ocsf_format(origin_)
                                              : make_ecs_format(origin_),
                            std::move(logger)});
  }
  return sinks;
}

// On the writing thread, or before there is one.
void EventLog::adopt(Sinks sinks) {
  for (const auto& sink : sinks_) { // which nobody else changes
    sink->give_up();                // without the lock: it may hang
  }
  const std::lock_guard lock(mutex_);
  Counts last;
  for (const auto& sink : sinks_) {
    last.written = std::max(last.written, sink->written());
    last.lost = std::max(last.lost, sink->lost());
  }
  before_.written += last.written;
  before_.lost += last.lost;
  routes_ = std::move(sinks.routes);
  sinks_ = std::move(sinks.all);
  any_sink_.store(!sinks_.empty(), std::memory_order_relaxed);
}

// Event `sequence` is about to be written: is it for other sinks than the one before?
void EventLog::adopt_next(std::uint64_t sequence) {
  if (!has_next_.load(std::memory_order_acquire)) {
    return;
  }
  std::unique_ptr<Sinks> next;
  {
    const std::lock_guard lock(mutex_);
    if (sequence > next_after_) {
      next = std::move(next_);
      has_next_.store(false, std::memory_order_relaxed);
    }
  }
  if (next) {
    for (const Route& route : routes_) {
      route.logger->flush();
    }
    adopt(std::move(*next));
  }
}

void EventLog::configure(const LogSettings& settings, Unopened unopened) {
  if (settings == settings_) {
    return;
  }
  auto sinks = std::make_unique<Sinks>(open(settings, unopened));
  settings_ = settings;
  if (!sinks->all.empty()) {
    any_sink_.store(true, std::memory_order_relaxed);
  }
  {
    const std::lock_guard lock(mutex_);
    next_ = std::move(sinks);
    next_after_ = queue_.numbered();
    has_next_.store(true, std::memory_order_release);
  }
  queue_.wake();
}

void EventLog::every(std::chrono::seconds interval, std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    interval_ = interval;
    work_ = work ? std::make_shared<std::function<void()>>(std::move(work)) : nullptr;
    due_ = {};
  }
  queue_.wake();
}

EventLog::Counts EventLog::counts() const {
  const std::lock_guard lock(mutex_);
  Counts counts;
  counts.numbered = queue_.numbered();
  for (const auto& sink : sinks_) {
    counts.lost = std::max(counts.lost, sink->lost());
    counts.written =
        &sink == &sinks_.front() ? sink->written() : std::min(counts.written, sink->written());
  }
  counts.written += before_.written;
  counts.lost += before_.lost + queue_.dropped() + unworded_.load(std::memory_order_relaxed);
  return counts;
}

std::vector<BusyDomains::Domain> EventLog::busy_domains() const {
  return busy_domains_.busiest(BusyDomains::Clock::now());
}

void EventLog::write(const EventQueue::Batch& batch) {
  const auto now = BusyDomains::Clock::now();
  for (const EventRecord& record : batch.records) {
    try {
      adopt_next(record.sequence);
      write(record, batch, now);
    } catch (const std::exception& e) { // no memory: the next one may find some
      unworded_.fetch_add(1, std::memory_order_relaxed);
      complain(e);
    }
  }
  for (const Route& route : routes_) {
    route.logger->flush();
  }
  if (!batch.records.empty() && batch.records.back().policy) {
    last_policy_ = batch.records.back().policy;
  }
}

void EventLog::write(const EventRecord& record, const EventQueue::Batch& batch,
                     BusyDomains::Clock::time_point now) {
  const Event& event = maker_.make(record, batch);
  if (event.notice == nullptr) {
    busy_domains_.count(event.registered_domain.empty() ? event.qname : event.registered_domain,
                        now);
  }
  for (const Route& route : routes_) {
    line_.clear();
    route.format->append(event, line_);
    try {
      route.logger->log(event.time, spdlog::source_loc{}, level_of(event), line_.text());
    } catch (const std::exception& e) { // the sink has counted it
      complain(e);
    }
  }
}

void EventLog::tell_losses(const std::string& where, std::uint64_t count) {
  if (count > 0) {
    Notice lost{.action = "events-lost", .success = false};
    lost.message = std::to_string(count) + " events could not be written, " + where;
    lost.category = "host";
    lost.fields = {{"nearmiss.events_lost", count}, {"nearmiss.lost_by", where}};
    notice(std::move(lost), last_policy_);
  }
}

void EventLog::tell_losses() {
  std::vector<std::shared_ptr<EventSink>> sinks;
  {
    const std::lock_guard lock(mutex_);
    sinks = sinks_;
  }
  const std::uint64_t dropped = queue_.dropped();
  tell_losses("queue full", dropped - told_dropped_); // throws where there is no memory for it
  told_dropped_ = dropped;
  const std::uint64_t unworded = unworded_.load(std::memory_order_relaxed);
  tell_losses("out of memory", unworded - told_unworded_);
  told_unworded_ = unworded;
  for (const auto& sink : sinks) {
    if (sink->can_tell()) {
      tell_losses(sink->name(), sink->take_untold_losses());
    }
  }
}

std::chrono::milliseconds EventLog::patience() const {
  using namespace std::chrono;
  const std::lock_guard lock(mutex_);
  milliseconds patience = hours(1);
  if (std::any_of(sinks_.begin(), sinks_.end(), [](const auto& sink) { return sink->waiting(); })) {
    patience = milliseconds(50);
  }
  if (work_) {
    const auto left = duration_cast<milliseconds>(due_ - steady_clock::now());
    patience = std::clamp(left, milliseconds(0), patience);
  }
  return patience;
}

void EventLog::do_due_work() {
  std::shared_ptr<std::function<void()>> work;
  {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (work_ && now >= due_) {
      due_ = now + interval_;
      work = work_;
    }
  }
  if (work) {
    (*work)();
  }
}

void EventLog::complain(const std::exception& e) noexcept {
  try {
    complain_(std::string("event log: ") + e.what());
  } catch (const std::exception&) { // NOLINT(bugprone-empty-catch): no memory for the words
  }
}

void EventLog::run() noexcept {
  EventQueue::Batch batch;
  bool more = true;
  while (more) {
    try {
      more = queue_.take(batch, patience());
      busy_since_ = std::chrono::steady_clock::now();
      const bool batch_was_empty = batch.records.empty();
      write(batch);
      batch.clear();
      if (batch_was_empty) {
        adopt_next(std::numeric_limits<std::uint64_t>::max());
      }
      tell_losses();
      do_due_work();
    } catch (const std::exception& e) {
      complain(e);
      batch.clear();
    }
    busy_since_ = std::chrono::steady_clock::time_point{};
  }
  try {
    // What was lost last is told behind the last event.
    if (queue_.take(batch, std::chrono::milliseconds(0))) {
      write(batch);
    }
    adopt({});
    {
      const std::lock_guard lock(mutex_);
      due_ = {};
    }
    do_due_work(); // with the last figures
  } catch (const std::exception& e) {
    complain(e);
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  ends_.notify_one();
}

} // namespace nearmiss
