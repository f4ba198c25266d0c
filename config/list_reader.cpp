#include "config/list_reader.hpp"

#include "config/lists/domains.hpp"
#include "config/lists/hosts.hpp"
#include "config/lists/recognise.hpp"
#include "config/lists/rpz.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nearmiss {

ListReader::ListReader(const YamlReader& reader, std::filesystem::path folder, PolicyFiles& files,
                       PolicyBuilder& builder, const Config* previous)
    : reader_(reader), folder_(std::move(folder)), files_(files), builder_(builder),
      previous_(previous) {}

const ListSource* ListReader::read(const YamlNode& node, const ListOwner& owner) {
  YamlMap map(node, keys::list, reader_);
  const YamlNode* file = map.require("file", "write the list's path");
  const YamlNode* format =
      map.require("format", "write `format: domains` for a domain name a line, `hosts` or `rpz`");
  std::optional<ListFormat> kind;
  if (format != nullptr) {
    if (const auto word = reader_.word(*format, "format", {"domains", "hosts", "rpz"})) {
      kind.emplace(std::array{ListFormat::domains, ListFormat::hosts, ListFormat::rpz}[*word]);
    }
  }
  ListSettings settings{.public_suffixes = owner.public_suffixes};
  if (const YamlNode* value = map.find("strict")) {
    settings.strict = reader_.truth(*value, "strict").value_or(true);
  }
  if (const YamlNode* value = map.find("max_shrink")) {
    settings.max_shrink =
        reader_.number(*value, "max_shrink", 0, 100).value_or(settings.max_shrink);
  }
  map.finish();
  const auto path = file != nullptr ? reader_.text(*file, "file") : std::nullopt;
  if (!kind || !path) {
    return nullptr;
  }
  const auto full = folder_ / *path;
  const auto content = files_.read_list(full, file->place, reader_.report());
  if (!content) {
    return nullptr;
  }
  std::string_view text = *content;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that some editors write
  if (text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
  }
  const auto other = other_kind(text, *kind);
  const auto tell = [&] {
    reader_.report().error(full.native(), {other->line, 1}, other->message);
  };
  if (other && settings.strict) { // before an error a line that would say less
    tell();
    return nullptr;
  }
  ListSource source{.loaded = {full}, .rule = owner.index, .last = owner.index};
  ListLoad load(full.native(), settings, builder_, reader_.report());
  const std::size_t errors = reader_.report().errors();
  std::string_view a_right_file = "one domain name a line";
  switch (*kind) {
  case ListFormat::domains:
    read_domains_list(text, owner.index, load);
    break;
  case ListFormat::hosts:
    read_hosts_list(text, owner.index, load);
    a_right_file = "an address and host names a line";
    break;
  case ListFormat::rpz:
    RpzRules rules(owner.index, owner.rule, owner.has_action, builder_);
    read_rpz_list(text, rules, load);
    source.last = rules.last();
    source.zone_decides = !owner.has_action;
    a_right_file = "the triggers of a response policy zone";
    break;
  }
  source.loaded.names = load.finish(a_right_file);
  if (other && source.loaded.names == 0) {
    tell();
  }
  if (reader_.report().errors() == errors) {
    check_shrink(*file, settings, source.loaded);
  }
  lists_.push_back(std::move(source));
  return &lists_.back();
}

void ListReader::check_shrink(const YamlNode& file, const ListSettings& settings,
                              const LoadedList& loaded) {
  if (previous_ == nullptr) {
    return;
  }
  const auto before = std::ranges::find(previous_->lists, loaded.file, &LoadedList::file);
  if (before != previous_->lists.end() &&
      loaded.names * 100 < before->names * (100 - settings.max_shrink)) {
    reader_.error(file, "the list " + shown(loaded.file.native()) + " has " +
                            std::to_string(loaded.names) + " names, and " +
                            std::to_string(before->names) +
                            " in the policy that is in force: more than " +
                            std::to_string(settings.max_shrink) +
                            " % are gone, as if the file were cut short; mend it, or, if it is " +
                            "right, write a higher `max_shrink` (percent) in `list`");
  }
}

} // namespace nearmiss
