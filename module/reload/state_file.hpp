// The file that keeps what an admin has switched (module/overrides.hpp) over a restart.
//
// It is replaced in one step and reaches the disk before it is in force, so after a loss of power
// it is the old one or the new one. No file: nothing is switched. For one thread.
#pragma once

#include "module/overrides.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace nearmiss {

class StateFile {
 public:
  explicit StateFile(std::filesystem::path file) : file_(std::move(file)) {}

  const std::filesystem::path& path() const noexcept { return file_; }
  // What it holds. nullopt: it is damaged or cannot be read; `problem` says so, with its path.
  // Throws std::bad_alloc.
  std::optional<Overrides> read(std::string& problem) const;
  // Throws std::system_error if it cannot be written; what was there before is there still.
  void write(const Overrides& overrides) const;
  // Is it in memory (tmpfs), so that a restart of the machine loses it?
  bool is_volatile() const noexcept;

 private:
  std::filesystem::path file_;
};

} // namespace nearmiss
