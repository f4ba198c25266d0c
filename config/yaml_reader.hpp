// YAML as a policy uses it: maps, lists and text, each with its place.
//
// yaml-cpp's own Node loses what an error message needs (which of two equal keys, where an alias
// stands), so this builds a small tree from yaml-cpp's events. A policy has no use for aliases,
// tags or several documents; they are errors, which also leaves no way to write a cyclic policy.
#pragma once

#include "config/diagnostics.hpp"
#include "config/keys.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

struct YamlNode {
  // `alias`: reported already, so readers pass over it without a word.
  enum class Kind { nothing, text, list, map, alias };

  Kind kind = Kind::nothing;
  Place place;
  std::string text;            // Kind::text
  bool plain = true;           // the text stands without quotes
  std::vector<YamlNode> keys;  // Kind::map: keys[i] belongs to items[i]; in the file's order,
                               // a repeated key and all
  std::vector<YamlNode> items; // Kind::list and Kind::map
};

// "a list", for messages.
std::string_view kind_name(const YamlNode& node) noexcept;

// The one document in `text`, or nullopt after reporting why there is none: octets that are not
// UTF-8, NUL, a YAML error, an alias, a tag, no or a second document.
std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file, Report& report);

// Reads YAML values of one file by type. Each reports what is wrong and returns nothing then.
// `key` names the value in messages.
class YamlReader {
 public:
  YamlReader(std::string file, Report& report) : file_(std::move(file)), report_(report) {}

  std::optional<std::string> text(const YamlNode& node, std::string_view key) const;
  // A decimal number from `least` to `most`.
  std::optional<std::uint32_t> number(const YamlNode& node, std::string_view key,
                                      std::uint32_t least, std::uint32_t most) const;
  std::optional<bool> truth(const YamlNode& node, std::string_view key) const;
  // The items of a list that is not empty, or null. Points into `node`.
  const std::vector<YamlNode>* list(const YamlNode& node, std::string_view key) const;
  // One of `words`, as an index into them.
  std::optional<std::size_t> word(const YamlNode& node, std::string_view key,
                                  const std::vector<std::string_view>& words) const;

  void error(const YamlNode& node, std::string message) const {
    report_.error(file_, node.place, std::move(message));
  }
  const std::string& file() const noexcept { return file_; }
  Report& report() const noexcept { return report_; }

 private:
  std::string file_;
  Report& report_;
};

// The keys of one map: those of its section in the table of keys (config/keys.hpp). find() and
// require() throw std::logic_error for a key that is not in the table; finish() reports the keys of
// the map that are not in it.
class YamlMap {
 public:
  // Reports a node that is no map, and keys that stand twice. Points to `node` and `reader`, which
  // must outlive it.
  YamlMap(const YamlNode& node, const keys::Section& section, const YamlReader& reader);

  // The value of `key`; null if it is absent, or reported and empty. Points into the node.
  const YamlNode* find(std::string_view key);
  // Like find(); an absent key is reported with `remedy`: what to write.
  const YamlNode* require(std::string_view key, std::string_view remedy);
  bool has(std::string_view key) const noexcept { return index_of(key).has_value(); }
  // Where `key` itself stands; `key` must be there.
  const YamlNode& key_node(std::string_view key) const { return node_.keys[*index_of(key)]; }
  bool finish() const; // true: all keys are known

 private:
  std::optional<std::size_t> index_of(std::string_view key) const noexcept;

  const YamlNode& node_;
  const keys::Section& section_;
  std::string what_; // of the section
  const YamlReader& reader_;
};

} // namespace nearmiss
