#include "contrib/logs/log_file.hpp"

#include <algorithm>
#include <cstring>

namespace nearmiss::logs {

namespace {

constexpr std::size_t chunk_octets = std::size_t{1} << 20U;
constexpr std::size_t block_octets = chunk_octets + LogFile::longest_line + 1; // and a line begun

} // namespace

void Damage::add(const std::string& file, std::size_t line, std::string_view why) {
  ++count_;
  if (places_.size() < kept) {
    places_.push_back({file, line, std::string(why)});
  }
}

LogFile::LogFile(std::string name)
    : name_(std::move(name)), file_(name_), block_(block_octets + padding) {}

LogFile::~LogFile() = default;

LogFile::Chunk LogFile::read(Octets& file, std::vector<char> octets) {
  Chunk chunk{.octets = std::move(octets)};
  chunk.got = file.read(chunk.octets.data(), chunk.octets.size());
  chunk.position = file.position();
  return chunk;
}

bool LogFile::fill(Damage& damage) {
  if (ended_) {
    return tell_end(damage);
  }
  std::memmove(block_.data(), block_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  Chunk chunk = next_.valid() ? next_.get() : read(file_, std::vector<char>(chunk_octets));
  position_ = chunk.position;
  if (chunk.got == 0) {
    ended_ = true;
    return tell_end(damage);
  }
  std::memcpy(block_.data() + end_, chunk.octets.data(), chunk.got);
  end_ += chunk.got;
  // Of what is no file the next octets may never come, and then nobody could end the reading.
  if (file_.regular()) {
    next_ = std::async(std::launch::async, read, std::ref(file_), std::move(chunk.octets));
  }
  return true;
}

// What is wrong after the last octets is reported after the last line.
bool LogFile::tell_end(Damage& damage) {
  if (!file_.broken().empty() && !end_reported_) {
    damage.add(name_, number_ + 1, file_.broken());
    end_reported_ = true;
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
