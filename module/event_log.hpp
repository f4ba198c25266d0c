// The event log: lines handed over by the resolver's threads, written to a file by one thread of
// its own, so that a slow disk delays no answer.
//
// At most `queue_events` lines wait. When more come, the oldest is dropped; what was dropped or
// could not be written is counted, told by an event of its own as soon as a line can be written
// again, and leaves a gap in event.sequence. The file is opened for appending, written in whole
// lines, and opened anew when it was renamed or removed (logrotate's `create`).
#pragma once

#include "module/event.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

namespace nearmiss {

class FileSink;

class EventLog {
 public:
  static constexpr std::size_t queue_events = 16384; // about 16 MB when full

  // Starts the writing thread: call after Unbound's fork. `complain` gets a line for the admin
  // where the file cannot be written, once until it can be again, from the writing thread. An empty
  // `file` writes nothing. Throws std::system_error if the file cannot be opened.
  EventLog(const std::filesystem::path& file, EventWriter& writer,
           const std::function<void(const std::string&)>& complain);
  // Writes what waits, then ends the thread.
  ~EventLog();
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  // Hands one line over; does not block. Safe from any thread.
  void write(std::string_view line);

  // Events that are in the file, and that never will be. Safe from any thread.
  std::uint64_t written() const noexcept;
  std::uint64_t lost() const noexcept;

 private:
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<FileSink> sink_;
  std::shared_ptr<spdlog::async_logger> logger_;
};

} // namespace nearmiss
