// Where the events' lines go. All sinks are run by the event log's one thread.
//
// A sink keeps what it cannot pass on: up to `max_waiting` octets, tried again once a second. What
// comes when that is full is lost for this sink, counted, and told as soon as the sink works again.
// No sink waits for its receiver, but a file for its disk.
#pragma once

#include "rules/client.hpp"

#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace nearmiss {

// A line for the admin, in Unbound's log.
using Complain = std::function<void(const std::string&)>;

class EventSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  static constexpr std::size_t max_waiting = 1 << 20; // octets
  using Clock = std::chrono::steady_clock;

  // `name` as in "file /var/log/nearmiss.jsonl".
  EventSink(std::string name, Complain complain);
  ~EventSink() override = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;

  const std::string& name() const noexcept { return name_; }
  bool waiting() const noexcept { return !sizes_.empty(); }
  // It works, and has room: what it lost can be told.
  bool can_tell() const noexcept {
    return problem_.empty() && text_.size() - begin_ < max_waiting / 2;
  }
  // Lost since the last call that returned more than 0.
  std::uint64_t take_untold_losses() noexcept;
  // A last try, of two seconds at most; what cannot be passed on is lost.
  void give_up();

  // Safe from any thread.
  std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
  std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 protected:
  // Appends what is to be passed on for one event.
  virtual void frame(const spdlog::details::log_msg& message, std::string& out) = 0;
  // Passes on what it can of waiting_text(), and returns how many whole events that was. Calls
  // fail() where that was not all for another reason than a receiver that is busy, and lose() for
  // each of them that the receiver will never take.
  virtual std::size_t pass_on() = 0;

  void lose(const std::string& why);
  std::string_view waiting_text() const noexcept { return std::string_view(text_).substr(begin_); }
  char* waiting_octets() noexcept { return text_.data() + begin_; } // the same, to be changed
  const std::deque<std::uint32_t>& waiting_sizes() const noexcept { return sizes_; }
  void fail(const std::string& problem);

 private:
  static constexpr std::size_t block = 65536; // a burst is passed on in blocks of this
  static constexpr std::chrono::seconds retry_after{1};
  static constexpr std::chrono::seconds last_try{2};

  void sink_it_(const spdlog::details::log_msg& message) final;
  void flush_() final;

  const std::string name_;
  const Complain complain_;
  std::string text_; // of the events that wait, from begin_ on
  std::size_t begin_ = 0;
  std::deque<std::uint32_t> sizes_; // of each
  std::string problem_;             // empty: it works
  bool failed_ = false;             // this try
  std::size_t unflushed_ = 0;       // octets that came since the last try
  std::uint64_t refused_ = 0;       // this try: lose()
  Clock::time_point retry_at_{};
  std::uint64_t told_ = 0;
  std::atomic<std::uint64_t> written_{0}, lost_{0};
};

// What becomes of a file that cannot be opened.
enum class Unopened {
  refused, // std::system_error
  awaited, // complained of, and tried again as after a failure to write
};

// Opened for appending, written in whole lines, and opened anew when it was renamed or removed
// (logrotate's `create`); one that is truncated in place (`copytruncate`) is simply appended to.
// `chain`: each line ends with its value in a hash chain (config/digest.hpp), which goes on with
// what the file holds. Of the sinks that chain to one file, one at a time writes: a later one lets
// its events wait until the earlier has ended, which may hang in its disk.
std::shared_ptr<EventSink> make_file_sink(const std::filesystem::path& file, bool chain,
                                          Unopened unopened, Complain complain);

// These connect when there is something to pass on, so they can be made while nobody listens.
inline constexpr const char* syslog_socket = "/dev/log";
std::shared_ptr<EventSink> make_local_syslog_sink(const std::filesystem::path& socket,
                                                  Complain complain);
// `hostname`: of this machine, may be empty.
std::shared_ptr<EventSink> make_tcp_syslog_sink(const ClientAddress& host, std::uint16_t port,
                                                std::string hostname, Complain complain);
// Takes the lines of the journal's format.
inline constexpr const char* journal_socket = "/run/systemd/journal/socket";
std::shared_ptr<EventSink> make_journal_sink(const std::filesystem::path& socket,
                                             Complain complain);

} // namespace nearmiss
