#include "contrib/logs/octets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <bzlib.h>
#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

namespace nearmiss::logs {

using namespace std::string_view_literals;

namespace {

constexpr std::size_t block_octets = std::size_t{1} << 18U;
constexpr std::size_t head_octets = 16;

struct Magic {
  std::string_view octets, name;
};
constexpr std::array magics{
    Magic{"\x1f\x8b"sv, "gzip"},
    Magic{"\xfd\x37zXZ\0"sv, "xz"},
    Magic{"\x28\xb5\x2f\xfd"sv, "zstd"},
    Magic{"BZh"sv, "bzip2"},
    // Known, and not read:
    Magic{"\x04\x22\x4d\x18"sv, "lz4"},
    Magic{"\x1f\x9d"sv, "compress"},
    Magic{"LZIP"sv, "lzip"},
    Magic{"\x5d\0\0"sv, "lzma"},
    Magic{"\x89LZO\0"sv, "lzop"},
    Magic{"PK\x03\x04"sv, "zip"},
    Magic{"7z\xbc\xaf\x27\x1c"sv, "7-Zip"},
};

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

std::string_view compression_of(std::string_view head) noexcept {
  const auto found = std::ranges::find_if(
      magics, [&](const Magic& magic) { return head.starts_with(magic.octets); });
  if (found == magics.end()) {
    return {};
  }
  // "BZh" alone may begin a line of text.
  const bool bzip2 =
      found->name != "bzip2" || (head.size() >= 10 && head[3] >= '1' && head[3] <= '9' &&
                                 (head.substr(4, 6) == "\x31\x41\x59\x26\x53\x59"sv ||
                                  head.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"sv));
  return bzip2 ? found->name : std::string_view();
}

// One way of compression. run() takes from the input and gives to the output what it can.
struct Octets::Decoder {
  enum class State { more, end_of_member, damaged, no_memory };
  struct Span {
    char* data;
    std::size_t size;
  };

  Decoder() = default;
  virtual ~Decoder() = default;
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  virtual void start() = 0; // of a member
  // Both spans lose what was used of them.
  virtual State run(Span& in, Span& out) = 0;
};

namespace {

using Decoder = Octets::Decoder;
using State = Decoder::State;

template<typename Size> void used(Decoder::Span& span, Size left) {
  span.data += span.size - static_cast<std::size_t>(left);
  span.size = static_cast<std::size_t>(left);
}

void check(bool good) {
  if (!good) {
    throw std::bad_alloc(); // the only failure of a decoder's start with fixed arguments
  }
}

class Gzip : public Decoder {
 public:
  Gzip() { check(inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK); }
  ~Gzip() override { inflateEnd(&stream_); }
  void start() override { check(inflateReset(&stream_) == Z_OK); }
  State run(Span& in, Span& out) override {
    stream_.next_in = reinterpret_cast<Bytef*>(in.data);
    stream_.avail_in = static_cast<uInt>(in.size);
    stream_.next_out = reinterpret_cast<Bytef*>(out.data);
    stream_.avail_out = static_cast<uInt>(out.size);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    used(in, stream_.avail_in);
    used(out, stream_.avail_out);
    return result == Z_STREAM_END                    ? State::end_of_member
           : result == Z_MEM_ERROR                   ? State::no_memory
           : result == Z_OK || result == Z_BUF_ERROR ? State::more
                                                     : State::damaged;
  }

 private:
  z_stream stream_{};
};

class Bzip2 : public Decoder {
 public:
  Bzip2() { check(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK); }
  ~Bzip2() override { BZ2_bzDecompressEnd(&stream_); }
  void start() override {
    BZ2_bzDecompressEnd(&stream_);
    stream_ = {};
    check(BZ2_bzDecompressInit(&stream_, 0, 0) == BZ_OK);
  }
  State run(Span& in, Span& out) override {
    stream_.next_in = in.data;
    stream_.avail_in = static_cast<unsigned>(in.size);
    stream_.next_out = out.data;
    stream_.avail_out = static_cast<unsigned>(out.size);
    const int result = BZ2_bzDecompress(&stream_);
    used(in, stream_.avail_in);
    used(out, stream_.avail_out);
    return result == BZ_STREAM_END  ? State::end_of_member
           : result == BZ_MEM_ERROR ? State::no_memory
           : result == BZ_OK        ? State::more
                                    : State::damaged;
  }

 private:
  bz_stream stream_{};
};

class Xz : public Decoder {
 public:
  static constexpr std::uint64_t most_memory = std::uint64_t{256} << 20U; // xz -9 needs 65 MiB
  Xz() { Xz::start(); }
  ~Xz() override { lzma_end(&stream_); }
  void start() override { check(lzma_stream_decoder(&stream_, most_memory, 0) == LZMA_OK); }
  State run(Span& in, Span& out) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data);
    stream_.avail_in = in.size;
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data);
    stream_.avail_out = out.size;
    const lzma_ret result = lzma_code(&stream_, LZMA_RUN);
    used(in, stream_.avail_in);
    used(out, stream_.avail_out);
    return result == LZMA_STREAM_END                                   ? State::end_of_member
           : result == LZMA_MEM_ERROR || result == LZMA_MEMLIMIT_ERROR ? State::no_memory
           : result == LZMA_OK || result == LZMA_BUF_ERROR             ? State::more
                                                                       : State::damaged;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

class Zstd : public Decoder {
 public:
  Zstd() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) { check(stream_ != nullptr); }
  void start() override { ZSTD_DCtx_reset(stream_.get(), ZSTD_reset_session_only); }
  State run(Span& in, Span& out) override {
    ZSTD_inBuffer input{in.data, in.size, 0};
    ZSTD_outBuffer output{out.data, out.size, 0};
    const std::size_t result = ZSTD_decompressStream(stream_.get(), &output, &input);
    used(in, input.size - input.pos);
    used(out, output.size - output.pos);
    return result == 0                 ? State::end_of_member
           : ZSTD_isError(result) != 0 ? State::damaged
                                       : State::more;
  }

 private:
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> stream_;
};

std::unique_ptr<Decoder> decoder_of(std::string_view compression) {
  if (compression == "gzip") {
    return std::make_unique<Gzip>();
  }
  if (compression == "xz") {
    return std::make_unique<Xz>();
  }
  if (compression == "zstd") {
    return std::make_unique<Zstd>();
  }
  return compression == "bzip2" ? std::make_unique<Bzip2>() : nullptr;
}

} // namespace

Octets::Octets(std::string name) : name_(std::move(name)), block_(block_octets) {
  fd_ = name_ == "-" ? dup(STDIN_FILENO) : open(name_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0) {
    throw FileError(name_ + ": " + why_not(errno));
  }
  struct stat status {};
  if (fstat(fd_, &status) == 0 && S_ISDIR(status.st_mode)) {
    close(fd_); // no destructor runs
    throw FileError(name_ + ": it is a directory; name the log files in it");
  }
  regular_ = S_ISREG(status.st_mode);
  size_ = regular_ ? static_cast<std::uint64_t>(status.st_size) : 0;
  posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL); // a hint: the result does not matter
  if (regular_ && name_ != "-") { // standard input has one place for all that read it
    try {
      look_at_head();
    } catch (...) {
      close(fd_);
      throw;
    }
  }
}

Octets::~Octets() {
  close(fd_);
}

bool Octets::fill() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  }
  ssize_t got = 0;
  do {
    got = ::read(fd_, block_.data() + end_, block_.size() - end_);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    throw FileError(name_ + ": " + why_not(errno));
  }
  end_ += static_cast<std::size_t>(got);
  position_ += static_cast<std::uint64_t>(got);
  return got > 0;
}

void Octets::look_at_head() {
  while (end_ < head_octets && fill()) {
    // A line of text needs no more to be told from compressed data.
    if (regular_ || std::memchr(block_.data(), '\n', end_) != nullptr) {
      break;
    }
  }
  const std::string_view compression = compression_of({block_.data(), end_});
  decoder_ = decoder_of(compression);
  if (decoder_ == nullptr && !compression.empty()) {
    throw FileError(name_ + ": it is compressed by " + std::string(compression) +
                    ", which is not read here; uncompress it (gzip, xz, zstd and bzip2 are read)");
  }
}

std::size_t Octets::read(char* out, std::size_t size) {
  if (position_ == 0) {
    look_at_head(); // what is no file has not been waited for
  }
  if (decoder_ != nullptr) {
    return decode(out, size);
  }
  if (begin_ < end_) {
    const std::size_t part = std::min(size, end_ - begin_);
    std::memcpy(out, block_.data() + begin_, part);
    begin_ += part;
    return part;
  }
  ssize_t got = 0;
  do {
    got = ::read(fd_, out, size);
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    throw FileError(name_ + ": " + why_not(errno));
  }
  position_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

std::size_t Octets::decode(char* out, std::size_t size) {
  bool drained = false; // what the decoder holds was asked for, at the end of the file
  Decoder::Span output{out, size};
  while (!ended_ && output.size == size) {
    if (begin_ == end_ && !fill()) {
      if (between_members_ || drained) {
        ended_ = true;
        broken_ = between_members_ ? "" : "the compressed data breaks off here";
        break;
      }
      drained = true;
    }
    if (between_members_) {
      while (begin_ < end_ && block_[begin_] == '\0') {
        ++begin_; // padding, as xz and tapes have it
      }
      if (begin_ == end_) {
        continue;
      }
      decoder_->start();
      between_members_ = false;
    }
    Decoder::Span input{block_.data() + begin_, end_ - begin_};
    const Decoder::State state = decoder_->run(input, output);
    begin_ = end_ - input.size;
    between_members_ = state == Decoder::State::end_of_member;
    if (state == Decoder::State::damaged || state == Decoder::State::no_memory) {
      ended_ = true;
      broken_ = state == Decoder::State::damaged
                    ? "the compressed data is damaged from here on"
                    : "there is not enough memory to decompress what follows";
    }
  }
  return size - output.size;
}

} // namespace nearmiss::logs
