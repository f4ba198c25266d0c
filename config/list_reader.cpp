#include "config/list_reader.hpp"

#include "config/keys.hpp"
#include "config/lists/adblock.hpp"
#include "config/lists/dnsmasq.hpp"
#include "config/lists/domains.hpp"
#include "config/lists/hosts.hpp"
#include "config/lists/recognise.hpp"
#include "config/lists/rpz.hpp"
#include "config/lists/zone_text.hpp"
#include "config/names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nearmiss {

ListReader::ListReader(const YamlReader& reader, std::filesystem::path folder, PolicyFiles& files,
                       PolicyBuilder& builder, const Config* previous, LoadFor purpose,
                       ZoneOrder::Mode order)
    : reader_(reader), folder_(std::move(folder)), files_(files), builder_(builder),
      previous_(previous), purpose_(purpose), order_(order) {}

const ListSource* ListReader::read(const YamlNode& node, const ListOwner& owner) {
  YamlMap map(node, keys::list, reader_);
  const YamlNode* file = map.require("file", "write the list's path");
  const YamlNode* format =
      map.require("format", "write `format: domains` for a domain name a line, `hosts`, `rpz`, "
                            "`adblock` or `dnsmasq`");
  std::optional<ListFormat> kind;
  if (format != nullptr) {
    if (const auto word =
            reader_.word(*format, "format", {"domains", "hosts", "rpz", "adblock", "dnsmasq"})) {
      kind.emplace(std::array{ListFormat::domains, ListFormat::hosts, ListFormat::rpz,
                              ListFormat::adblock, ListFormat::dnsmasq}[*word]);
    }
  }
  const Keys list_keys = read_keys(map, kind, owner.public_suffixes);
  map.finish();
  const auto path = file != nullptr ? reader_.text(*file, "file") : std::nullopt;
  if (!kind || !path) {
    return nullptr;
  }
  ListSource source{.loaded = {.file = folder_ / *path, .rule = owner.rule.id, .format = *kind},
                    .rule = owner.index,
                    .last = owner.index};
  Report& report = reader_.report();
  const std::size_t errors = report.errors();
  read_file(*file, list_keys, owner, source);
  if (report.errors() > errors && may_lack(source.loaded, list_keys.required)) {
    source.loaded.problem = report.forgive(errors);
    report.warning(reader_.file(), file->place,
                   "the list " + shown(source.loaded.file.native()) + " of the rule " +
                       shown(owner.rule.id) + " is in force with " +
                       std::to_string(source.loaded.names) +
                       (source.loaded.names == 1 ? " name" : " names") +
                       ", which is what could be read of it; correct the file, or write "
                       "`required: true` in `list` if Unbound shall not start without it");
  }
  lists_.push_back(std::move(source));
  return &lists_.back();
}

bool ListReader::may_lack(const LoadedList& list, bool required) const {
  if (required) {
    return false;
  }
  if (previous_ == nullptr) {
    return purpose_ == LoadFor::start;
  }
  const auto before = std::ranges::find_if(previous_->lists, [&](const LoadedList& one) {
    return one.file == list.file && one.rule == list.rule;
  });
  return before != previous_->lists.end() && !before->problem.empty();
}

ListReader::Keys ListReader::read_keys(YamlMap& map, std::optional<ListFormat> format,
                                       bool public_suffixes) const {
  Keys all;
  ListSettings& settings = all.settings;
  settings.public_suffixes = public_suffixes;
  if (const YamlNode* value = map.find("strict")) {
    settings.strict = reader_.truth(*value, "strict").value_or(true);
  }
  if (const YamlNode* value = map.find("max_shrink")) {
    settings.max_shrink =
        reader_.number(*value, "max_shrink", 0, 100).value_or(settings.max_shrink);
  }
  if (const YamlNode* value = map.find("empty")) {
    settings.empty_allowed =
        reader_.word(*value, "empty", {"refused", "allowed"}) == std::size_t{1};
  }
  if (const YamlNode* value = map.find("required")) {
    all.required = reader_.truth(*value, "required").value_or(false);
  }
  if (const YamlNode* value = map.find("stale_after")) {
    read_stale_after(*value, all);
  }
  if (const YamlNode* value = map.find("zone")) {
    settings.zone = zone_named(*value, format);
  }
  if (const YamlNode* value = map.find("wildcards")) {
    const auto word = reader_.word(*value, "wildcards", {"below", "with-name"});
    settings.wildcards_with_name = word == std::size_t{1};
    if (word && format && *format != ListFormat::domains) {
      reader_.error(*value, "`wildcards` is for a list of `format: domains` alone; the others say "
                            "themselves what a wildcard matches; take it out");
    }
  }
  return all;
}

void ListReader::read_stale_after(const YamlNode& node, Keys& list_keys) const {
  const auto text = reader_.text(node, "stale_after");
  if (!text) {
    return;
  }
  constexpr std::size_t longest = std::size_t{100} * 366 * 86400;
  std::size_t seconds = 0;
  if (*text == "never") {
    list_keys.never_stale = true;
  } else if (zone_ttl(*text, seconds) && seconds > 0 && seconds <= longest) {
    list_keys.stale_after = std::chrono::seconds(seconds);
  } else {
    reader_.error(node, shown(*text) + " is no time after which a list is stale; write one such as "
                                       "`36h` or `7d`, or `never`");
  }
}

void ListReader::read_file(const YamlNode& file, const Keys& list_keys, const ListOwner& owner,
                           ListSource& source) {
  Report& report = reader_.report();
  const std::size_t errors = report.errors();
  LoadedList& loaded = source.loaded;
  loaded.read = LoadedList::Clock::now();
  const auto content = files_.read_list(loaded.file, file.place, report);
  if (!content) {
    return;
  }
  loaded.modified = content->modified;
  std::string_view text = content->bytes;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that some editors write
  if (text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
  }
  const auto other = other_kind(text, loaded.format);
  const auto tell = [&] { report.error(loaded.file.native(), {other->line, 1}, other->message); };
  if (other && list_keys.settings.strict) { // before an error a line that would say less
    tell();
    return;
  }
  read_content(text, file, list_keys.settings, owner, source);
  if (other && loaded.names == 0) {
    tell();
  }
  const auto limit = list_keys.stale_after ? list_keys.stale_after : loaded.expire;
  if (limit && !list_keys.never_stale) {
    loaded.stale_from = loaded.modified + *limit;
    if (loaded.read >= *loaded.stale_from) {
      report.warning(loaded.file.native(), {},
                     "the list is stale: it was last written more than " +
                         std::to_string(limit->count()) + " seconds ago, which is " +
                         (list_keys.stale_after ? "its `stale_after`" : "the expire of its SOA") +
                         "; see why it is not fetched, or write another `stale_after` in `list`");
    }
  }
  if (report.errors() == errors) {
    check_shrink(file, list_keys.settings, loaded);
  }
}

// One zone can stand before another only where both are for the same lookups.
ZoneOrder& ListReader::order_for(const YamlNode& file, const ListOwner& owner,
                                 const std::filesystem::path& path) {
  const Rule& rule = owner.rule;
  const bool observes = owner.has_action && rule.action == Action::observe;
  if (order_.mode() == ZoneOrder::Mode::off || observes) {
    return off_;
  }
  if (!ordered_) {
    ordered_ = rule;
  }
  const bool alike = rule.types == ordered_->types && rule.groups == ordered_->groups &&
                     rule.every_client == ordered_->every_client &&
                     rule.expires == ordered_->expires && owner.exceptions.empty();
  if (!alike && order_.mode() == ZoneOrder::Mode::report) {
    return off_;
  }
  if (!alike) {
    reader_.error(file, "with `order: zones` the rules of all zones have the same `clients`, "
                        "`types` and `expires` and no `except`, and " +
                            shown(rule.id) + " differs from " + shown(ordered_->id) +
                            "; write exceptions as a rule of their own with `action: allow`");
  }
  order_.begin(path);
  return order_;
}

void ListReader::read_content(std::string_view text, const YamlNode& file,
                              const ListSettings& settings, const ListOwner& owner,
                              ListSource& source) {
  LoadedList& loaded = source.loaded;
  ListLoad load(loaded.file.native(), settings, builder_, reader_.report());
  std::string_view a_right_file = "one domain name a line";
  switch (loaded.format) {
  case ListFormat::domains:
    read_domains_list(text, owner.index, load);
    break;
  case ListFormat::hosts:
    read_hosts_list(text, owner.index, load);
    a_right_file = "an address and host names a line";
    break;
  case ListFormat::adblock:
    read_adblock_list(text, owner.index, load);
    a_right_file = "filters such as `||name^`";
    break;
  case ListFormat::dnsmasq:
    read_dnsmasq_list(text, owner.index, load);
    a_right_file = "lines such as `address=/name/`";
    break;
  case ListFormat::rpz:
    RpzRules rules({.index = owner.index,
                    .rule = owner.rule,
                    .overrides = owner.has_action,
                    .caps_ttl = owner.has_ttl},
                   builder_);
    read_rpz_list(text, rules, order_for(file, owner, loaded.file), load);
    source.last = rules.last();
    source.zone_decides = !owner.has_action;
    loaded.serial = rules.serial;
    loaded.expire = rules.expire;
    a_right_file = "the triggers of a response policy zone";
    break;
  }
  loaded.names = load.finish(a_right_file);
}

std::optional<Name> ListReader::zone_named(const YamlNode& node,
                                           std::optional<ListFormat> format) const {
  const auto text = reader_.text(node, "zone");
  if (!text) {
    return std::nullopt;
  }
  if (format && *format != ListFormat::rpz) {
    reader_.error(node, "`zone` is the name of a response policy zone, which only `format: rpz` "
                        "has; take it out");
    return std::nullopt;
  }
  std::string problem;
  auto name = read_name(*text, problem);
  if (!name) {
    reader_.error(node, problem);
  }
  return name;
}

void ListReader::check_shrink(const YamlNode& file, const ListSettings& settings,
                              const LoadedList& loaded) {
  const bool emptied = loaded.names == 0 && settings.empty_allowed;
  if (previous_ == nullptr || emptied) {
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
