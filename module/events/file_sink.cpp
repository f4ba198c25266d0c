#include "module/events/sink.hpp"

#include "config/digest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <utility>

namespace nearmiss {

namespace {

// The right to chain lines to a file, for one sink of the process at a time. An instance of the
// module that ended while its disk hung keeps it until its thread ends.
class ChainLease {
 public:
  ChainLease() = default;
  ~ChainLease() {
    if (taken_) {
      const std::lock_guard lock(all().mutex);
      all().files.erase(file_);
    }
  }
  ChainLease(const ChainLease&) = delete;
  ChainLease& operator=(const ChainLease&) = delete;

  // False: another has it. Throws std::bad_alloc.
  bool take(const std::filesystem::path& file) {
    if (!taken_) {
      file_ = file.native();
      const std::lock_guard lock(all().mutex);
      taken_ = all().files.insert(file_).second;
    }
    return taken_;
  }

 private:
  struct All {
    std::mutex mutex;
    std::set<std::string> files;
  };
  static All& all() {
    static All& instance = *new All; // a thread that hangs may outlive the process's globals
    return instance;
  }

  std::string file_;
  bool taken_ = false;
};

class FileSink : public EventSink {
 public:
  FileSink(const std::filesystem::path& file, bool chain, Unopened unopened, Complain complain)
      : EventSink("file " + file.string(), std::move(complain)), file_(file), chained_(chain) {
    if (open()) {
      return;
    }
    const int reason = errno;
    close();
    if (unopened == Unopened::refused) {
      throw std::system_error(reason, std::generic_category(), file_.string());
    }
    fail(std::strerror(reason));
  }
  ~FileSink() override { close(); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

 private:
  void frame(const spdlog::details::log_msg& message, std::string& out) override {
    const std::string_view line(message.payload.data(), message.payload.size());
    out.reserve(out.size() + line.size() + LogChain::added + 1);
    if (chained_) { // with room for the value, which seal() finds when the line is written
      out.append(line, 0, line.size() - 1);
      out.append(LogChain::key).append(LogChain::start).append("\"}");
    } else {
      out += line;
    }
    out += '\n';
  }

  // Writes the values of the lines that have none yet.
  void seal() {
    if (!chain_) {
      // Now, not when the file was opened: the sink before this one had lines to write still.
      chain_.emplace(last_value());
    }
    std::size_t at = 0;
    for (std::size_t event = 0; event < waiting_sizes().size(); ++event) {
      const std::size_t size = waiting_sizes()[event];
      if (event >= sealed_) {
        char* const line = waiting_octets() + at;
        const std::size_t body = size - 2 - LogChain::added; // without the brace and the line's end
        const std::string& value = chain_->next({line, body});
        value.copy(line + body + LogChain::key.size(), value.size());
        sealed_ = event + 1;
      }
      at += size;
    }
  }

  // What the last sealed line near the file's end states: the chain goes on behind it.
  std::string last_value() const {
    constexpr off_t enough = off_t{256} * 1024; // some lines, and what somebody may have added
    struct stat status {};
    if (fd_ < 0 || fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode)) {
      return std::string(LogChain::start);
    }
    const off_t size = std::min(status.st_size, enough);
    std::string text(static_cast<std::size_t>(size), '\0');
    const ssize_t got = pread(fd_, text.data(), text.size(), status.st_size - size);
    std::string_view rest(text.data(), got < 0 ? 0 : static_cast<std::size_t>(got));
    while (!rest.empty()) {
      const std::size_t at = rest.rfind('\n');
      const std::string_view line = at == std::string_view::npos ? rest : rest.substr(at + 1);
      if (const std::string_view value = LogChain::split(line).second; !value.empty()) {
        return std::string(value);
      }
      rest = rest.substr(0, at == std::string_view::npos ? 0 : at);
    }
    return std::string(LogChain::start);
  }

  std::size_t pass_on() override {
    if (!reopen_if_moved()) {
      fail(std::strerror(errno));
      return 0;
    }
    if (chained_) {
      if (!lease_.take(file_)) {
        fail("another sink of this process, whose disk hung, has to end first");
        return 0;
      }
      seal();
    }
    const std::size_t events = write_waiting();
    sealed_ -= std::min(sealed_, events);
    return events;
  }

  std::size_t write_waiting() {
    const std::string_view text = waiting_text();
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t wrote = ::write(fd_, text.data() + done, text.size() - done);
      if (wrote < 0 && errno == EINTR) {
        continue;
      }
      if (wrote <= 0) {
        const int reason = wrote < 0 ? errno : ENOSPC;
        const std::size_t events = keep_whole_lines(done);
        fail(std::strerror(reason));
        return events;
      }
      done += static_cast<std::size_t>(wrote);
    }
    return waiting_sizes().size();
  }

  // What a failing write left of a line is cut off again. Returns how many events are whole.
  std::size_t keep_whole_lines(std::size_t written) {
    std::size_t events = 0;
    std::size_t whole = 0;
    for (const std::uint32_t size : waiting_sizes()) {
      if (whole + size > written) {
        break;
      }
      whole += size;
      ++events;
    }
    struct stat status {};
    const auto excess = static_cast<off_t>(written - whole);
    if (excess > 0 && fstat(fd_, &status) == 0 && status.st_size >= excess &&
        ftruncate(fd_, status.st_size - excess) != 0) {
      partial_line_ = true;
    }
    return events;
  }

  bool open() {
    // To read is needed only to see how the last line ends.
    const int flags = O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    fd_ = ::open(file_.c_str(), O_RDWR | flags, 0640);
    if (fd_ < 0 && errno == EACCES) {
      fd_ = ::open(file_.c_str(), O_WRONLY | flags, 0640);
    }
    struct stat status {};
    if (fd_ < 0 || fstat(fd_, &status) != 0) {
      return false;
    }
    device_ = status.st_dev;
    inode_ = status.st_ino;
    char last = '\n';
    partial_line_ = S_ISREG(status.st_mode) && status.st_size > 0 &&
                    pread(fd_, &last, 1, status.st_size - 1) == 1 && last != '\n';
    return true;
  }

  void close() {
    if (fd_ >= 0) {
      ::close(fd_);
      fd_ = -1;
    }
  }

  bool reopen_if_moved() {
    struct stat status {};
    const bool there = fd_ >= 0 && stat(file_.c_str(), &status) == 0 && status.st_dev == device_ &&
                       status.st_ino == inode_;
    if (!there) {
      close();
      if (!open()) {
        const int reason = errno;
        close();
        errno = reason;
        return false;
      }
    }
    // A process that was killed while it wrote left half a line: no event may be joined to it.
    if (partial_line_ && ::write(fd_, "\n", 1) != 1) {
      return false;
    }
    partial_line_ = false;
    return true;
  }

  const std::filesystem::path file_;
  const bool chained_;
  ChainLease lease_;
  std::optional<LogChain> chain_; // none before the first line
  std::size_t sealed_ = 0;        // of the events that wait, from the first on
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  bool partial_line_ = false; // the file ends in the middle of one
};

} // namespace

std::shared_ptr<EventSink> make_file_sink(const std::filesystem::path& file, bool chain,
                                          Unopened unopened, Complain complain) {
  return std::make_shared<FileSink>(file, chain, unopened, std::move(complain));
}

} // namespace nearmiss
