// What a policy says outside its rules: groups of clients, sinkhole, defaults.
#pragma once

#include "config/config.hpp"
#include "config/written_files.hpp"
#include "config/yaml_reader.hpp"
#include "rules/policy_builder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nearmiss {

// A group of clients as the policy has it. Its index is its bit in a GroupSet.
struct Group {
  std::string name;
  Place place; // of the name
  std::vector<Prefix> prefixes;
};

// What a rule does where it does not say so itself.
struct Defaults {
  Action action = Action::nxdomain;
  TypeSet types = TypeSet::delivery();
  std::uint32_t ttl = 60;
  bool ttl_written = false; // else nobody chose it
  bool every_client = true;
  GroupSet groups = 0;
};

// The addresses and the MX of `sinkhole:`, with their places for warnings.
struct SinkholeSource {
  Sinkhole sinkhole;
  Place place; // of the key `sinkhole`; line 0: there is none
  Place ipv4, ipv6, mx;
};

std::vector<Group> read_groups(const YamlNode& node, const YamlReader& reader);
SinkholeSource read_sinkhole(const YamlNode& node, Place key, const YamlReader& reader);
Defaults read_defaults(const YamlNode* node, const std::vector<Group>& groups,
                       const YamlReader& reader);
// What `control` says; leaves alone what it does not.
void read_control(const YamlNode& node, const YamlReader& reader, WrittenFiles& files,
                  ControlSettings& control);

// Below a directory that is in memory alone, on any system.
bool is_lost_at_restart(const std::filesystem::path& file);

// The values that `defaults` and a rule have in common.
std::optional<Action> read_action(const YamlNode& node, const YamlReader& reader);
std::optional<TypeSet> read_types(const YamlNode& node, const YamlReader& reader);
std::optional<std::uint32_t> read_ttl(const YamlNode& node, const YamlReader& reader);
// An address or a prefix (CIDR) under `key`.
std::optional<Prefix> read_prefix(const YamlNode& node, std::string_view key,
                                  const YamlReader& reader);
// `any`, or names of groups. Sets both results; leaves them alone after an error.
void read_clients(const YamlNode& node, const std::vector<Group>& groups, const YamlReader& reader,
                  bool& every_client, GroupSet& set);

} // namespace nearmiss
