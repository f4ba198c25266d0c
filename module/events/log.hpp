// The event log: events handed over by the resolver's threads, worded and written by one thread of
// its own, so that a slow disk delays no answer.
//
// What was lost, on the way to this thread (queue.hpp) or in a sink (sink.hpp), leaves
// a gap in event.sequence there, is counted, and is told by an event of its own as soon as one can
// be written again.
//
// A disk that hangs in write(2) stops that thread, and nothing else: attempts wait in the queue and
// are then lost, the admin is told in Unbound's log, and the module can still end.
#pragma once

#include "module/busy_domains.hpp"
#include "module/events/format.hpp"
#include "module/events/maker.hpp"
#include "module/events/queue.hpp"
#include "module/events/sink.hpp"

#include <spdlog/logger.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace nearmiss {

class EventLog {
 public:
  using Clock = std::chrono::system_clock; // of the events' times

  // Starts the writing thread: call after Unbound's fork. There is no sink before configure().
  // `complain` gets lines for the admin, from that thread too. Throws std::system_error, and
  // std::runtime_error if there is no public suffix list.
  explicit EventLog(Complain complain);
  // Writes what waits, then ends the thread; waits for it, if end() has not been called.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // As the destructor does, but false if the thread still hangs in a disk after `patience`. It is
  // left behind then, and this object with all that its work uses must live as long as the process.
  bool end(std::chrono::milliseconds patience);
  // Tells the admin, once, if the thread has hung for long, and when it does no more. For one
  // thread.
  void look_for_hanging_disk();

  // Safe from any thread; does not block, allocate or throw.
  void attempt(const Attempt& attempt, const std::shared_ptr<const EventPolicy>& policy,
               Clock::time_point time) noexcept;
  // Safe from any thread. `policy` may be null. Throws std::bad_alloc.
  void notice(Notice notice, std::shared_ptr<const EventPolicy> policy);

  // Goes on with the sinks of other settings; nothing is done if they are the same. Throws
  // std::system_error if a file cannot be opened, and goes on with the old ones then, unless it may
  // be awaited. For one thread at a time.
  void configure(const LogSettings& settings, Unopened unopened = Unopened::refused);
  // Calls `work` now and then every so often, on the writing thread; empty: no more. For one thread
  // at a time.
  void every(std::chrono::seconds interval, std::function<void()> work);

  struct Counts {
    std::uint64_t numbered = 0; // events so far, written or not
    std::uint64_t written = 0;  // by every sink
    std::uint64_t lost = 0;     // by the sink that lost most, and on the way to it
  };
  // Safe from any thread. When the log is idle, written + lost = numbered.
  Counts counts() const;
  // The registered domains of the attempts that came here. For the work of every() alone.
  std::vector<BusyDomains::Domain> busy_domains() const;

 private:
  // The sinks of one format, so that each event is worded once for all of them.
  struct Route {
    std::unique_ptr<const EventFormat> format;
    std::unique_ptr<spdlog::logger> logger;
  };
  struct Sinks {
    std::vector<Route> routes;
    std::vector<std::shared_ptr<EventSink>> all;
  };
  std::shared_ptr<EventSink> open(const LogSink& sink, Unopened unopened) const;
  Sinks open(const LogSettings& settings, Unopened unopened) const;
  void adopt(Sinks sinks);
  void adopt_next(std::uint64_t sequence);
  void run() noexcept;
  void complain(const std::exception& e) noexcept;
  void write(const EventQueue::Batch& batch);
  void write(const EventRecord& record, const EventQueue::Batch& batch,
             BusyDomains::Clock::time_point now);
  void tell_losses();
  void tell_losses(const std::string& where, std::uint64_t count);
  std::chrono::milliseconds patience() const;
  void do_due_work();

  static constexpr std::chrono::seconds hangs{10}; // if that long with one batch

  const Complain complain_;
  const EventOrigin origin_ = EventOrigin::here();
  EventQueue queue_;
  std::atomic<bool> any_sink_{false}, has_next_{false};
  std::atomic<std::uint64_t> unworded_{0}; // events lost because there was no memory for their text
  std::atomic<std::chrono::steady_clock::time_point> busy_since_{}; // the thread; {}: it waits
  bool told_of_hanging_ = false; // of look_for_hanging_disk()'s caller
  LogSettings settings_;         // of configure()'s caller

  // The writing thread's own.
  EventMaker maker_;
  BusyDomains busy_domains_;
  LineBuffer line_;
  std::vector<Route> routes_;
  std::uint64_t told_dropped_ = 0, told_unworded_ = 0;
  std::shared_ptr<const EventPolicy> last_policy_; // of the last event

  mutable std::mutex mutex_; // over what follows
  std::vector<std::shared_ptr<EventSink>> sinks_;
  std::unique_ptr<Sinks> next_;  // to be adopted by the writing thread ...
  std::uint64_t next_after_ = 0; // ... behind the event of this number
  Counts before_;                // of sinks that are no more
  std::chrono::seconds interval_{0};
  std::shared_ptr<std::function<void()>> work_;
  std::chrono::steady_clock::time_point due_{};
  bool ended_ = false; // the thread has done all its work
  std::condition_variable ends_;

  std::thread thread_; // last: uses all of the above
};

} // namespace nearmiss
