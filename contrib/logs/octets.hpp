// The octets of a file, decompressed where it is compressed: gzip, xz, zstd and bzip2, told apart
// by the content. Several members one after the other, as logrotate and `cat a.gz b.gz` make them,
// are one text. What is compressed in a way that is not read here is refused by name: it is no log
// in which nothing was understood.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::logs {

// Why a file cannot be read at all, as a sentence with the file's name and the remedy.
struct FileError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Why a file could not be opened or read, and the remedy, by errno.
std::string why_not(int error);

// The name of the compression that a file with this head has; empty: none that is known.
std::string_view compression_of(std::string_view head) noexcept;

class Octets {
 public:
  // "-" is standard input. Throws FileError.
  explicit Octets(std::string name);
  ~Octets();
  Octets(const Octets&) = delete;
  Octets& operator=(const Octets&) = delete;

  // Up to `size` octets, as many as are there at once; 0 at the end. Throws FileError where the
  // disk fails.
  std::size_t read(char* out, std::size_t size);
  // Once read() gave 0: what is wrong with the compressed data after the octets so far; empty:
  // nothing.
  const std::string& broken() const noexcept { return broken_; }

  // Of the file as it lies on the disk: how much was read, and in all (0: not known).
  std::uint64_t position() const noexcept { return position_; }
  std::uint64_t size() const noexcept { return size_; }
  bool regular() const noexcept { return regular_; }

  struct Decoder;

 private:
  bool fill(); // false: the end of the file
  void look_at_head();
  std::size_t decode(char* out, std::size_t size);

  std::string name_;
  int fd_ = -1;
  bool regular_ = false, ended_ = false, between_members_ = true;
  std::uint64_t position_ = 0, size_ = 0;
  std::vector<char> block_; // as on the disk; block_[begin_, end_) is still to be taken
  std::size_t begin_ = 0, end_ = 0;
  std::unique_ptr<Decoder> decoder_; // none: plain text
  std::string broken_;
};

} // namespace nearmiss::logs
