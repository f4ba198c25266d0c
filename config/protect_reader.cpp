// The entries of `protect`: the part of RuleReader that is about look-alikes.
#include "config/names.hpp"
#include "config/rule_reader.hpp"

namespace nearmiss {

void RuleReader::read_protect(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::alias) {
    return;
  }
  YamlMap map(node, keys::protect, reader_);
  Rule rule;
  RuleSource source;
  source.place = node.place;
  read_id(map, rule, source.place);
  const bool public_suffixes = may_be_public_suffixes(map);
  const YamlNode* file = map.find("file");
  const YamlNode* domains =
      file != nullptr
          ? map.find("domains")
          : map.require("domains", "write the domains to protect, as in `domains: [army.mil]`, or "
                                   "`file: ` and a path");
  if (domains != nullptr) {
    read_names(*domains, "domains", Scope::subtree, public_suffixes, source.protects);
  }
  for (const WrittenName& written : source.protects) {
    if (written.name.label_count() < 2) {
      reader_.report().error(reader_.file(), written.place,
                             shown(written.name.to_text()) +
                                 " cannot be protected, as only the names below it have owners; "
                                 "write those, or a rule with `confusable`");
    }
  }
  if (file != nullptr) {
    read_protect_file(*file, public_suffixes, source);
  }
  const Classes classes = read_classes(map.find("classes"));
  Sensitivity sensitivity = Sensitivity::normal;
  if (const YamlNode* value = map.find("sensitivity")) {
    const auto word = reader_.word(*value, "sensitivity", {"low", "default", "high"});
    sensitivity = static_cast<Sensitivity>(word.value_or(1));
    if (!classes.defaults) {
      reader_.error(map.key_node("sensitivity"),
                    "`sensitivity` says how much `classes: default` finds; add `default` to "
                    "`classes`, or take `sensitivity` out");
    }
  }
  read_exceptions(map, source);
  read_action_and_scope(node, map, rule);
  if (rule.action == Action::allow) {
    reader_.error(map.has("action") ? map.key_node("action") : node,
                  "`action: allow` protects nothing; write an action that blocks, or `observe`");
  }
  map.finish();
  add(map, rule, source);
  for (const WrittenName& written : source.protects) {
    ClassSet wanted = classes.named;
    if (classes.defaults) {
      wanted.add(default_classes(written.name));
    }
    builder_.add_protected(source.index, written.name, wanted,
                           classes.defaults ? threshold_of(sensitivity) : no_threshold);
  }
  if (!has_expired(rule)) {
    sources_.push_back(std::move(source));
  }
}

// A file of many domains is made by a program: one public suffix in it is no reason to protect
// nothing.
void RuleReader::read_protect_file(const YamlNode& file, bool public_suffixes, RuleSource& source) {
  for (const FileName& read : name_files_.read(file, "file")) {
    if (read.name.label_count() < 2 || (!public_suffixes && is_public_suffix(read.name))) {
      reader_.report().warning(read.file, read.place,
                               shown(read.name.to_text()) +
                                   " is a public suffix, with everybody's names below it, and is "
                                   "not protected");
      continue;
    }
    source.protects.push_back({read.name, Scope::subtree, file.place});
  }
}

RuleReader::Classes RuleReader::read_classes(const YamlNode* value) {
  Classes classes;
  if (value == nullptr) {
    return classes;
  }
  constexpr std::string_view key = "classes";
  if (value->kind == YamlNode::Kind::text && value->text == "default") {
    return classes;
  }
  classes.defaults = false;
  const auto* items = reader_.list(*value, key);
  if (items == nullptr) {
    return classes;
  }
  std::vector<std::string_view> words;
  for (std::size_t index = 0; index < lookalike_class_count; ++index) {
    words.push_back(to_string(static_cast<LookalikeClass>(index)));
  }
  words.emplace_back("default");
  for (const YamlNode& item : *items) {
    if (const auto word = reader_.word(item, key, words)) {
      if (*word == lookalike_class_count) {
        classes.defaults = true;
      } else {
        classes.named.add(static_cast<LookalikeClass>(*word));
      }
    }
  }
  return classes;
}

} // namespace nearmiss
