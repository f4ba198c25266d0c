// The table of keys (config/keys.hpp) against the reader: what a row says is what the reader does.
#include "config/keys.hpp"
#include "config/diagnostics.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

#include <map>
#include <string>
#include <vector>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>; // keys and values of a map

std::string flow(const Pairs& pairs) {
  std::string all;
  for (const auto& [key, value] : pairs) {
    all.append(all.empty() ? "" : ", ").append(key).append(": ").append(value);
  }
  return '{' + all + '}';
}

Pairs with(Pairs pairs, const std::string& key, const std::string& value) {
  std::erase_if(pairs, [&](const auto& pair) { return pair.first == key; });
  pairs.emplace_back(key, value);
  return pairs;
}

Pairs without(Pairs pairs, const std::string& key) {
  std::erase_if(pairs, [&](const auto& pair) { return pair.first == key; });
  return pairs;
}

// The least that a map of this section may be, without what `key` cannot stand beside.
Pairs base_of(std::string_view section, std::string_view key) {
  static const std::map<std::string_view, Pairs> bases{
      {"policy",
       {{"version", "1"},
        {"clients", "{mail: [192.0.2.1]}"},
        {"sinkhole", "{ipv4: 192.0.2.53}"},
        {"rules", "[{id: r, domains: [a.example]}]"}}},
      {"defaults", {}},
      {"rule", {{"id", "r"}, {"domains", "[a.example]"}}},
      {"confusable", {{"intended", "mil"}, {"mistyped", "[ml]"}}},
      {"list", {{"file", "lists/typos.txt"}, {"format", "domains"}}},
      {"protect", {{"id", "p"}, {"domains", "[army.mil]"}}},
      {"known", {{"file", "lists/known.txt"}}},
      {"sinkhole", {{"ipv4", "192.0.2.53"}}},
      {"log", {{"file", "n.jsonl"}}},
      {"syslog", {{"tcp", "\"192.0.2.1:601\""}}},
      {"metrics", {{"file", "n.prom"}}},
      {"control", {{"socket", "n.sock"}}},
  };
  Pairs base = bases.at(section);
  if (key == "confusable") {
    base = without(base, "domains");
  }
  if (key == "zone") {
    base = {{"file", "lists/feed.rpz"}, {"format", "rpz"}};
  }
  if (key == "syslog" || key == "journald") {
    base = without(base, "file");
  }
  return base;
}

// A policy in which a map of the section is `map`.
std::string policy_with(std::string_view section, const Pairs& map) {
  const Pairs policy = base_of("policy", "");
  const std::string text = flow(map);
  if (section == "policy") {
    return text;
  }
  if (section == "rule") {
    return flow(with(policy, "rules", '[' + text + ']'));
  }
  if (section == "confusable") {
    return flow(with(policy, "rules", "[{id: r, confusable: " + text + "}]"));
  }
  if (section == "list") {
    return flow(with(policy, "rules", "[{id: r, list: " + text + "}]"));
  }
  if (section == "protect") {
    return flow(with(policy, "protect", '[' + text + ']'));
  }
  if (section == "syslog") {
    return flow(with(policy, "log", "{syslog: " + text + '}'));
  }
  return flow(with(policy, std::string(section), text));
}

// What the reader says of a policy in which `key` of the section has that value.
struct Outcome {
  bool taken;
  std::string text;
  bool says(const std::string& words) const { return text.find(words) != std::string::npos; }
};

Outcome outcome_of(const std::string& yaml) {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "lists");
  folder.write("lists/typos.txt", "a.example\nb.example\n");
  folder.write("lists/feed.rpz", "a.example CNAME .\n");
  folder.write("lists/ours.txt", "army.mil\n");
  folder.write("lists/except.txt", "c.example\n");
  folder.write("lists/known.txt", "known.example\n");
  folder.write("providers.txt", "mail.example\n");
  const LoadResult result = folder.load_policy(yaml);
  return {result.config != nullptr, yaml + '\n' + texts(folder, result)};
}

Outcome outcome_of(const keys::Section& section, const keys::Key& key, const std::string& value) {
  return outcome_of(policy_with(
      section.name, with(base_of(section.name, key.name), std::string(key.name), value)));
}

template<typename Check> void for_each_key(const Check& check) {
  for (const keys::Section* section : keys::sections()) {
    for (const keys::Key& key : section->keys) {
      INFO(section->name << ": " << key.name);
      check(*section, key);
    }
  }
}

} // namespace

TEST_CASE("the reader asks for every key of the table", "[config][keys]") {
  for_each_key([](const keys::Section& section, const keys::Key& key) {
    const Outcome outcome = outcome_of(section, key, "");
    INFO(outcome.text);
    CHECK(!outcome.taken);
    CHECK(outcome.says(shown(key.name) + " has no value"));
  });
}

TEST_CASE("the reader takes each key's example, and no value of another shape", "[config][keys]") {
  for_each_key([](const keys::Section& section, const keys::Key& key) {
    const Outcome example = outcome_of(section, key, std::string(key.example));
    INFO(example.text);
    CHECK(example.taken);
    const Outcome nested = outcome_of(section, key, "[[[x]]]");
    INFO(nested.text);
    CHECK(!nested.taken);
  });
}

TEST_CASE("a key that the table requires is required", "[config][keys]") {
  for_each_key([](const keys::Section& section, const keys::Key& key) {
    const Outcome outcome = outcome_of(
        policy_with(section.name, without(base_of(section.name, key.name), std::string(key.name))));
    INFO(outcome.text);
    // "required", and "required without" another key, which is not there either.
    CHECK(outcome.says("has no " + shown(key.name) + ';') == key.usual.starts_with("required"));
  });
}

TEST_CASE("the words of the table are those of the reader", "[config][keys]") {
  for_each_key([](const keys::Section& section, const keys::Key& key) {
    if (key.kind != keys::Kind::word || key.name == "version") {
      return;
    }
    for (const std::string_view word : key.words) {
      const Outcome outcome = outcome_of(section, key, std::string(word));
      INFO(outcome.text);
      CHECK(!outcome.says("is no value of"));
    }
    const Outcome other = outcome_of(section, key, "nosuchword");
    INFO(other.text);
    CHECK(!other.taken);
    std::size_t named = 0; // each word, and no other: the message names all there are
    const std::string list = other.text.substr(other.text.find("write one of: "));
    for (const std::string_view word : key.words) {
      CHECK(list.find(word) != std::string::npos);
      ++named;
    }
    CHECK(static_cast<std::size_t>(std::count(list.begin(), list.end(), ',')) + 1 == named);
  });
}

TEST_CASE("the bounds of the table are those of the reader", "[config][keys]") {
  for_each_key([](const keys::Section& section, const keys::Key& key) {
    if (key.kind == keys::Kind::truth) {
      CHECK(!outcome_of(section, key, "yes").taken);
      CHECK(!outcome_of(section, key, "\"true\"").taken);
    }
    if (key.kind != keys::Kind::number) {
      return;
    }
    CHECK(outcome_of(section, key, std::to_string(key.least)).taken);
    CHECK(outcome_of(section, key, std::to_string(key.most)).taken);
    const Outcome above = outcome_of(section, key, std::to_string(key.most + 1));
    INFO(above.text);
    CHECK(!above.taken);
    CHECK(above.says("from " + std::to_string(key.least) + " to " + std::to_string(key.most)));
  });
}

TEST_CASE("a key outside the table is unknown in every section", "[config][keys]") {
  for (const keys::Section* section : keys::sections()) {
    INFO(section->name);
    const Outcome outcome =
        outcome_of(policy_with(section->name, with(base_of(section->name, ""), "speed", "2")));
    INFO(outcome.text);
    CHECK(!outcome.taken);
    CHECK(outcome.says("unknown key `speed` in " + std::string(section->what)));
  }
}
