// Notices that a file of the policy changed, by whatever way: written in place, replaced by a
// rename, removed, made again, or reached through a symbolic link that changed.
//
// The folders are watched with inotify(7), because a file that is replaced takes its watch along.
// What inotify says is only a hint to look; what counts is whether stat(2) tells another file, size
// or time than before. So missed hints (another host's write to a network file system, a full
// queue) are found by looking now and then anyway. For one thread.
#pragma once

#include "config/file_state.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

namespace nearmiss {

class FileWatch {
 public:
  using Clock = std::chrono::steady_clock;
  // How long a file must look the same before it counts as written.
  static constexpr std::chrono::milliseconds quiet{100};
  // How long a file that is written again and again may hold up the others.
  static constexpr std::chrono::seconds patience{2};
  // How often to look without a hint.
  static constexpr std::chrono::seconds look_interval{5};

  FileWatch();
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  // Watches these files and no others. How they were when they were read counts as seen, so that
  // one that changed since is noticed. A file need not exist.
  void watch(const std::vector<SourceFile>& files);

  int descriptor() const noexcept { return inotify_; } // readable: call hints(); -1: there is none
  void hints();

  // When to call changed() next.
  Clock::time_point due() const noexcept { return due_; }
  // True if a file differs from what was seen last, and all have been left alone for a while; or it
  // has been, and another one never is. All then count as seen.
  bool changed();

 private:
  using Looks = std::vector<FileState>; // of each file

  void watch_folder(const std::filesystem::path& folder);
  Looks look() const;

  int inotify_;
  std::vector<std::filesystem::path> files_;
  Looks seen_;
  Looks lately_; // as changed() found them the last time
  std::optional<Clock::time_point> changing_since_;
  std::map<std::filesystem::path, int> folders_; // and their watch descriptors
  Clock::time_point due_;
};

} // namespace nearmiss
