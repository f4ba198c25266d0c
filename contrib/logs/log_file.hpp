// Log files read line by line, plain or compressed (contrib/logs/octets.hpp), at the speed of the
// disk.
//
// The name "-" is standard input. A last line without a newline is a line. The next block is read
// and decompressed while the caller is at work on this one. Memory: two blocks of 1 MiB, and what
// the decompression needs.
#pragma once

#include "contrib/logs/octets.hpp"

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::logs {

struct Line {
  // Without its newline. At least `padding` octets after its end may be read (not used).
  std::string_view text;
  std::size_t number = 0; // from 1
};

// What could not be read, and where: counted in full, the first few places kept.
class Damage {
 public:
  static constexpr std::size_t kept = 5;
  struct Place {
    std::string file;
    std::size_t line = 0; // from 1
    std::string why;
  };

  void add(const std::string& file, std::size_t line, std::string_view why);
  // A file with lines of which not one was understood.
  void add_file(const std::string& file) { files_.push_back(file); }

  std::uint64_t count() const noexcept { return count_; }
  const std::vector<Place>& places() const noexcept { return places_; }
  const std::vector<std::string>& files() const noexcept { return files_; }

 private:
  std::uint64_t count_ = 0;
  std::vector<std::string> files_;
  std::vector<Place> places_;
};

// Not safe for use by several threads.
class LogFile {
 public:
  static constexpr std::size_t padding = 64;         // as simdjson wants it
  static constexpr std::size_t longest_line = 65536; // octets; our events have some 1200

  // Throws FileError.
  explicit LogFile(std::string name);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // The next line, valid until the next call; false at the end. Lines that are too long, and
  // compressed data that breaks off, are added to `damage`; after the latter there is no more.
  // Throws FileError where the disk fails.
  bool next(Line& line, Damage& damage);

  const std::string& name() const noexcept { return name_; }
  // Octets of the file read so far, and in all (0: not known), both as they lie on the disk.
  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t size() const noexcept { return file_.size(); }

 private:
  struct Chunk { // one read
    std::vector<char> octets;
    std::size_t got = 0;
    std::uint64_t position = 0;
  };
  static Chunk read(Octets& file, std::vector<char> octets);
  bool fill(Damage& damage); // false: nothing more came
  bool tell_end(Damage& damage);
  bool skip_long(Damage& damage);

  std::string name_;
  Octets file_;
  std::future<Chunk> next_; // on its way; gone before file_ is
  std::uint64_t position_ = 0;
  std::vector<char> block_; // what was read, and the padding
  std::size_t begin_ = 0, end_ = 0;
  std::size_t number_ = 0;
  bool ended_ = false, end_reported_ = false;
};

} // namespace nearmiss::logs
