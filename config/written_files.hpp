// The files that the module writes, as the policy names them: `log`, `metrics`, `control`.
#pragma once

#include "config/file_state.hpp"
#include "config/yaml_reader.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// Each must be a file of its own: metrics replace theirs as a whole, and events stand at the end of
// theirs, be it a list or the policy itself.
class WrittenFiles {
 public:
  // `reader` must outlive it. `folder`: where relative paths start.
  WrittenFiles(const YamlReader& reader, std::filesystem::path folder)
      : reader_(reader), folder_(std::move(folder)) {}

  // The policy, and then its lists.
  void are_read(const std::vector<SourceFile>& files);
  // A file that is written though no key names it. `what`: as in "the control socket".
  void is_written(const std::filesystem::path& file, std::string what);
  // The file that `node` names, the value of `key` in `owner`: `file` in `log`. Reports one that is
  // taken, and warns where there is no folder for it.
  std::optional<std::filesystem::path> read(const YamlNode& node, std::string_view key,
                                            std::string_view owner);

 private:
  struct Taken {
    std::filesystem::path file;
    std::string what;
  };

  const YamlReader& reader_;
  std::filesystem::path folder_;
  std::vector<Taken> taken_;
};

} // namespace nearmiss
