#include "contrib/logs/follow.hpp"

#include "contrib/logs/log_file.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nearmiss::logs {

Follow::Follow(std::string name) : name_(std::move(name)) {
  if (!open_file()) {
    throw FileError(name_ + ": " + why_not(errno));
  }
  std::array<char, 2> start{};
  if (pread(fd_, start.data(), start.size(), 0) == 2 && start == std::array{'\x1f', '\x8b'}) {
    close(fd_); // no destructor runs
    throw FileError(name_ + ": it is compressed, so nothing comes to it; name the log that is "
                            "being written, or read this one by `nearmiss report`");
  }
}

Follow::~Follow() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

bool Follow::open_file() {
  const int fd = open(name_.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0) {
    return false;
  }
  if (!S_ISREG(status.st_mode)) {
    close(fd);
    throw FileError(name_ + (S_ISDIR(status.st_mode)
                                 ? ": it is a directory; name the log file in it"
                                 : ": only a regular file can be followed"));
  }
  if (fd_ >= 0) {
    close(fd_);
  }
  fd_ = fd;
  position_ = 0;
  inode_ = status.st_ino;
  device_ = status.st_dev;
  partial_.clear();
  return true;
}

std::vector<std::string> Follow::tail(std::uint64_t octets) {
  struct stat status {};
  std::vector<std::string> lines;
  if (fstat(fd_, &status) != 0) {
    return lines;
  }
  const auto size = static_cast<std::uint64_t>(status.st_size);
  position_ = size > octets ? size - octets : 0;
  const bool cut = position_ > 0;
  read_rest(lines);
  if (cut && !lines.empty()) {
    lines.erase(lines.begin()); // its start was not read
  }
  return lines;
}

void Follow::read_rest(std::vector<std::string>& lines) {
  std::array<char, 65536> block{};
  for (;;) {
    const ssize_t got = pread(fd_, block.data(), block.size(), static_cast<off_t>(position_));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      throw FileError(name_ + ": " + why_not(errno));
    }
    if (got == 0) {
      return;
    }
    position_ += static_cast<std::uint64_t>(got);
    std::string_view rest(block.data(), static_cast<std::size_t>(got));
    for (std::size_t end = rest.find('\n'); end != std::string_view::npos; end = rest.find('\n')) {
      partial_ += rest.substr(0, end);
      lines.push_back(std::move(partial_));
      partial_.clear();
      rest.remove_prefix(end + 1);
    }
    partial_ += rest;
    if (partial_.size() > LogFile::longest_line) {
      lines.push_back(std::move(partial_)); // no event; the reader will say so
      partial_.clear();
    }
  }
}

std::vector<std::string> Follow::more() {
  std::vector<std::string> lines;
  read_rest(lines);
  struct stat status {};
  if (stat(name_.c_str(), &status) != 0) {
    return lines; // moved away, and no new one yet: the old one may still grow
  }
  if (status.st_ino != inode_ || status.st_dev != device_) {
    read_rest(lines); // what came between the reading and the renaming
    if (!partial_.empty()) {
      lines.push_back(std::move(partial_));
    }
    if (open_file()) {
      read_rest(lines);
    }
  } else if (static_cast<std::uint64_t>(status.st_size) < position_) {
    position_ = 0;
    partial_.clear();
    read_rest(lines);
  }
  return lines;
}

} // namespace nearmiss::logs
