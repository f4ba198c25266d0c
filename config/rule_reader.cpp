#include "config/rule_reader.hpp"

#include "config/names.hpp"
#include "rules/address_text.hpp"
#include "rules/lookalikes/tld_pairs.hpp"

#include <algorithm>
#include <charconv>

namespace nearmiss {

namespace {

std::optional<std::chrono::sys_days> date_from(std::string_view text) {
  // YYYY-MM-DD and nothing else (RFC 3339 full-date).
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  const auto part = [&](std::size_t start, std::size_t length, unsigned& value) {
    const char* end = text.data() + start + length;
    const auto [stop, problem] = std::from_chars(text.data() + start, end, value);
    return problem == std::errc() && stop == end;
  };
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!part(0, 4, year) || !part(5, 2, month) || !part(8, 2, day)) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(month), std::chrono::day(day)};
  return date.ok() ? std::optional(std::chrono::sys_days(date)) : std::nullopt;
}

} // namespace

RuleReader::RuleReader(const YamlReader& reader, const std::vector<Group>& groups,
                       const Defaults& defaults, ListReader& lists, NameFiles& name_files,
                       std::chrono::sys_days today, PolicyBuilder& builder, bool has_sinkhole)
    : reader_(reader), groups_(groups), defaults_(defaults), lists_(lists), name_files_(name_files),
      today_(today), builder_(builder), has_sinkhole_(has_sinkhole) {}

void RuleReader::read(const YamlNode& node) {
  if (node.kind == YamlNode::Kind::alias) {
    return;
  }
  YamlMap map(node, keys::rule, reader_);
  Rule rule;
  RuleSource source;
  source.place = node.place;
  read_id(map, rule, source.place);
  const bool public_suffixes = may_be_public_suffixes(map);
  const YamlNode* list = map.find("list");
  if (const YamlNode* value = map.find("confusable")) {
    read_confusable(*value, public_suffixes, rule, source);
  }
  if (const YamlNode* value = map.find("domains")) {
    read_names(*value, "domains", Scope::subtree, public_suffixes, source.names);
  }
  if (const YamlNode* value = map.find("exact")) {
    read_names(*value, "exact", Scope::exact, public_suffixes, source.names);
  }
  const Held held = read_held(map, public_suffixes);
  read_exceptions(map, source);
  if (const YamlNode* value = map.find("intended")) {
    const auto name = read_one(*value, "intended");
    if (map.has("confusable")) {
      reader_.error(map.key_node("intended"),
                    "`intended` stands beside `confusable`, which has its "
                    "own `intended`; take this one out");
    } else {
      rule.intended = name;
    }
  }

  read_action_and_scope(node, map, rule);
  if (map.finish()) { // else a misspelled key may be what is missing
    check_matchers(node, map);
  }
  source.matches_exchanges = !held.exchanges.empty();
  source.matches_more = list != nullptr || !held.empty();
  if (list != nullptr && source.names.empty() && held.empty()) {
    rule.list = static_cast<std::uint32_t>(lists_.lists().size());
  }
  add(map, rule, source);
  for (const WrittenName& written : source.names) {
    builder_.add_name(source.index, written.name, written.scope);
  }
  for (const WrittenName& written : held.exchanges) {
    builder_.add_exchange(source.index, written.name, written.scope);
  }
  for (const Prefix& prefix : held.addresses) {
    builder_.add_address(source.index, prefix);
  }
  if (list != nullptr) {
    std::vector<Name> exceptions;
    for (const WrittenName& written : source.exceptions) {
      exceptions.push_back(written.name);
    }
    if (const ListSource* read =
            lists_.read(*list, {.index = source.index,
                                .rule = rule,
                                .exceptions = exceptions,
                                .has_action = map.has("action"),
                                .has_ttl = map.has("ttl") || defaults_.ttl_written,
                                .public_suffixes = public_suffixes})) {
      source.last = read->last;
      source.zone_decides = read->zone_decides && source.names.empty() && held.empty();
    }
  }
  if (!has_expired(rule)) {
    sources_.push_back(std::move(source));
  }
}

void RuleReader::read_action_and_scope(const YamlNode& node, YamlMap& map, Rule& rule) {
  rule.action = defaults_.action;
  if (const YamlNode* value = map.find("action")) {
    rule.action = read_action(*value, reader_).value_or(rule.action);
  }
  if (rule.action == Action::sinkhole && !has_sinkhole_) {
    reader_.error(map.has("action") ? map.key_node("action") : node,
                  "`action: sinkhole` needs addresses; write `sinkhole: {ipv4: ..., ipv6: ...}` at "
                  "the top of the policy");
  }
  rule.types = defaults_.types;
  if (const YamlNode* value = map.find("types")) {
    rule.types = read_types(*value, reader_).value_or(rule.types);
  }
  rule.every_client = defaults_.every_client;
  rule.groups = defaults_.groups;
  if (const YamlNode* value = map.find("clients")) {
    read_clients(*value, groups_, reader_, rule.every_client, rule.groups);
  }
  rule.ttl = defaults_.ttl;
  if (const YamlNode* value = map.find("ttl")) {
    rule.ttl = read_ttl(*value, reader_).value_or(rule.ttl);
  }
  read_words(map, rule);
}

bool RuleReader::has_expired(const Rule& rule) const noexcept {
  return rule.expires && *rule.expires < today_;
}

// One that has expired too: each lookup looks at the date, and today's may be the mistake of a
// clock that is yet to be set right.
void RuleReader::add(YamlMap& map, const Rule& rule, RuleSource& source) {
  if (has_expired(rule)) {
    reader_.report().warning(reader_.file(), map.key_node("expires").place,
                             "the rule " + shown(rule.id) +
                                 " has expired, so it matches nothing; " +
                                 "take it out, or write a later date");
  }
  source.index = source.last = builder_.add_rule(rule);
  for (const WrittenName& written : source.exceptions) {
    builder_.add_exception(source.index, written.name);
  }
}

void RuleReader::read_id(YamlMap& map, Rule& rule, Place& place) {
  const YamlNode* const value =
      map.require("id", "write `id: ` and a name of your choice; events carry it");
  if (value == nullptr) {
    return;
  }
  const auto id = reader_.text(*value, "id");
  if (!id) {
    return;
  }
  rule.id = *id;
  place = value->place;
  const auto [first, fresh] = ids_.emplace(*id, value->place);
  if (!fresh) {
    reader_.error(*value, "the id " + shown(*id) + " is taken by the rule in line " +
                              std::to_string(first->second.line) + "; write another");
  }
}

bool RuleReader::may_be_public_suffixes(YamlMap& map) const {
  const YamlNode* const value = map.find("public_suffix");
  return value != nullptr && reader_.truth(*value, "public_suffix").value_or(true);
}

void RuleReader::read_words(YamlMap& map, Rule& rule) {
  const auto word = [&](std::string_view key, std::string& into) {
    if (const YamlNode* value = map.find(key)) {
      into = reader_.text(*value, key).value_or("");
    }
  };
  word("category", rule.category);
  word("reason", rule.reason);
  word("reference", rule.reference);
  word("owner", rule.owner);
  word("ticket", rule.ticket);
  if (const YamlNode* value = map.find("expires")) {
    if (const auto text = reader_.text(*value, "expires")) {
      rule.expires = date_from(*text);
      if (!rule.expires) {
        reader_.error(*value, shown(*text) + " is no date; write `expires` as year-month-day, as " +
                                  "in 2031-12-31");
      }
    }
  }
}

void RuleReader::read_confusable(const YamlNode& node, bool public_suffixes, Rule& rule,
                                 RuleSource& source) {
  YamlMap map(node, keys::confusable, reader_);
  if (const YamlNode* value =
          map.require("intended", "write the suffix that was meant, as in `intended: mil`")) {
    rule.intended = read_one(*value, "intended");
    if (rule.intended && rule.intended->is_root()) {
      reader_.error(*value, "`intended` cannot be the root; write the suffix that was meant");
    }
  }
  if (const YamlNode* value =
          map.require("mistyped", "write what is typed instead, as in `mistyped: [ml]`")) {
    read_mistyped(*value, public_suffixes, rule, source);
  }
  map.finish();
  rule.intended_is_suffix = true;
  const bool tlds = rule.intended && rule.intended->label_count() == 1 &&
                    std::all_of(source.names.begin(), source.names.end(), [](const auto& written) {
                      return written.name.label_count() == 1;
                    });
  rule.confusable_class = tlds ? "tld-swap" : "";
}

void RuleReader::read_mistyped(const YamlNode& node, bool public_suffixes, const Rule& rule,
                               RuleSource& source) {
  if (node.kind == YamlNode::Kind::text && node.text == "default") {
    add_known_mistypings(node.place, rule, source);
    return;
  }
  // Naming the intended suffix is the explicit word that a public suffix asks for.
  read_names(node, "mistyped", Scope::subtree, true, source.names);
  const std::size_t written_out = source.names.size();
  for (std::size_t at = 0; at < written_out; ++at) {
    const WrittenName written = source.names[at];
    if (written.name.is_root() && !public_suffixes) {
      reader_.report().error(reader_.file(), written.place,
                             "`mistyped` holds the root, which is every name; write a suffix");
    } else if (written.name.to_text() == "default") { // no TLD: it stands for the known ones
      add_known_mistypings(written.place, rule, source);
    } else if (rule.intended && rule.intended->is_at_or_below(written.name)) {
      reader_.report().error(reader_.file(), written.place,
                             "`mistyped` holds " + shown(written.name.to_text()) +
                                 ", so the rule would block the intended " +
                                 shown(rule.intended->to_text()) + "; take it out");
    }
  }
  std::erase_if(source.names,
                [](const WrittenName& written) { return written.name.to_text() == "default"; });
}

void RuleReader::add_known_mistypings(const Place& place, const Rule& rule, RuleSource& source) {
  if (!rule.intended) {
    return; // reported
  }
  const std::string meant = rule.intended->to_text();
  const auto mistyped = mistyped_of(meant);
  if (mistyped.empty()) {
    reader_.report().error(reader_.file(), place,
                           "no TLD is known that is mistyped for " + shown(meant) +
                               "; write what is typed instead, as in `mistyped: [ml]`");
    return;
  }
  for (const std::string_view tld : mistyped) {
    const Name name = *Name::from_text(tld);
    if (std::ranges::none_of(source.names, [&](const auto& one) { return one.name == name; })) {
      source.names.push_back({name, Scope::subtree, place});
    }
  }
  reader_.report().warning(
      reader_.file(), place,
      "`mistyped: default` takes every name under " + joined(mistyped) + " for one under " + meant +
          "; write " + shown("[" + joined(mistyped) + "]") + " if you mean them all, or fewer");
}

void RuleReader::read_exceptions(YamlMap& map, RuleSource& source) {
  if (const YamlNode* value = map.find("except")) {
    read_names(*value, "except", Scope::subtree, true, source.exceptions);
  }
  if (const YamlNode* value = map.find("except_file")) {
    for (const FileName& read : name_files_.read(*value, "except_file")) {
      source.exceptions.push_back({read.name, Scope::subtree, value->place});
    }
  }
}

RuleReader::Held RuleReader::read_held(YamlMap& map, bool public_suffixes) {
  Held held;
  if (const YamlNode* value = map.find("mx_exchange")) {
    read_names(*value, "mx_exchange", Scope::subtree, public_suffixes, held.exchanges);
  }
  const YamlNode* value = map.find("answer_ip");
  if (const auto* items = value != nullptr ? reader_.list(*value, "answer_ip") : nullptr) {
    for (const YamlNode& item : *items) {
      if (const auto prefix = read_prefix(item, "answer_ip", reader_)) {
        held.addresses.push_back(*prefix);
      }
    }
  }
  return held;
}

void RuleReader::check_matchers(const YamlNode& node, YamlMap& map) {
  const bool others = map.has("domains") || map.has("exact") || map.has("list") ||
                      map.has("mx_exchange") || map.has("answer_ip");
  if (node.kind != YamlNode::Kind::map) {
    return;
  }
  if (!others && !map.has("confusable")) {
    reader_.error(node, "the rule names no domain, exchange or address; write `domains`, `exact`, "
                        "`list`, `confusable`, `mx_exchange` or `answer_ip`");
  } else if (others && map.has("confusable")) {
    reader_.error(map.key_node("confusable"),
                  "`confusable` stands beside other names or addresses; make two rules of it");
  }
}

void RuleReader::read_names(const YamlNode& node, std::string_view key, Scope scope,
                            bool public_suffixes, std::vector<WrittenName>& names) {
  const auto* items = reader_.list(node, key);
  if (items == nullptr) {
    return;
  }
  for (const YamlNode& item : *items) {
    if (key == "mx_exchange" && item.kind == YamlNode::Kind::text) {
      if (const auto address = ClientAddress::from_text(item.text)) {
        names.push_back({mx_host_name(*address), Scope::exact, item.place});
        continue;
      }
    }
    const auto name = read_one(item, key);
    if (!name) {
      continue;
    }
    if (!public_suffixes && is_public_suffix(*name)) {
      reader_.error(item, shown(item.text) + " in " + shown(key) + " is a public suffix, with " +
                              "everybody's names below it; write a name below it, or add " +
                              "`public_suffix: true` to the rule, or use `confusable`");
      continue;
    }
    names.push_back({*name, scope, item.place});
  }
}

std::optional<Name> RuleReader::read_one(const YamlNode& node, std::string_view key) {
  const auto text = reader_.text(node, key);
  if (!text) {
    return std::nullopt;
  }
  std::string problem;
  auto name = read_listed_name(*text, problem);
  if (!name) {
    reader_.error(node, shown(key) + ": " + problem);
  }
  return name;
}

} // namespace nearmiss
