// A log file as it grows, across its rotation.
//
// When the file is renamed and another one made in its place, the old one is read to its end and
// then the new one from its start. When it is cut to nothing (copytruncate), reading goes on at the
// start. Nothing is waited for: the caller asks again after a while.
#pragma once

#include <cstdint>
#include <string>
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

 private:
  bool open_file();
  void read_rest(std::vector<std::string>& lines);

  std::string name_;
  int fd_ = -1;
  std::uint64_t position_ = 0, inode_ = 0, device_ = 0;
  std::string partial_; // a line whose newline has not come
};

} // namespace nearmiss::logs
