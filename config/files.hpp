// The files a policy is made of: read whole, once, and remembered with their digest.
#pragma once

#include "config/diagnostics.hpp"
#include "config/digest.hpp"
#include "config/file_state.hpp"
#include "rules/huge_pages.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace nearmiss {

// Large ones go back to the system as soon as they are read: see rules/huge_pages.hpp.
using FileBytes = std::basic_string<char, std::char_traits<char>, HugePageAllocator<char>>;

class PolicyFiles {
 public:
  // 200 million names; one that is larger was named by mistake, and would take the memory that
  // answers need.
  static constexpr std::uintmax_t most_octets = std::uintmax_t{4} << 30;

  // The content of the policy file; reports at the file itself why it cannot be read.
  std::optional<FileBytes> read_policy(const std::filesystem::path& file, Report& report);
  struct List {
    FileBytes bytes;
    std::chrono::system_clock::time_point modified; // when the file was last written
  };
  // The content of a list that the policy names at `place`; reports there why it cannot be read.
  std::optional<List> read_list(const std::filesystem::path& file, Place place, Report& report);

  // Every file asked for, the policy first, each once.
  const std::vector<SourceFile>& sources() const noexcept { return sources_; }
  // SHA-256, hex, of what was read: the policy, then the lists, each with its length behind it.
  std::string digest();

 private:
  struct Content {
    FileBytes bytes;
    std::pair<dev_t, ino_t> identity;
    std::chrono::system_clock::time_point modified;
  };
  // `problem` says why there is none.
  std::optional<Content> read(const std::filesystem::path& file, std::string& problem);
  void remember(const std::filesystem::path& file);

  Sha256 hash_;
  std::vector<SourceFile> sources_;
  std::pair<dev_t, ino_t> policy_{};
};

} // namespace nearmiss
