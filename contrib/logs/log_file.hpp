// Log files read line by line, plain or compressed with gzip, at the speed of the disk.
//
// A file is told apart by its content: what begins as gzip is inflated (several members one after
// the other, as logrotate and `cat a.gz b.gz` make them, are one text). The name "-" is standard
// input. A last line without a newline is a line. The next block is read and inflated while the
// caller is at work on this one. Memory: two blocks of 1 MiB.
#pragma once

#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct gzFile_s;

namespace nearmiss::logs {

// Why a file cannot be read at all, as a sentence with the file's name and the remedy.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Why a file could not be opened or read, and the remedy, by errno.
std::string why_not(int error);

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
  std::uint64_t count() const noexcept { return count_; }
  const std::vector<Place>& places() const noexcept { return places_; }

 private:
  std::uint64_t count_ = 0;
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
  std::uint64_t size() const noexcept { return size_; }

 private:
  struct Chunk { // one read, and how it went
    std::vector<char> octets;
    int got = 0, zlib_error = 0, error = 0;
    std::string message;
    std::uint64_t position = 0;
  };
  static Chunk read(gzFile_s* file, std::vector<char> octets);
  bool fill(Damage& damage); // false: nothing more came
  bool tell_end(Damage& damage);
  bool skip_long(Damage& damage);

  std::string name_;
  std::unique_ptr<gzFile_s, int (*)(gzFile_s*)> file_;
  std::future<Chunk> next_; // on its way; gone before file_ is
  bool regular_ = false;
  std::uint64_t size_ = 0, position_ = 0;
  std::vector<char> block_; // what was read, and the padding
  std::size_t begin_ = 0, end_ = 0;
  std::size_t number_ = 0;
  bool ended_ = false;
  std::string broken_; // what is wrong after what was read
};

} // namespace nearmiss::logs
