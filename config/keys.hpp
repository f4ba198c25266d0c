// The keys of a policy, in one table.
//
// The reader refuses a key that is not in it (YamlMap), and the reference, the manual page and the
// JSON Schema are made from it (contrib/doc/documents.cpp). tests/unit/config/keys.cpp holds each
// row against the reader: that it asks for the key, the words it takes and the bounds of a number.
//
// To add a key: a row in keys.cpp, then find() or require() in the reader of its section.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace nearmiss::keys {

struct Section;

// What a value looks like in YAML.
enum class Kind : std::uint8_t {
  text,           // text, not empty
  path,           // text: a file or socket, relative to the policy's directory
  word,           // one of `words`
  number,         // from `least` to `most`
  truth,          // true or false
  date,           // 2031-12-31
  name,           // a domain name
  names,          // a list of domain names
  ipv4,           // an address
  ipv6,           // an address
  endpoint,       // an address and a port
  uris,           // a list of contact URIs
  prefixes,       // a list of addresses and CIDR prefixes
  types,          // `delivery`, `all` or a list of RR types
  clients,        // `any` or a list of groups
  classes,        // `default` or a list of classes of look-alikes, `default` among them
  suffixes,       // `default` or a list of suffixes, `default` among them
  map,            // the keys of `section`
  maps,           // a list of such maps
  map_or_maps,    // one such map, or a list of them
  word_or_map,    // one of `words`, or such a map
  map_of_prefixes // any keys, each with a list of prefixes
};

// A key of one section. The texts are Markdown.
struct Key {
  std::string_view name;
  Kind kind;
  std::string_view usual;   // the default, in words; "required" if the key must be there
  std::string_view example; // a value, as YAML has it in one line
  std::string_view text;    // a sentence or two
  std::span<const std::string_view> words{};
  std::uint32_t least = 0, most = 0;
  const Section* section = nullptr;

  constexpr bool is_required() const noexcept { return usual == "required"; }

  // The same key with words, bounds or a section.
  constexpr Key of(std::span<const std::string_view> of_words) const {
    Key key = *this;
    key.words = of_words;
    return key;
  }
  constexpr Key within(std::uint32_t from, std::uint32_t to) const {
    Key key = *this;
    key.least = from;
    key.most = to;
    return key;
  }
  constexpr Key holding(const Section& of_section) const {
    Key key = *this;
    key.section = &of_section;
    return key;
  }
};

// The keys of one kind of map.
struct Section {
  std::string_view name; // "rule"
  std::string_view what; // in messages: "the rule", "`list`"
  std::string_view text; // a sentence
  std::span<const Key> keys;

  // Null if there is no such key.
  const Key* find(std::string_view key) const noexcept;
};

extern const Section policy, sinkhole, defaults, rule, confusable, list, protect, known, log,
    syslog, metrics, control;
// The groups of clients: the admin names the keys, so there are no rows, and any key is known.
extern const Section clients;

// Every section with rows, in the order of the reference.
std::span<const Section* const> sections() noexcept;

} // namespace nearmiss::keys
