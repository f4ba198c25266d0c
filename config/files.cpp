#include "config/files.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nearmiss {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
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

std::string cannot_open(int error) {
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return "no such file; check the path";
  case EACCES:
  case EPERM:
    return "this user (uid " + std::to_string(geteuid()) +
           ") may not read it; change its mode, its folder's mode or an AppArmor profile";
  case ELOOP:
    return "its symbolic links lead in a circle; name the file itself";
  default:
    return "it cannot be opened (" + std::generic_category().message(error) + ")";
  }
}

std::string not_regular(mode_t mode) {
  if (S_ISDIR(mode)) {
    return "it is a folder; name a file in it";
  }
  if (S_ISFIFO(mode)) {
    return "it is a FIFO; name a regular file";
  }
  return "it is a device or a socket; name a regular file";
}

std::chrono::system_clock::time_point modified_at(const struct stat& info) {
  using std::chrono::system_clock;
  return system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(
      std::chrono::seconds(info.st_mtim.tv_sec) + std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

} // namespace

std::optional<FileBytes> PolicyFiles::read_policy(const std::filesystem::path& file,
                                                  Report& report) {
  remember(file);
  std::string problem;
  auto content = read(file, problem);
  if (!content) {
    report.error(file, {}, "the policy cannot be read: " + problem);
    return std::nullopt;
  }
  policy_ = content->identity;
  return std::move(content->bytes);
}

std::optional<PolicyFiles::List> PolicyFiles::read_list(const std::filesystem::path& file,
                                                        Place place, Report& report) {
  remember(file);
  const std::string& policy = sources_.front().path.native();
  std::string problem;
  auto content = read(file, problem);
  if (content && content->identity == policy_) {
    problem = "it is this policy file; name a list of domains";
    content.reset();
  }
  if (!content) {
    report.error(policy, place, "the list " + shown(file.native()) + " cannot be used: " + problem);
    return std::nullopt;
  }
  // Where the list ends: a name that moves from its end to the next one's head is a change.
  hash_.update('\0' + std::to_string(content->bytes.size()) + '\0');
  return List{std::move(content->bytes), content->modified};
}

std::string PolicyFiles::digest() {
  return hash_.hex();
}

std::optional<PolicyFiles::Content> PolicyFiles::read(const std::filesystem::path& file,
                                                      std::string& problem) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer. Not mmap: a list that somebody cuts
  // short while it is read would end the resolver with SIGBUS.
  const Descriptor fd(open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat info {};
  if (fd.get() < 0 || fstat(fd.get(), &info) != 0) {
    problem = cannot_open(errno);
    return std::nullopt;
  }
  if (!S_ISREG(info.st_mode)) {
    problem = not_regular(info.st_mode);
    return std::nullopt;
  }
  const auto octets = static_cast<std::uintmax_t>(info.st_size);
  if (octets > most_octets) {
    problem = "it has " + std::to_string(octets) + " octets, and " + std::to_string(most_octets) +
              " is the most; check the path, or write several lists";
    return std::nullopt;
  }
  Content content{{}, {info.st_dev, info.st_ino}, modified_at(info)};
  std::size_t used = 0;
  content.bytes.resize(octets + 1); // one more, to see the end
  for (;;) {
    if (used == content.bytes.size()) {
      content.bytes.resize(used * 2);
    }
    const ssize_t got = ::read(fd.get(), content.bytes.data() + used, content.bytes.size() - used);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      problem = "reading it fails (" + std::generic_category().message(errno) + ")";
      return std::nullopt;
    }
    if (got == 0) {
      break;
    }
    used += static_cast<std::size_t>(got);
  }
  content.bytes.resize(used);
  struct stat after {};
  if (fstat(fd.get(), &after) != 0 || after.st_size != info.st_size ||
      after.st_mtim.tv_sec != info.st_mtim.tv_sec ||
      after.st_mtim.tv_nsec != info.st_mtim.tv_nsec) {
    problem = "somebody wrote to it while it was read; load it again, and write it under another "
              "name and rename it";
    return std::nullopt;
  }
  hash_.update(content.bytes);
  return content;
}

void PolicyFiles::remember(const std::filesystem::path& file) {
  if (std::ranges::find(sources_, file, &SourceFile::path) == sources_.end()) {
    sources_.push_back({file, FileState::of(file)});
  }
}

} // namespace nearmiss
