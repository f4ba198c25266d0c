#include "config/settings_reader.hpp"

#include "config/names.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace nearmiss {

namespace {

constexpr std::uint32_t longest_ttl = 86400; // a day: a name taken out of the policy works tomorrow

// The network of a prefix whose only fault is its host bits, as "192.0.2.0/24".
std::string network_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view length = text.substr(slash + 1);
  const auto address = ClientAddress::from_text(text.substr(0, slash)).value_or(ClientAddress());
  std::size_t bits = 0;
  std::from_chars(length.data(), length.data() + length.size(), bits);
  // An IPv4-mapped address written in IPv6 form counts its length from the start.
  const bool v4 = text.substr(0, slash).find(':') == std::string_view::npos;
  auto octets = address.octets();
  for (std::size_t bit = bits + (v4 ? 96 : 0); bit < 128; ++bit) {
    octets[bit / 8] = static_cast<std::uint8_t>(octets[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  const auto network = ClientAddress::v6(octets);
  if (!v4 && network.is_v4()) {
    return network.to_text() + '/' + std::to_string(bits - 96);
  }
  return network.to_text() + '/' + std::to_string(bits);
}

std::optional<ClientAddress> read_address(const YamlNode& node, std::string_view key, bool v4,
                                          const YamlReader& reader) {
  const auto text = reader.text(node, key);
  if (!text) {
    return std::nullopt;
  }
  const auto address = ClientAddress::from_text(*text);
  if (!address || address->is_v4() != v4) {
    reader.error(node, shown(*text) + " is no " + (v4 ? "IPv4" : "IPv6") + " address; write " +
                           shown(key) + ": " + (v4 ? "192.0.2.53" : "2001:db8::53") +
                           " with the address of your sinkhole");
    return std::nullopt;
  }
  return address;
}

} // namespace

std::optional<Prefix> read_prefix(const YamlNode& node, std::string_view key,
                                  const YamlReader& reader) {
  const auto text = reader.text(node, key);
  if (!text) {
    return std::nullopt;
  }
  Prefix prefix{};
  switch (parse_prefix(*text, prefix)) {
  case PrefixError::none:
    return prefix;
  case PrefixError::not_an_address:
    reader.error(node, shown(*text) + " is no address or prefix; write one as 192.0.2.0/24, " +
                           "192.0.2.25 or 2001:db8::/32");
    break;
  case PrefixError::bad_length:
    reader.error(node, shown(*text) + " has a bad prefix length; write /0 to /32 after an IPv4 " +
                           "address, /0 to /128 after an IPv6 address");
    break;
  case PrefixError::host_bits_set: {
    const std::string address = text->substr(0, text->find('/'));
    reader.error(node, shown(*text) + " has host bits set; write " + shown(network_of(*text)) +
                           " for the network, or " + shown(address) + " for the one host");
    break;
  }
  }
  return std::nullopt;
}

std::vector<Group> read_groups(const YamlNode& node, const YamlReader& reader) {
  std::vector<Group> groups;
  if (node.kind == YamlNode::Kind::list) {
    reader.error(node, "`clients` must be a map of groups, not a list; write a name before it: " +
                           std::string("`clients: {mail: [192.0.2.0/24]}`"));
    return groups;
  }
  YamlMap map(node, keys::clients, reader);
  if (node.kind == YamlNode::Kind::map && node.keys.empty()) {
    reader.error(node, "`clients` names no group; write one as `mail: [192.0.2.0/24]`, or leave " +
                           std::string("`clients` out: then every client is a mail server"));
  }
  for (const YamlNode& key : node.keys) {
    if (key.kind != YamlNode::Kind::text ||
        std::any_of(groups.begin(), groups.end(),
                    [&](const Group& group) { return group.name == key.text; })) {
      continue; // reported by YamlMap
    }
    if (key.text == "any" || key.text.empty()) {
      reader.error(key, shown(key.text) + " cannot name a group (`any` stands for every client); " +
                            "write another name");
    }
    if (groups.size() == max_groups) {
      reader.error(key, "more than " + std::to_string(max_groups) +
                            " groups of clients; put several into one");
      break;
    }
    Group group{key.text, key.place, {}};
    if (const YamlNode* value = map.find(key.text)) {
      if (const auto* prefixes = reader.list(*value, key.text)) {
        for (const YamlNode& item : *prefixes) {
          if (const auto prefix = read_prefix(item, "clients", reader)) {
            group.prefixes.push_back(*prefix);
          }
        }
      }
    }
    groups.push_back(std::move(group)); // with errors too: rules that name it are right
  }
  return groups;
}

SinkholeSource read_sinkhole(const YamlNode& node, Place key, const YamlReader& reader) {
  SinkholeSource source;
  source.place = key;
  YamlMap map(node, keys::sinkhole, reader);
  if (const YamlNode* value = map.find("ipv4")) {
    source.sinkhole.ipv4 = read_address(*value, "ipv4", true, reader);
    source.ipv4 = value->place;
  }
  if (const YamlNode* value = map.find("ipv6")) {
    source.sinkhole.ipv6 = read_address(*value, "ipv6", false, reader);
    source.ipv6 = value->place;
  }
  if (const YamlNode* value = map.find("mx")) {
    source.mx = value->place;
    if (const auto text = reader.text(*value, "mx")) {
      std::string problem;
      source.sinkhole.mx = read_listed_name(*text, problem);
      if (!source.sinkhole.mx) {
        reader.error(*value, problem);
      } else if (source.sinkhole.mx->is_root()) {
        reader.error(*value, "`mx: .` would be a null MX; write the sinkhole's name, or `action: " +
                                 std::string("null-mx` in the rule"));
      }
    }
  }
  map.finish();
  if (node.kind == YamlNode::Kind::map && !map.has("ipv4") && !map.has("ipv6")) {
    reader.error(node, "`sinkhole` has no address; write `ipv4` and `ipv6`, the addresses of a " +
                           std::string("server that refuses mail"));
  }
  return source;
}

std::optional<Action> read_action(const YamlNode& node, const YamlReader& reader) {
  std::vector<std::string_view> words;
  for (const Action action : written_actions) {
    words.push_back(to_string(action));
  }
  // The words of `policy` and `rpz-action-override` of other resolvers.
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> others{{
      {"given", "leave `action` out, and the zone's own actions hold"},
      {"passthru", "write `allow`"},
      {"no-op", "write `observe`"},
      {"disabled", "write `observe`, which writes events and blocks nothing"},
      {"cname", "write `sinkhole`, with the addresses to go to in `sinkhole:`"},
      {"truncate", "write `tcp-only`"},
  }};
  if (node.kind == YamlNode::Kind::text) {
    const auto* const other =
        std::ranges::find(others, node.text, &decltype(others)::value_type::first);
    if (other != others.end()) {
      reader.error(node, shown(node.text) + " is a response policy zone's word; " +
                             std::string(other->second));
      return std::nullopt;
    }
  }
  const auto index = reader.word(node, "action", words);
  return index ? action_from(words[*index]) : std::nullopt;
}

std::optional<TypeSet> read_types(const YamlNode& node, const YamlReader& reader) {
  if (node.kind == YamlNode::Kind::text && node.text == "delivery") {
    return TypeSet::delivery();
  }
  if (node.kind == YamlNode::Kind::text && node.text == "all") {
    return TypeSet::all();
  }
  if (node.kind != YamlNode::Kind::list) {
    reader.error(node, "`types` must be `delivery`, `all` or a list such as [MX, A, AAAA], not " +
                           (node.kind == YamlNode::Kind::text ? shown(node.text)
                                                              : std::string(kind_name(node))));
    return std::nullopt;
  }
  const auto* items = reader.list(node, "types");
  if (items == nullptr) {
    return std::nullopt;
  }
  TypeSet types;
  for (const YamlNode& item : *items) {
    const auto text = reader.text(item, "types");
    if (!text) {
      continue;
    }
    const auto type = type_from_text(*text);
    if (!type) {
      reader.error(item, shown(*text) + " is no RR type; write a name such as MX, A or AAAA, or " +
                             "TYPE and a number");
    } else if (*type >= TypeSet::limit) {
      reader.error(item, "the type " + shown(*text) + " is above " +
                             std::to_string(TypeSet::limit - 1) + ", which only `types: all` can " +
                             "cover; write that or leave the type out");
    } else {
      types.add(*type);
    }
  }
  return types;
}

std::optional<std::uint32_t> read_ttl(const YamlNode& node, const YamlReader& reader) {
  return reader.number(node, "ttl", 0, longest_ttl);
}

void read_clients(const YamlNode& node, const std::vector<Group>& groups, const YamlReader& reader,
                  bool& every_client, GroupSet& set) {
  if (node.kind == YamlNode::Kind::text && node.text == "any") {
    every_client = true;
    set = 0;
    return;
  }
  const auto* items = reader.list(node, "clients");
  if (items == nullptr) {
    return;
  }
  std::vector<std::string_view> names;
  names.reserve(groups.size());
  for (const Group& group : groups) {
    names.emplace_back(group.name);
  }
  GroupSet found = 0;
  for (const YamlNode& item : *items) {
    const auto text = reader.text(item, "clients");
    if (!text) {
      continue;
    }
    const auto name = std::find(names.begin(), names.end(), *text);
    if (name != names.end()) {
      found |= GroupSet{1} << static_cast<std::size_t>(name - names.begin());
      continue;
    }
    const std::string_view meant = closest(*text, names);
    reader.error(item, "there is no group " + shown(*text) +
                           (meant.empty() ? "" : ", did you mean " + shown(meant) + "?") +
                           (names.empty() ? "; define it under `clients:` at the top, as in "
                                            "`clients: {mail: [192.0.2.0/24]}`"
                                          : "; the groups are: " + joined(names)));
  }
  if (found != 0) {
    every_client = false;
    set = found;
  }
}

Defaults read_defaults(const YamlNode* node, const std::vector<Group>& groups,
                       const YamlReader& reader) {
  Defaults defaults;
  if (!groups.empty()) {
    defaults.every_client = false;
    for (std::size_t i = 0; i < groups.size(); ++i) {
      defaults.groups |= GroupSet{1} << i;
    }
  }
  if (node == nullptr) {
    return defaults;
  }
  YamlMap map(*node, keys::defaults, reader);
  if (const YamlNode* value = map.find("action")) {
    defaults.action = read_action(*value, reader).value_or(defaults.action);
  }
  if (const YamlNode* value = map.find("types")) {
    defaults.types = read_types(*value, reader).value_or(defaults.types);
  }
  if (const YamlNode* value = map.find("clients")) {
    read_clients(*value, groups, reader, defaults.every_client, defaults.groups);
  }
  if (const YamlNode* value = map.find("ttl")) {
    defaults.ttl = read_ttl(*value, reader).value_or(defaults.ttl);
    defaults.ttl_written = true;
  }
  map.finish();
  return defaults;
}

bool is_lost_at_restart(const std::filesystem::path& file) {
  const auto text = file.lexically_normal().native();
  return text.starts_with("/run/") || text.starts_with("/var/run/") || text.starts_with("/dev/");
}

void read_control(const YamlNode& node, const YamlReader& reader, WrittenFiles& files,
                  ControlSettings& control) {
  YamlMap map(node, keys::control, reader);
  if (const YamlNode* value = map.find("socket")) {
    control.socket = files.read(*value, "socket", "control").value_or("");
  }
  if (const YamlNode* value = map.find("state")) {
    control.state = files.read(*value, "state", "control").value_or("");
    if (is_lost_at_restart(control.state)) {
      reader.error(*value, shown(control.state.native()) +
                               " is lost when the machine restarts, and with it what `nearmiss "
                               "observe` and `allow` switched; write a place on a disk, as "
                               "/var/lib/unbound/nearmiss.state");
    }
  }
  map.finish();
}

} // namespace nearmiss
