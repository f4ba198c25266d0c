// usage: nearmiss_documents schema | keys | classes
//
// What the documents have from the code: the JSON Schema of a policy and the reference's tables of
// keys and classes, from the tables that the reader and the look-alikes themselves use.
// contrib/doc/documents.py puts them into the files.
#include "config/keys.hpp"
#include "rules/lookalikes/lookalike.hpp"

#include <array>
#include <exception>
#include <initializer_list>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace {

using nearmiss::keys::Key;
using nearmiss::keys::Kind;
using nearmiss::keys::Section;
using Json = nlohmann::ordered_json;

Json text_schema() {
  return {{"type", "string"}, {"minLength", 1}};
}

Json list_of(const Json& items) {
  return {{"type", "array"}, {"items", items}, {"minItems", 1}};
}

Json words_schema(std::span<const std::string_view> words) {
  Json schema;
  schema["enum"] = Json(std::vector<std::string>(words.begin(), words.end()));
  return schema;
}

Json reference_to(const Section& section) {
  return {{"$ref", "#/definitions/" + std::string(section.name)}};
}

Json any_of(const Json& first, const Json& second) {
  return {{"anyOf", Json::array({first, second})}};
}

std::vector<std::string_view> class_words() {
  std::vector<std::string_view> words;
  for (std::size_t index = 0; index < nearmiss::lookalike_class_count; ++index) {
    words.push_back(to_string(static_cast<nearmiss::LookalikeClass>(index)));
  }
  words.emplace_back("default");
  return words;
}

// What the value must look like, without its description.
Json value_schema(const Key& key) {
  const Json list_of_prefixes = list_of(text_schema());
  switch (key.kind) {
  case Kind::text:
  case Kind::path:
  case Kind::name:
  case Kind::endpoint:
    // YAML reads an unquoted 4711 as a number; the reader takes any plain value as text.
    return {{"type", Json::array({"string", "number", "boolean"})}, {"minLength", 1}};
  case Kind::ipv4:
    return {{"type", "string"}, {"pattern", R"(^[0-9]{1,3}(\.[0-9]{1,3}){3}$)"}};
  case Kind::ipv6:
    return {{"type", "string"}, {"pattern", "^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$"}};
  case Kind::word:
    if (key.name == "version") {
      return {{"enum", Json::array({1, "1"})}};
    }
    return words_schema(key.words);
  case Kind::number:
    return {{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}};
  case Kind::truth:
    return {{"type", "boolean"}};
  case Kind::date:
    return {{"type", "string"}, {"pattern", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}};
  case Kind::names:
  case Kind::prefixes:
    return list_of_prefixes;
  case Kind::uris: {
    Json uris = list_of({{"type", "string"}, {"pattern", "^(mailto|tel|sip|sips|https):.+"}});
    uris["maxItems"] = 4;
    return uris;
  }
  case Kind::types:
    return any_of({{"enum", Json::array({"delivery", "all"})}}, list_of(text_schema()));
  case Kind::clients:
    return any_of({{"const", "any"}}, list_of(text_schema()));
  case Kind::classes:
    return any_of({{"const", "default"}}, list_of(words_schema(class_words())));
  case Kind::suffixes:
    return any_of({{"const", "default"}}, list_of(text_schema()));
  case Kind::map:
    return reference_to(*key.section);
  case Kind::maps:
    return list_of(reference_to(*key.section));
  case Kind::map_or_maps:
    return any_of(reference_to(*key.section), list_of(reference_to(*key.section)));
  case Kind::word_or_map:
    return any_of(words_schema(key.words), reference_to(*key.section));
  case Kind::map_of_prefixes:
    return {{"type", "object"},
            {"minProperties", 1},
            {"propertyNames", {{"not", {{"const", "any"}}}}},
            {"additionalProperties", list_of_prefixes}};
  }
  return {};
}

// Plain text: what a tooltip shows. `[text](place)` becomes `text`.
std::string without_links(std::string_view markdown) {
  std::string text(markdown);
  for (auto end = text.find("]("); end != std::string::npos; end = text.find("](")) {
    const auto begin = text.rfind('[', end);
    const auto close = text.find(')', end);
    text = text.substr(0, begin) + text.substr(begin + 1, end - begin - 1) + text.substr(close + 1);
  }
  return text;
}

// For anyOf and oneOf: a schema for each key, which requires it.
Json one_required(std::initializer_list<const char*> keys) {
  Json all = Json::array();
  for (const char* key : keys) {
    all.push_back({{"required", Json::array({key})}});
  }
  return all;
}

Json section_schema(const Section& section) {
  Json schema{{"type", "object"}, {"description", section.text}, {"additionalProperties", false}};
  Json required = Json::array();
  for (const Key& key : section.keys) {
    Json value = value_schema(key);
    const std::string usual =
        key.is_required() ? " Required." : " Default: " + std::string(key.usual) + '.';
    std::string description =
        without_links(key.text) + usual + " Example: `" + std::string(key.example) + "`";
    if (value.contains("$ref")) { // draft 7 ignores what stands beside a reference
      value = Json{{"allOf", Json::array({value})}};
    }
    value["description"] = description;
    schema["properties"][std::string(key.name)] = value;
    if (key.is_required()) {
      required.push_back(key.name);
    }
  }
  if (!required.empty()) {
    schema["required"] = required;
  }
  if (&section == &nearmiss::keys::policy) {
    schema["anyOf"] = one_required({"rules", "protect"});
  } else if (&section == &nearmiss::keys::rule) {
    schema["anyOf"] =
        one_required({"confusable", "domains", "exact", "list", "mx_exchange", "answer_ip"});
  } else if (&section == &nearmiss::keys::protect) {
    schema["anyOf"] = one_required({"domains", "file"});
  } else if (&section == &nearmiss::keys::sinkhole) {
    schema["anyOf"] = one_required({"ipv4", "ipv6"});
  } else if (&section == &nearmiss::keys::log) {
    schema["oneOf"] = one_required({"file", "syslog", "journald"});
  }
  return schema;
}

Json policy_schema() {
  Json schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
              {"title", "A policy of nearmiss"}};
  schema.update(section_schema(nearmiss::keys::policy));
  for (const Section* section : nearmiss::keys::sections()) {
    if (section != &nearmiss::keys::policy) {
      schema["definitions"][std::string(section->name)] = section_schema(*section);
    }
  }
  return schema;
}

// The type of a value with its limits, in words.
std::string type_in_words(const Key& key) {
  std::string words;
  for (const std::string_view word : key.words) {
    words.append(words.empty() ? "`" : ", `").append(word).append("`");
  }
  switch (key.kind) {
  case Kind::text:
    return "text";
  case Kind::path:
    return "path";
  case Kind::word:
    return words;
  case Kind::number:
    return "number, " + std::to_string(key.least) + " to " + std::to_string(key.most);
  case Kind::truth:
    return "`true` or `false`";
  case Kind::date:
    return "date, year-month-day";
  case Kind::name:
    return "domain name";
  case Kind::names:
    return "list of domain names";
  case Kind::ipv4:
    return "IPv4 address";
  case Kind::ipv6:
    return "IPv6 address";
  case Kind::endpoint:
    return "address:port";
  case Kind::uris:
    return "list of URIs";
  case Kind::prefixes:
    return "list of addresses and prefixes";
  case Kind::types:
    return "`delivery`, `all` or a list of RR types";
  case Kind::clients:
    return "`any` or a list of groups";
  case Kind::classes:
    return "`default` or a list of classes";
  case Kind::suffixes:
    return "`default` or a list of suffixes";
  case Kind::map:
    return "map";
  case Kind::maps:
    return "list of maps";
  case Kind::map_or_maps:
    return "map or list of maps";
  case Kind::word_or_map:
    return words + " or a map";
  case Kind::map_of_prefixes:
    return "map of lists of prefixes";
  }
  return {};
}

// What stands above a section's table: its path in the file.
std::string heading_of(const Section& section) {
  using namespace nearmiss::keys;
  if (&section == &policy) {
    return "Top of the file";
  }
  if (&section == &rule) {
    return "An item of `rules`";
  }
  if (&section == &protect) {
    return "An item of `protect`";
  }
  if (&section == &confusable || &section == &list) {
    return '`' + std::string(section.name) + "` of a rule";
  }
  if (&section == &syslog) {
    return "`syslog` of an entry of `log`";
  }
  return '`' + std::string(section.name) + '`';
}

void print_keys() {
  for (const Section* section : nearmiss::keys::sections()) {
    std::cout << "### " << heading_of(*section) << "\n\n"
              << "| key | type and limit | default | example | meaning |\n"
              << "| --- | --- | --- | --- | --- |\n";
    for (const Key& key : section->keys) {
      std::cout << "| `" << key.name << "` | " << type_in_words(key) << " | " << key.usual << " | `"
                << key.example << "` | " << key.text << " |\n";
    }
    std::cout << '\n';
  }
}

// An example of each class, of the protected domain beside it.
struct Example {
  std::string_view kind, name, meant, text;
};
constexpr std::array<Example, nearmiss::lookalike_class_count> examples{{
    {"homoglyph", "arrny.mil", "army.mil",
     "glyphs that look the same: rn and m, 1 and l, letters of other scripts"},
    {"near-homoglyph", "4rmy.mil", "army.mil",
     "one or two glyphs that are only similar: 4 and a, m and n"},
    {"tld-swap", "army.ml", "army.mil", "another TLD: a known mistyping, or one edit away"},
    {"missing-dot", "usarmy.mil", "us.army.mil", "a dot left out"},
    {"dot-insertion", "ar.my.mil", "army.mil", "a dot put in"},
    {"www-prefix", "wwwarmy.mil", "army.mil", "the dot after www left out"},
    {"subdomain-as-prefix", "army.mil.example", "army.mil",
     "the whole name before another suffix, also joined or with a hyphen"},
    {"repetition", "armyy.mil", "army.mil", "a character twice"},
    {"transposition", "amry.mil", "army.mil", "two neighbours swapped"},
    {"omission", "arm.mil", "army.mil", "a character left out"},
    {"hyphenation", "ar-my.mil", "army.mil", "a hyphen put in or left out"},
    {"insertion", "arfmy.mil", "army.mil", "a neighbouring key hit too"},
    {"replacement", "arny.mil", "army.mil",
     "a neighbouring key hit instead (qwerty, qwertz, azerty)"},
    {"vowel-swap", "urmy.mil", "army.mil", "another vowel"},
    {"bitsquatting", "crmy.mil", "army.mil", "one bit flipped"},
    {"addition", "armyx.mil", "army.mil", "a letter or digit at the end"},
    {"plural", "armys.mil", "army.mil", "an s or es at the end"},
    {"combosquatting", "login-army.mil", "army.mil", "a word and a hyphen before it"},
    {"embedded-domain", "army.mil.dbl.example.net", "army.mil",
     "the whole name inside another one"},
    {"misspelling", "arzy.mil", "army.mil", "another letter instead, or one that sounds alike"},
    {"two-slips", "spaxeforse.mil", "spaceforce.mil", "two slips in the label"},
    {"ending-slip", "army.nil", "army.mil", "a slip in the ending, whether it exists or not"},
    {"label-and-ending", "spaceforse.nil", "spaceforce.mil",
     "a slip in the label and one in the ending"},
    {"moved-dot", "armym.il", "army.mil", "a dot a letter further on, or put in beside a slip"},
}};

// The length of a label from which on the class is on by default; 0: never.
std::size_t default_from(nearmiss::LookalikeClass kind) {
  constexpr std::size_t longest = 63;
  std::size_t from = 0;
  for (std::size_t length = longest; length > 0; --length) {
    const auto domain = nearmiss::Name::from_text(std::string(length, 'k') + ".example");
    if (!default_classes(*domain).contains(kind)) {
      return from;
    }
    from = length;
  }
  return from;
}

// Found by the score of a slip alone, which `classes: default` switches on.
bool weighed(nearmiss::LookalikeClass kind) {
  return kind >= nearmiss::LookalikeClass::misspelling;
}

void print_classes() {
  std::cout << "| class | example | of | what differs | on from |\n"
            << "| --- | --- | --- | --- | --- |\n";
  for (const Example& example : examples) {
    const auto kind = nearmiss::lookalike_class_from(example.kind);
    if (!kind) {
      throw std::logic_error("no class " + std::string(example.kind));
    }
    const std::size_t from = default_from(*kind);
    std::cout << "| `" << example.kind << "` | `" << example.name << "` | `" << example.meant
              << "` | " << example.text << " | "
              << (from == 0   ? (weighed(*kind) ? "by its score" : "never")
                  : from == 1 ? "any length"
                              : std::to_string(from) + " characters")
              << " |\n";
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    const std::string_view what = argc == 2 ? argv[1] : "";
    if (what == "schema") {
      std::cout << policy_schema().dump(2) << '\n';
    } else if (what == "keys") {
      print_keys();
    } else if (what == "classes") {
      print_classes();
    } else {
      std::cerr << "usage: nearmiss_documents schema | keys | classes\n";
      return 2;
    }
  } catch (const std::exception& e) {
    std::cerr << "nearmiss_documents: " << e.what() << '\n';
    return 2;
  }
}
