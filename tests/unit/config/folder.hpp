// A folder of its own for each test, and a policy in it.
#pragma once

#include "config/config.hpp"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include <cstdlib>

namespace nearmiss::test {

inline constexpr std::chrono::sys_days today{std::chrono::year(2030) / 6 / 15};

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nearmiss-XXXXXX").native();
    if (mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("mkdtemp");
    }
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path write(const std::string& name, std::string_view content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  LoadResult load_policy(std::string_view yaml) const {
    return load(write("policy.yaml", yaml), today);
  }
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// The diagnostics with the folder's path taken out, one a line.
inline std::string texts(const Folder& folder, const LoadResult& result) {
  std::string all;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    all += to_text(diagnostic) + '\n';
  }
  const std::string prefix = folder.path().native() + '/';
  for (std::size_t at = all.find(prefix); at != std::string::npos; at = all.find(prefix, at)) {
    all.erase(at, prefix.size());
  }
  return all;
}

inline Verdict ask(const Config& config, std::string_view name,
                   std::string_view client = "::", std::string_view type = "MX") {
  return config.policy.decide(
      {*Name::from_text(name), *type_from_text(type), *ClientAddress::from_text(client), today});
}

} // namespace nearmiss::test
