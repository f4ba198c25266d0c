#include "module/reload/file_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <system_error>

namespace nearmiss {

FileWatch::FileWatch()
    : inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), due_(Clock::now() + look_interval) {}

FileWatch::~FileWatch() {
  if (inotify_ >= 0) {
    close(inotify_);
  }
}

void FileWatch::watch(const std::vector<SourceFile>& files) {
  files_.clear();
  seen_.clear();
  changing_since_.reset();
  std::set<std::filesystem::path> folders;
  for (const auto& [file, state] : files) {
    files_.push_back(file);
    seen_.push_back(state);
    const std::filesystem::path folder = file.parent_path();
    folders.insert(folder.empty() ? "." : folder);
    std::error_code unreachable; // then there is nothing behind the link to watch
    const std::filesystem::path real = std::filesystem::canonical(file, unreachable);
    if (!unreachable) {
      folders.insert(real.parent_path());
    }
  }
  for (auto folder = folders_.begin(); folder != folders_.end();) {
    if (folders.contains(folder->first)) {
      ++folder;
    } else {
      inotify_rm_watch(inotify_, folder->second);
      folder = folders_.erase(folder);
    }
  }
  for (const std::filesystem::path& folder : folders) {
    watch_folder(folder);
  }
  lately_ = look(); // with the folders watched, so that nothing changes unnoticed in between
  if (lately_ != seen_) {
    due_ = std::min(due_, Clock::now() + quiet);
  }
}

// Again and again: the kernel keeps one watch a folder, and makes a new one for a new folder of
// that name. A folder that cannot be watched is looked at now and then. No IN_MODIFY: the event log
// may be in the same folder.
void FileWatch::watch_folder(const std::filesystem::path& folder) {
  if (inotify_ < 0) {
    return;
  }
  const int watch =
      inotify_add_watch(inotify_, folder.c_str(),
                        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM |
                            IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF | IN_ONLYDIR);
  if (watch >= 0) {
    folders_[folder] = watch;
  }
}

FileWatch::Looks FileWatch::look() const {
  Looks looks;
  for (const std::filesystem::path& file : files_) {
    looks.push_back(FileState::of(file));
  }
  return looks;
}

void FileWatch::hints() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  while (read(inotify_, buffer.data(), buffer.size()) > 0) {
    due_ = std::min(due_, Clock::now() + quiet);
  }
}

bool FileWatch::changed() {
  const auto now = Clock::now();
  Looks looks = look();
  due_ = now + look_interval;
  if (looks == seen_) {
    lately_ = std::move(looks);
    changing_since_.reset();
    return false;
  }
  if (!changing_since_) {
    changing_since_ = now;
  }
  bool written = false;
  for (std::size_t file = 0; file < looks.size(); ++file) {
    written = written || (looks[file] != seen_[file] && looks[file] == lately_[file]);
  }
  const bool all_rest = looks == lately_;
  lately_ = std::move(looks);
  if (!all_rest && !(written && now - *changing_since_ >= patience)) {
    due_ = now + quiet;
    return false;
  }
  seen_ = lately_;
  changing_since_.reset();
  return true;
}

} // namespace nearmiss
