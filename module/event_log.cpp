#include "module/event_log.hpp"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

namespace nearmiss {

// Runs on the writing thread only, but for its making.
class FileSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  FileSink(std::filesystem::path file, EventWriter& writer, spdlog::details::thread_pool& pool,
           std::function<void(const std::string&)> complain)
      : file_(std::move(file)), writer_(writer), pool_(pool), complain_(std::move(complain)) {
    if (!open()) {
      throw std::system_error(errno, std::generic_category(), file_.string());
    }
  }
  ~FileSink() override { close(); }
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  std::uint64_t written() const noexcept { return written_.load(std::memory_order_relaxed); }
  std::uint64_t lost() const noexcept {
    return pool_.overrun_counter() + unwritten_.load(std::memory_order_relaxed);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    pending_.append(message.payload.data(), message.payload.size());
    pending_ += '\n';
    ++pending_events_;
    // A burst is written a block at a time. While this thread naps it waits for no signal, which
    // spares the resolver a system call an event.
    if (pool_.queue_size() == 0) {
      std::this_thread::sleep_for(nap);
    }
    if (pending_.size() >= block_octets || pool_.queue_size() == 0) {
      flush_();
    }
  }

  void flush_() override {
    if (pending_.empty()) {
      return;
    }
    tell_losses();
    reopen_if_moved();
    if (fd_ < 0 || !write_all(pending_)) {
      complain_once(std::strerror(errno));
      unwritten_.fetch_add(pending_events_, std::memory_order_relaxed);
    } else {
      written_.fetch_add(pending_events_, std::memory_order_relaxed);
      complained_ = false;
    }
    pending_.clear();
    pending_events_ = 0;
  }

 private:
  static constexpr std::size_t block_octets = 65536;
  static constexpr std::chrono::milliseconds nap{1};

  bool open() {
    fd_ = ::open(file_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    struct stat status {};
    if (fd_ < 0 || fstat(fd_, &status) != 0) {
      return false;
    }
    device_ = status.st_dev;
    inode_ = status.st_ino;
    return true;
  }

  void close() {
    if (fd_ >= 0) {
      ::close(fd_);
      fd_ = -1;
    }
  }

  void reopen_if_moved() {
    struct stat status {};
    if (fd_ >= 0 && stat(file_.c_str(), &status) == 0 && status.st_dev == device_ &&
        status.st_ino == inode_) {
      return;
    }
    close();
    open();
  }

  // Whole lines or none: what a failing write left of a line is cut off again.
  bool write_all(std::string_view text) {
    const off_t before = lseek(fd_, 0, SEEK_END);
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t wrote = ::write(fd_, text.data() + done, text.size() - done);
      if (wrote < 0 && errno == EINTR) {
        continue;
      }
      if (wrote <= 0) {
        const int reason = wrote < 0 ? errno : ENOSPC;
        if (before >= 0 && ftruncate(fd_, before) != 0) {
          complain_once(std::strerror(errno));
        }
        errno = reason;
        return false;
      }
      done += static_cast<std::size_t>(wrote);
    }
    return true;
  }

  // What was lost since the last time, in front of what is written next.
  void tell_losses() {
    const std::uint64_t now = lost();
    if (now > told_) {
      pending_.insert(0, writer_.lost(now - told_, EventWriter::Clock::now()) + '\n');
      told_ = now;
    }
  }

  void complain_once(const char* reason) {
    if (!std::exchange(complained_, true)) {
      complain_("event log " + file_.string() + ": " + reason +
                "; lookups stay blocked, their events are lost until it can be written again");
    }
  }

  std::filesystem::path file_;
  EventWriter& writer_;
  spdlog::details::thread_pool& pool_;
  std::function<void(const std::string&)> complain_;
  int fd_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::string pending_;
  std::uint64_t pending_events_ = 0;
  std::atomic<std::uint64_t> unwritten_{0};
  std::atomic<std::uint64_t> written_{0};
  std::uint64_t told_ = 0;
  bool complained_ = false;
};

EventLog::EventLog(const std::filesystem::path& file, EventWriter& writer,
                   const std::function<void(const std::string&)>& complain) {
  if (file.empty()) {
    return;
  }
  pool_ = std::make_shared<spdlog::details::thread_pool>(queue_events, 1);
  sink_ = std::make_shared<FileSink>(file, writer, *pool_, complain);
  logger_ = std::make_shared<spdlog::async_logger>("nearmiss", sink_, pool_,
                                                   spdlog::async_overflow_policy::overrun_oldest);
  logger_->set_pattern("%v");
  logger_->set_error_handler(
      [complain](const std::string& what) { complain("event log: " + what); });
}

EventLog::~EventLog() {
  if (logger_) {
    logger_->flush();
  }
  logger_.reset();
  pool_.reset(); // joins the thread once the queue is empty
}

std::uint64_t EventLog::written() const noexcept {
  return sink_ ? sink_->written() : 0;
}

std::uint64_t EventLog::lost() const noexcept {
  return sink_ ? sink_->lost() : 0;
}

void EventLog::write(std::string_view line) {
  if (logger_) {
    logger_->log(spdlog::level::info, line);
  }
}

} // namespace nearmiss
