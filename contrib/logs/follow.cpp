#include "contrib/logs/follow.hpp"

#include "contrib/logs/log_file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nearmiss::logs {

namespace {

constexpr std::size_t most_recent = 256; // octets: a line's time and number are in them

} // namespace

Follow::Follow(std::string name) : name_(std::move(name)) {
  if (!open_file()) {
    throw FileError(name_ + ": " + why_not(errno));
  }
  std::array<char, 16> start{};
  const ssize_t got = pread(fd_, start.data(), start.size(), 0);
  const auto compression =
      compression_of({start.data(), got < 0 ? 0 : static_cast<std::size_t>(got)});
  if (!compression.empty()) {
    close(fd_); // no destructor runs
    throw FileError(name_ + ": it is compressed by " + std::string(compression) +
                    ", so nothing comes to it; name the log that is "
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
  recent_.clear();
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
    const std::string_view octets(block.data(), static_cast<std::size_t>(got));
    recent_ += octets.substr(octets.size() - std::min(octets.size(), most_recent));
    recent_.erase(0, recent_.size() - std::min(recent_.size(), most_recent));
    take(octets, lines);
  }
}

void Follow::take(std::string_view rest, std::vector<std::string>& lines) {
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

// Another file may stand in the old place: then the octets before it are others.
bool Follow::was_cut(std::uint64_t size) const {
  if (size < position_) {
    return true;
  }
  std::string before(recent_.size(), '\0');
  const ssize_t got =
      pread(fd_, before.data(), before.size(), static_cast<off_t>(position_ - recent_.size()));
  return got >= 0 && before != recent_;
}

// The rest of one file, if it goes on from what was read here.
bool Follow::read_copy(const std::string& file, std::vector<std::string>& lines) {
  try {
    Octets copy(file);
    std::vector<char> block(std::size_t{1} << 16U);
    std::string before; // the end of what was read, as the copy has it
    std::uint64_t place = 0;
    while (const std::size_t got = copy.read(block.data(), block.size())) {
      const std::string_view octets(block.data(), got);
      const auto left = static_cast<std::size_t>(
          std::min<std::uint64_t>(octets.size(), position_ - std::min(position_, place)));
      place += got;
      before += octets.substr(0, left);
      before.erase(0, before.size() - std::min(before.size(), recent_.size()));
      if (place >= position_) {
        if (before != recent_) {
          return false;
        }
        take(octets.substr(left), lines);
      }
    }
    return place >= position_ && before == recent_;
  } catch (const FileError&) {
    return false; // removed meanwhile, or no file: it is no copy that can be read
  }
}

bool Follow::read_copy(std::vector<std::string>& lines) {
  namespace fs = std::filesystem;
  const fs::path log(name_);
  std::vector<std::pair<fs::file_time_type, std::string>> found;
  std::error_code error;
  for (fs::directory_iterator at(log.has_parent_path() ? log.parent_path() : ".", error), end;
       !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    if (name.size() > log.filename().native().size() && name.starts_with(log.filename().native()) &&
        at->is_regular_file(error)) {
      found.emplace_back(at->last_write_time(error), at->path().native());
    }
  }
  constexpr std::size_t most_copies = 4; // the newest
  std::ranges::sort(found, std::greater());
  found.resize(std::min(found.size(), most_copies));
  return std::ranges::any_of(found,
                             [&](const auto& copy) { return read_copy(copy.second, lines); });
}

std::vector<std::string> Follow::more() {
  std::vector<std::string> lines;
  struct stat status {};
  const bool cut = fstat(fd_, &status) == 0 && was_cut(static_cast<std::uint64_t>(status.st_size));
  if (cut) {
    if (!read_copy(lines)) {
      lost_ = true;
      partial_.clear(); // else the rest of it comes in the new file
    }
    position_ = 0;
    recent_.clear();
  }
  read_rest(lines);
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
  }
  return lines;
}

} // namespace nearmiss::logs
