// The `list` of a rule: a file of names, from its YAML into the builder.
#pragma once

#include "config/config.hpp"
#include "config/files.hpp"
#include "config/lists/list.hpp"
#include "config/lists/zone_order.hpp"
#include "config/yaml_reader.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace nearmiss {

// The rule that a list belongs to, which must be the last one added to the builder.
struct ListOwner {
  std::size_t index; // in Policy::rules()
  const Rule& rule;
  const std::vector<Name>& exceptions;
  bool has_action;      // of its own, which takes the place of a response policy zone's
  bool has_ttl;         // that the policy says: no local data is kept longer
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
             PolicyBuilder& builder, const Config* previous, LoadFor purpose,
             ZoneOrder::Mode order);

  // Reads the file that `node` names. Null: there is none that could be read, which is reported;
  // else valid until the next call.
  const ListSource* read(const YamlNode& node, const ListOwner& owner);
  // All that were read.
  const std::vector<ListSource>& lists() const noexcept { return lists_; }

 private:
  // What `zone` says; nullopt: nothing right, which is reported.
  std::optional<Name> zone_named(const YamlNode& node, std::optional<ListFormat> format) const;
  // The keys of `list` beside file and format.
  struct Keys {
    ListSettings settings;
    bool required = false;
    bool never_stale = false;
    std::optional<std::chrono::seconds> stale_after;
  };
  Keys read_keys(YamlMap& map, std::optional<ListFormat> format, bool public_suffixes) const;
  void read_stale_after(const YamlNode& node, Keys& keys) const;
  // Reads the file into the builder; reports why it cannot.
  void read_file(const YamlNode& file, const Keys& keys, const ListOwner& owner,
                 ListSource& source);
  // The zones' order for this list, whose rule may be one that others are not compared with; an
  // error at `node` where it may not be.
  ZoneOrder& order_for(const YamlNode& file, const ListOwner& owner,
                       const std::filesystem::path& path);
  // What the list holds, into the builder.
  void read_content(std::string_view text, const YamlNode& file, const ListSettings& settings,
                    const ListOwner& owner, ListSource& source);
  // May the policy come into force without the list?
  bool may_lack(const LoadedList& list, bool required) const;
  // An error at `file` if the list has fewer names than it may have after the last good load.
  void check_shrink(const YamlNode& file, const ListSettings& settings, const LoadedList& loaded);

  const YamlReader& reader_;
  std::filesystem::path folder_;
  PolicyFiles& files_;
  PolicyBuilder& builder_;
  const Config* previous_;
  LoadFor purpose_;
  ZoneOrder order_;
  ZoneOrder off_{ZoneOrder::Mode::off};
  std::optional<Rule> ordered_; // the first rule whose zone is in the order
  std::vector<ListSource> lists_;
};

} // namespace nearmiss
