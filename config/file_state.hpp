// What the system tells of a file, so that a later look can tell whether it is still the same.
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <optional>

namespace nearmiss {

// What stat(2) says: which file it is, whose, how large, written when; or why it cannot be reached.
class FileState {
 public:
  static FileState of(const std::filesystem::path& file) noexcept;
  bool operator==(const FileState&) const = default;
  // When it was written; nullopt: it cannot be reached.
  std::optional<std::chrono::system_clock::time_point> modified() const noexcept;

 private:
  std::array<long long, 10> told_{};
};

// A file that was read, or should have been, and how it was just before that.
struct SourceFile {
  std::filesystem::path path;
  FileState state;
};

} // namespace nearmiss
