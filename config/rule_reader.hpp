// The rules of a policy: from YAML into the builder.
#pragma once

#include "config/list_reader.hpp"
#include "config/name_files.hpp"
#include "config/settings_reader.hpp"

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace nearmiss {

// A name written in the policy itself, not in a list.
struct WrittenName {
  Name name;
  Scope scope = Scope::subtree;
  Place place;
};

// A rule as the policy has it, for what is checked once all rules are known.
struct RuleSource {
  std::size_t index = 0; // in Policy::rules()
  Place place;           // of its `id`
  std::vector<WrittenName> names;
  std::vector<WrittenName> protects; // of an entry of `protect`, which has no `names`
  std::vector<WrittenName> exceptions;
  bool matches_exchanges = false;
  // It matches more than is written here: the names of a list, what an answer holds.
  bool matches_more = false;
  std::size_t last = 0;      // index of its last variant; `index` if it has none
  bool zone_decides = false; // a response policy zone does: it alone says names and actions
};

class RuleReader {
 public:
  // All must outlive it. `has_sinkhole`: the policy has `sinkhole`, right or wrong.
  RuleReader(const YamlReader& reader, const std::vector<Group>& groups, const Defaults& defaults,
             ListReader& lists, NameFiles& name_files, std::chrono::sys_days today,
             PolicyBuilder& builder, bool has_sinkhole);

  // Reads one rule and adds it.
  void read(const YamlNode& node);
  // The same for an entry of `protect`.
  void read_protect(const YamlNode& node);
  const std::vector<RuleSource>& sources() const noexcept { return sources_; }

 private:
  void read_id(YamlMap& map, Rule& rule, Place& place);
  // `public_suffix`; true too where that is no truth value, for one mistake is told once.
  bool may_be_public_suffixes(YamlMap& map) const;
  // What rules and entries of `protect` have in common: all but what they match.
  void read_action_and_scope(const YamlNode& node, YamlMap& map, Rule& rule);
  bool has_expired(const Rule& rule) const noexcept;
  // Adds the rule with its exceptions.
  void add(YamlMap& map, const Rule& rule, RuleSource& source);
  void read_words(YamlMap& map, Rule& rule);
  void read_confusable(const YamlNode& node, bool public_suffixes, Rule& rule, RuleSource& source);
  // The TLDs of rules/lookalikes/tld_pairs.hpp for `intended`, with a warning that says which.
  void add_known_mistypings(const Place& place, const Rule& rule, RuleSource& source);
  void read_mistyped(const YamlNode& node, bool public_suffixes, const Rule& rule,
                     RuleSource& source);
  // What `classes` says, for every domain alike, and whether it says `default`, which depends on
  // the domain.
  struct Classes {
    ClassSet named;
    bool defaults = true;
  };
  Classes read_classes(const YamlNode* value);
  void read_protect_file(const YamlNode& file, bool public_suffixes, RuleSource& source);
  // `except` and `except_file`.
  void read_exceptions(YamlMap& map, RuleSource& source);
  // `mx_exchange` and `answer_ip`: what an answer holds.
  struct Held {
    std::vector<WrittenName> exchanges;
    std::vector<Prefix> addresses;
    bool empty() const noexcept { return exchanges.empty() && addresses.empty(); }
  };
  Held read_held(YamlMap& map, bool public_suffixes);
  void check_matchers(const YamlNode& node, YamlMap& map);
  // Names of a list in YAML, into `names`; a public suffix is an error unless allowed.
  void read_names(const YamlNode& node, std::string_view key, Scope scope, bool public_suffixes,
                  std::vector<WrittenName>& names);
  std::optional<Name> read_one(const YamlNode& node, std::string_view key);

  const YamlReader& reader_;
  const std::vector<Group>& groups_;
  const Defaults& defaults_;
  ListReader& lists_;
  NameFiles& name_files_;
  std::chrono::sys_days today_;
  PolicyBuilder& builder_;
  bool has_sinkhole_;
  std::map<std::string, Place> ids_;
  std::vector<RuleSource> sources_;
};

} // namespace nearmiss
