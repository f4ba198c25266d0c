// The `list` of a rule: a file of names, from its YAML into the builder.
#pragma once

#include "config/config.hpp"
#include "config/files.hpp"
#include "config/lists/list.hpp"
#include "config/yaml_reader.hpp"

#include <cstddef>
#include <filesystem>
#include <vector>

namespace nearmiss {

// The rule that a list belongs to, which must be the last one added to the builder.
struct ListOwner {
  std::size_t index; // in Policy::rules()
  const Rule& rule;
  const std::vector<Name>& exceptions;
  bool has_action;      // of its own, which takes the place of a response policy zone's
  bool public_suffixes; // may be listed
};

// A list that a rule names, once it is read.
struct ListSource {
  LoadedList loaded;
  std::size_t rule = 0, last = 0; // the rules that its names went to
  bool zone_decides = false;      // a response policy zone does: its names have its actions
};

class ListReader {
 public:
  // All must outlive it. `folder`: where relative paths start. `previous`: the policy in force, or
  // null.
  ListReader(const YamlReader& reader, std::filesystem::path folder, PolicyFiles& files,
             PolicyBuilder& builder, const Config* previous);

  // Reads the file that `node` names. Null: there is none that could be read, which is reported;
  // else valid until the next call.
  const ListSource* read(const YamlNode& node, const ListOwner& owner);
  // All that were read.
  const std::vector<ListSource>& lists() const noexcept { return lists_; }

 private:
  // An error at `file` if the list has fewer names than it may have after the last good load.
  void check_shrink(const YamlNode& file, const ListSettings& settings, const LoadedList& loaded);

  const YamlReader& reader_;
  std::filesystem::path folder_;
  PolicyFiles& files_;
  PolicyBuilder& builder_;
  const Config* previous_;
  std::vector<ListSource> lists_;
};

} // namespace nearmiss
