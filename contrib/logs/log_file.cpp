#include "contrib/logs/log_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

namespace nearmiss::logs {

namespace {

constexpr std::size_t chunk_octets = std::size_t{1} << 20U;
constexpr std::size_t block_octets = chunk_octets + LogFile::longest_line + 1; // and a line begun

} // namespace

std::string why_not(int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return "no such file; check the path";
  }
  if (error == EACCES || error == EPERM) {
    return "this user may not read it; run as one that may, root or the one Unbound runs as";
  }
  return "it cannot be read (" + std::generic_category().message(error) + ')';
}

void Damage::add(const std::string& file, std::size_t line, std::string_view why) {
  ++count_;
  if (places_.size() < kept) {
    places_.push_back({file, line, std::string(why)});
  }
}

LogFile::LogFile(std::string name)
    : name_(std::move(name)), file_(nullptr, gzclose), block_(block_octets + padding) {
  const int fd = name_ == "-" ? dup(STDIN_FILENO) : open(name_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    throw FileError(name_ + ": " + why_not(errno));
  }
  struct stat status {};
  if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(fd);
    throw FileError(name_ + ": it is a directory; name the log files in it");
  }
  regular_ = S_ISREG(status.st_mode);
  size_ = regular_ ? static_cast<std::uint64_t>(status.st_size) : 0;
  posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL); // a hint: the result does not matter
  file_.reset(gzdopen(fd, "rb"));
  if (file_ == nullptr) {
    close(fd);
    throw std::bad_alloc();
  }
  gzbuffer(file_.get(), 1U << 18U);
}

LogFile::~LogFile() = default;

LogFile::Chunk LogFile::read(gzFile_s* file, std::vector<char> octets) {
  Chunk chunk{.octets = std::move(octets), .message = {}};
  chunk.got = gzread(file, chunk.octets.data(), static_cast<unsigned>(chunk.octets.size()));
  chunk.error = errno;
  chunk.message = gzerror(file, &chunk.zlib_error);
  const auto at = gzoffset(file);
  chunk.position = at < 0 ? 0 : static_cast<std::uint64_t>(at);
  return chunk;
}

bool LogFile::fill(Damage& damage) {
  if (ended_) {
    return tell_end(damage);
  }
  std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  Chunk chunk = next_.valid() ? next_.get() : read(file_.get(), std::vector<char>(chunk_octets));
  position_ = chunk.position;
  if (chunk.zlib_error == Z_ERRNO) {
    throw FileError(name_ + ": " + why_not(chunk.error));
  }
  if (chunk.zlib_error != Z_OK) {
    broken_ = chunk.zlib_error == Z_BUF_ERROR
                  ? "the compressed data breaks off here"
                  : "the compressed data is damaged from here on: " + chunk.message;
    ended_ = true;
  }
  if (chunk.got <= 0) {
    ended_ = true;
    return tell_end(damage);
  }
  std::memcpy(block_.data() + end_, chunk.octets.data(), static_cast<std::size_t>(chunk.got));
  end_ += static_cast<std::size_t>(chunk.got);
  // Of what is no file the next octets may never come, and then nobody could end the reading.
  if (regular_ && !ended_) {
    next_ = std::async(std::launch::async, read, file_.get(), std::move(chunk.octets));
  }
  return true;
}

// What is wrong behind the last octets is told behind the last line.
bool LogFile::tell_end(Damage& damage) {
  if (!broken_.empty()) {
    damage.add(name_, number_ + 1, broken_);
    broken_.clear();
  }
  return false;
}

bool LogFile::next(Line& line, Damage& damage) {
  std::size_t searched = 0; // octets of the line that hold no newline
  for (;;) {
    const char* start = block_.data() + begin_;
    const auto* newline =
        static_cast<const char*>(std::memchr(start + searched, '\n', end_ - begin_ - searched));
    if (newline == nullptr && end_ - begin_ <= longest_line) {
      searched = end_ - begin_;
      if (fill(damage)) {
        continue;
      }
      if (searched == 0) {
        return false;
      }
      newline = block_.data() + end_; // the last line, without one
      start = block_.data() + begin_;
    }
    ++number_;
    const auto length =
        newline == nullptr ? longest_line + 1 : static_cast<std::size_t>(newline - start);
    if (length > longest_line) {
      damage.add(name_, number_, "longer than any event or query");
      if (!skip_long(damage)) {
        return false;
      }
      searched = 0;
      continue;
    }
    line = {{start, length}, number_};
    begin_ = std::min(begin_ + length + 1, end_);
    return true;
  }
}

// To behind the next newline; false if there is none.
bool LogFile::skip_long(Damage& damage) {
  for (;;) {
    const auto* newline =
        static_cast<const char*>(std::memchr(block_.data() + begin_, '\n', end_ - begin_));
    if (newline != nullptr) {
      begin_ = static_cast<std::size_t>(newline - block_.data()) + 1;
      return true;
    }
    begin_ = end_;
    if (!fill(damage)) {
      return false;
    }
  }
}

} // namespace nearmiss::logs
