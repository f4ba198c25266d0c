// The events of several logs as one stream in the order of time.
//
// Rotated logs follow one another, whatever order they are named in; the logs of several resolvers
// that ran at the same time are merged. Inside one file the order of its lines is kept. A file is
// open only while its time is due, so a year of rotated logs takes the memory of one.
#pragma once

#include "contrib/logs/event.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace nearmiss::logs {

// The files by the time of their first event; those without one last.
// Throws FileError.
std::vector<std::string> in_order_of_time(const std::vector<std::string>& files);

// Not safe for use by several threads.
class EventStream {
 public:
  // Throws FileError if one of them cannot be opened.
  explicit EventStream(const std::vector<std::string>& files);
  ~EventStream();
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;

  // The next event, valid until the next call; null at the end. Throws FileError.
  const Event* next();

  std::uint64_t events() const noexcept { return events_; }
  std::uint64_t foreign() const noexcept { return foreign_; } // lines that are no events of ours
  const Damage& damage() const noexcept { return damage_; }
  // For a progress line: the file being read, and octets of all files, read and in all.
  const std::string& file() const noexcept { return file_; }
  std::uint64_t position() const noexcept;
  std::uint64_t size() const noexcept { return size_; }

 private:
  struct Source;
  bool advance(Source& source); // false: it has no more
  void open_those_due();

  std::vector<std::unique_ptr<Source>> waiting_; // by the time of their first events, latest first
  std::vector<std::unique_ptr<Source>> active_;
  Source* current_ = nullptr; // the one whose event was given out
  Damage damage_;
  std::uint64_t events_ = 0, foreign_ = 0, size_ = 0, finished_octets_ = 0;
  std::string file_;
};

} // namespace nearmiss::logs
