// Files of domain names that the policy names beside lists of rules: `file` and `except_file` of an
// entry of `protect`, `known`. A name a line, `#` begins a comment.
#pragma once

#include "config/files.hpp"
#include "config/yaml_reader.hpp"
#include "rules/name.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

struct FileName {
  Name name;
  const std::string& file;
  Place place; // in that file
};

class NameFiles {
 public:
  // All must outlive it. `folder`: where relative paths start.
  NameFiles(const YamlReader& reader, std::filesystem::path folder, PolicyFiles& files);

  // The names of the file whose path `node`, the value of `key`, is; what is wrong is reported at
  // the file's line. Points into this object.
  std::vector<FileName> read(const YamlNode& node, std::string_view key);

 private:
  const YamlReader& reader_;
  std::filesystem::path folder_;
  PolicyFiles& files_;
  std::vector<std::unique_ptr<const std::string>> paths_;
};

} // namespace nearmiss
