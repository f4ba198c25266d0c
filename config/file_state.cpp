#include "config/file_state.hpp"

#include <cerrno>

#include <sys/stat.h>

namespace nearmiss {

FileState FileState::of(const std::filesystem::path& file) noexcept {
  FileState state;
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) {
    state.told_ = {errno};
  } else {
    state.told_ = {static_cast<long long>(info.st_dev),
                   static_cast<long long>(info.st_ino),
                   info.st_mode,
                   info.st_uid,
                   info.st_gid,
                   info.st_size,
                   info.st_mtim.tv_sec,
                   info.st_mtim.tv_nsec,
                   info.st_ctim.tv_sec,
                   info.st_ctim.tv_nsec};
  }
  return state;
}

std::optional<std::chrono::system_clock::time_point> FileState::modified() const noexcept {
  if (told_[1] == 0) { // no file has that inode
    return std::nullopt;
  }
  return std::chrono::system_clock::time_point(std::chrono::seconds(told_[6]));
}

} // namespace nearmiss
