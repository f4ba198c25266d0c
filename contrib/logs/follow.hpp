// A log file as it grows, across its rotation.
//
// When the file is renamed and another one made in its place, the old one is read to its end and
// then the new one from its start. When it is cut to nothing (copytruncate), what had not been read
// is read from the copy beside it (NAME.1, NAME-20261123.gz, ...), which is found by its content,
// and then reading goes on at the start. That the file was cut is seen by its size, or, if it has
// grown past the old place again, by the octets before that place.
// Nothing is waited for: the caller asks again after a while.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nearmiss::logs {

// Not safe for use by several threads.
class Follow {
 public:
  // Opens the file. Throws FileError (contrib/logs/log_file.hpp).
  explicit Follow(std::string name);
  ~Follow();
  Follow(const Follow&) = delete;
  Follow& operator=(const Follow&) = delete;

  // The whole lines of the last `octets` of the file, without newlines; then more() goes on.
  std::vector<std::string> tail(std::uint64_t octets);
  // The whole lines that have come since, maybe none. Throws FileError if reading fails.
  std::vector<std::string> more();
  // Since the last call, was the file cut and no copy found? Lines may be missing then.
  bool lost_lines() { return std::exchange(lost_, false); }

 private:
  void take(std::string_view octets, std::vector<std::string>& lines);
  bool was_cut(std::uint64_t size) const;
  bool read_copy(std::vector<std::string>& lines);
  bool read_copy(const std::string& file, std::vector<std::string>& lines);
  bool open_file();
  void read_rest(std::vector<std::string>& lines);

  std::string name_;
  int fd_ = -1;
  std::uint64_t position_ = 0, inode_ = 0, device_ = 0;
  std::string recent_; // the octets before position_, to know a copy by
  bool lost_ = false;
  std::string partial_; // a line whose newline has not come
};

} // namespace nearmiss::logs
