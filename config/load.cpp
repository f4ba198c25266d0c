#include "config/contact_reader.hpp"
#include "config/files.hpp"
#include "config/log_reader.hpp"
#include "config/mail_providers.hpp"
#include "config/name_files.hpp"
#include "config/names.hpp"
#include "config/rule_reader.hpp"
#include "config/warnings.hpp"
#include "rules/lookalikes/known.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <string_view>

namespace nearmiss {

namespace {

// Feeds repeat themselves, which harms nothing; but whoever keeps a list may like to know.
void note_repeated(const Policy& policy, const ListSource& list, Report& report) {
  std::size_t repeated = 0;
  for (std::size_t rule = list.rule; rule <= list.last; ++rule) {
    repeated += policy.repeated_names(rule);
  }
  if (repeated > 0) {
    report.note(list.loaded.file.native(), {},
                std::to_string(repeated) +
                    (repeated == 1 ? " duplicate name" : " duplicate names") + " of " +
                    std::to_string(list.loaded.names));
  }
}

// Where the control socket is if the policy does not say.
std::filesystem::path usual_socket(const std::filesystem::path& policy) {
  return policy.parent_path() / "nearmiss.sock";
}

// Where the state file is if the policy does not say: beside the event log, where Unbound may
// write, or beside the policy.
std::filesystem::path usual_state(const std::filesystem::path& policy, const LogSettings& log) {
  constexpr const char* name = "nearmiss.state";
  const auto beside_log = log.file.parent_path() / name;
  const bool serves =
      !log.file.empty() && log.file != beside_log && !is_lost_at_restart(beside_log);
  return serves ? beside_log : policy.parent_path() / name;
}

const YamlNode* value_of(const YamlNode& map, std::string_view key) {
  for (std::size_t i = 0; i < map.keys.size() && i < map.items.size(); ++i) {
    if (map.keys[i].text == key) {
      return &map.items[i];
    }
  }
  return nullptr;
}

// How many rules have a response policy zone, for a first look: what else the rules are is not
// looked at.
std::size_t count_zones(const YamlNode& root) {
  const YamlNode* const rules = value_of(root, "rules");
  std::size_t zones = 0;
  for (std::size_t i = 0; rules != nullptr && i < rules->items.size(); ++i) {
    const YamlNode* const list = value_of(rules->items[i], "list");
    const YamlNode* const format = list != nullptr ? value_of(*list, "format") : nullptr;
    zones += format != nullptr && format->text == "rpz" ? 1 : 0;
  }
  return zones;
}

// The parts of the file in the order in which they need each other, which need not be the file's.
// Null: no list of known names.
std::shared_ptr<const KnownNames> read_known(const YamlNode* node, const YamlReader& reader,
                                             NameFiles& files) {
  if (node == nullptr) {
    return KnownNames::shipped();
  }
  if (node->kind == YamlNode::Kind::text) {
    if (node->text != "none") {
      reader.error(*node, shown(node->text) + " is no list of known names; write `known: {file: " +
                              "lists/known.txt}`, or `known: none`");
    }
    return nullptr;
  }
  YamlMap map(*node, keys::known, reader);
  std::vector<Name> names;
  if (const YamlNode* file = map.require("file", "write the path of a file of domains")) {
    for (const FileName& read : files.read(*file, "file")) {
      names.push_back(read.name);
    }
  }
  map.finish();
  return std::make_shared<const KnownNames>(names);
}

std::shared_ptr<const Config> read_policy(const std::filesystem::path& file,
                                          std::chrono::sys_days today, const Config* previous,
                                          LoadFor purpose, PolicyFiles& files, Report& report,
                                          bool& readable) {
  const auto content = files.read_policy(file, report);
  readable = content.has_value();
  const auto root =
      content ? parse_yaml(*content, file.native(), report) : std::optional<YamlNode>();
  if (!root) {
    return nullptr;
  }
  const YamlReader reader(file.native(), report);
  YamlMap map(*root, keys::policy, reader);
  if (root->kind != YamlNode::Kind::map) {
    return nullptr;
  }

  if (const YamlNode* value = map.require("version", "write `version: 1`")) {
    if (value->kind != YamlNode::Kind::text || value->text != "1") {
      reader.error(*value, "this nearmiss reads policies of version 1 only; write `version: 1`");
    }
  }
  if (!have_public_suffix_list()) {
    report.error(file.native(), {},
                 "libpsl holds no public suffix list, so no name can be checked; "
                 "install a libpsl that was built with one");
    return nullptr;
  }
  PolicyBuilder builder;
  Place observes;
  if (const YamlNode* value = map.find("mode")) {
    if (reader.word(*value, "mode", {"enforce", "observe"}) == std::size_t{1}) {
      builder.set_enforcing(false);
      observes = value->place;
    }
  }
  std::vector<Group> groups;
  if (const YamlNode* value = map.find("clients")) {
    groups = read_groups(*value, reader);
  }
  for (const Group& group : groups) {
    builder.add_group(group.name, group.prefixes);
  }
  SinkholeSource sinkhole;
  if (const YamlNode* value = map.find("sinkhole")) {
    sinkhole = read_sinkhole(*value, map.key_node("sinkhole").place, reader);
  }
  const Defaults defaults = read_defaults(map.find("defaults"), groups, reader);
  ZoneOrder::Mode order = count_zones(*root) > 1 ? ZoneOrder::Mode::report : ZoneOrder::Mode::off;
  if (const YamlNode* value = map.find("order")) {
    if (reader.word(*value, "order", {"specific", "zones"}) == std::size_t{1}) {
      order = ZoneOrder::Mode::first_wins;
    }
  }
  ListReader lists(reader, file.parent_path(), files, builder, previous, purpose, order);
  NameFiles name_files(reader, file.parent_path(), files);
  RuleReader rules(reader, groups, defaults, lists, name_files, today, builder,
                   sinkhole.place.line > 0);
  const YamlNode* protect = map.find("protect");
  const YamlNode* listing =
      map.has("protect")
          ? map.find("rules")
          : map.require("rules", "write at least one rule or `protect`; without any, nothing is "
                                 "blocked");
  if (const auto* items = listing != nullptr ? reader.list(*listing, "rules") : nullptr) {
    for (const YamlNode& item : *items) {
      rules.read(item);
    }
  }
  if (const auto* items = protect != nullptr ? reader.list(*protect, "protect") : nullptr) {
    for (const YamlNode& item : *items) {
      rules.read_protect(item);
    }
  }
  builder.set_known(read_known(map.find("known"), reader, name_files));
  Contact contact = read_contact(map, reader);
  std::vector<Name> providers;
  if (const YamlNode* value = map.find("mail_providers")) {
    if (const auto path = reader.text(*value, "mail_providers")) {
      const auto full = file.parent_path() / *path;
      if (const auto names = files.read_list(full, value->place, report)) {
        providers = read_mail_providers(names->bytes, full.native(), report);
      }
    }
  } else {
    providers = shipped_mail_providers();
  }
  WrittenFiles written(reader, file.parent_path());
  written.are_read(files.sources());
  const YamlNode* const control_node = map.find("control");
  const auto control_says = [&](std::string_view key) {
    return control_node != nullptr &&
           std::ranges::find(control_node->keys, key, &YamlNode::text) != control_node->keys.end();
  };
  ControlSettings control{usual_socket(file), {}};
  if (!control_says("socket")) {
    written.is_written(control.socket, "the control socket, as no `control` names another");
  }
  LogSettings log;
  if (const YamlNode* value = map.find("log")) {
    log = read_log(*value, reader, written);
  }
  if (!control_says("state")) {
    control.state = usual_state(file, log);
    written.is_written(control.state, "the state file, as no `control` names another");
  }
  MetricsSettings metrics;
  if (const YamlNode* value = map.find("metrics")) {
    metrics = read_metrics(*value, reader, written);
  }
  if (control_node != nullptr) {
    read_control(*control_node, reader, written, control);
  }
  map.finish();
  if (report.failed()) {
    return nullptr;
  }

  auto config = std::make_shared<Config>();
  config->policy = std::move(builder).build();
  config->sinkhole = sinkhole.sinkhole;
  config->log = std::move(log);
  config->metrics = std::move(metrics);
  config->control = std::move(control);
  config->contact = std::move(contact);
  if (!groups.empty()) {
    config->first_client = groups.front().prefixes.front().address;
  }
  for (const Group& group : groups) {
    config->group_clients.emplace(group.name, group.prefixes.front().address);
  }
  config->ruleset = printable(file.filename().native());
  config->digest = files.digest();
  config->files = files.sources();
  for (const ListSource& list : lists.lists()) {
    config->lists.push_back(list.loaded);
    note_repeated(config->policy, list, report);
  }
  warn_of_open_ways(
      config->policy,
      {file.native(), observes, groups, sinkhole, rules.sources(), lists.lists(), providers}, today,
      report);
  return config;
}

} // namespace

LoadResult load(const std::filesystem::path& file, std::chrono::sys_days today,
                const Config* previous, LoadFor purpose) {
  Report report;
  LoadResult result;
  result.files.push_back({file, {}});
  try {
    PolicyFiles files;
    result.config = read_policy(file, today, previous, purpose, files, report, result.readable);
    result.files = files.sources();
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    result.config.reset();
    report.error(file.native(), {}, std::string("the policy cannot be loaded: ") + e.what());
  }
  result.diagnostics = std::move(report).take(result.files);
  return result;
}

std::optional<std::filesystem::path> control_socket_of(const std::filesystem::path& file) {
  Report unheard; // `check` tells
  PolicyFiles files;
  const auto content = files.read_policy(file, unheard);
  const auto root = content ? parse_yaml(*content, file.native(), unheard) : std::nullopt;
  if (!root || root->kind != YamlNode::Kind::map) {
    return std::nullopt;
  }
  const YamlReader reader(file.native(), unheard);
  YamlMap map(*root, keys::policy, reader);
  WrittenFiles written(reader, file.parent_path());
  const YamlNode* value = map.find("control");
  ControlSettings control{usual_socket(file), {}};
  if (value != nullptr) {
    read_control(*value, reader, written, control);
  }
  return control.socket.empty() ? std::nullopt : std::optional(std::move(control.socket));
}

} // namespace nearmiss
