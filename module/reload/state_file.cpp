#include "module/reload/state_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace nearmiss {

namespace {

constexpr std::size_t most_octets = std::size_t{256} * 1024; // far more than is ever written

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags, mode_t mode = 0)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(int reason, const std::filesystem::path& file) {
  throw std::system_error(reason, std::generic_category(), file.native());
}

std::filesystem::path folder_of(const std::filesystem::path& file) {
  return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

// What became of a name in the folder is on the disk too.
void sync_folder(const std::filesystem::path& file) {
  const Descriptor folder(folder_of(file), O_RDONLY | O_DIRECTORY);
  if (folder.get() < 0 || fsync(folder.get()) != 0) {
    fail(errno, folder_of(file));
  }
}

} // namespace

std::optional<Overrides> StateFile::read(std::string& problem) const {
  const Descriptor file(file_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  struct stat status {};
  if (file.get() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return Overrides{};
    }
    problem = file_.native() + ": " + std::generic_category().message(errno);
    return std::nullopt;
  }
  if (fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    problem = file_.native() + ": it is no regular file";
    return std::nullopt;
  }
  std::string text;
  std::array<char, 4096> block{};
  for (ssize_t got = 0; (got = ::read(file.get(), block.data(), block.size())) != 0;) {
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 || text.size() > most_octets) {
      problem = file_.native() + ": " +
                (got < 0 ? std::generic_category().message(errno) : "it is too large");
      return std::nullopt;
    }
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  std::string why;
  auto overrides = overrides_from_text(text, why);
  if (!overrides) {
    problem = file_.native() + ": " + why;
  }
  return overrides;
}

void StateFile::write(const Overrides& overrides) const {
  if (overrides.empty()) { // works on a full disk, too
    if (unlink(file_.c_str()) == 0) {
      sync_folder(file_);
    } else if (errno != ENOENT && errno != ENOTDIR) {
      fail(errno, file_);
    }
    return;
  }
  const std::string text = to_text(overrides);
  const std::filesystem::path part = file_.native() + ".part";
  (void)unlink(part.c_str()); // of a process that was killed while it wrote
  {
    const Descriptor made(part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0640);
    if (made.get() < 0) {
      fail(errno, part);
    }
    const ssize_t wrote = ::write(made.get(), text.data(), text.size());
    const bool whole = wrote == static_cast<ssize_t>(text.size());
    if (!whole || fchmod(made.get(), 0640) != 0 || fsync(made.get()) != 0) {
      const int reason = wrote >= 0 && !whole ? ENOSPC : errno;
      (void)unlink(part.c_str());
      fail(reason, file_);
    }
  }
  if (rename(part.c_str(), file_.c_str()) != 0) {
    const int reason = errno;
    (void)unlink(part.c_str());
    fail(reason, file_);
  }
  sync_folder(file_);
}

bool StateFile::is_volatile() const noexcept {
  struct statfs disk {};
  try {
    return statfs(folder_of(file_).c_str(), &disk) == 0 &&
           (disk.f_type == TMPFS_MAGIC || disk.f_type == RAMFS_MAGIC);
  } catch (const std::exception&) {
    return false; // no memory for the path; it is only a warning
  }
}

} // namespace nearmiss
