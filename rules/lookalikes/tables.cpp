#include "rules/lookalikes/tables.hpp"

#include "rules/lookalikes/edit.hpp"
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/suffix.hpp"

#include <algorithm>
#include <stdexcept>

namespace nearmiss {

namespace {

using lookalike::Alias;
using lookalike::KeyEntry;
using lookalike::KeyKind;
using lookalike::make_key;
using lookalike::Target;

constexpr ClassSet edits{LookalikeClass::repetition, LookalikeClass::transposition,
                         LookalikeClass::omission,   LookalikeClass::hyphenation,
                         LookalikeClass::insertion,  LookalikeClass::replacement,
                         LookalikeClass::vowel_swap, LookalikeClass::bitsquatting,
                         LookalikeClass::addition,   LookalikeClass::plural};

std::u32string widen(std::string_view octets) {
  std::u32string text;
  for (const char octet : octets) {
    text += static_cast<unsigned char>(octet);
  }
  return text;
}

// A copy that lives as long as `memory`.
template<typename Character>
std::basic_string_view<Character> keep(std::basic_string_view<Character> text,
                                       std::pmr::memory_resource& memory) {
  auto* const copy =
      static_cast<Character*>(memory.allocate(text.size() * sizeof(Character), alignof(Character)));
  std::ranges::copy(text, copy);
  return {copy, text.size()};
}

// usarmy.mil and us-army.mil for us.army.mil, barmy.mil and abarmy.mil for a.b.army.mil;
// exampleco.uk for example.co.uk. Labels beside the registered one are joined as they are written.
void add_missing_dots(const Name& domain, const Target& target, std::uint32_t index,
                      std::vector<Alias>& aliases) {
  const std::size_t own = domain.label_count() - target.suffix_labels - 1;
  std::u32string joined(target.label);
  std::u32string hyphened(target.label);
  for (std::size_t at = own; at-- > 0;) {
    const std::u32string before = widen(domain.label(at));
    joined.insert(0, before);
    hyphened.insert(0, before + U'-');
    aliases.push_back({joined, std::string(target.suffix), index, LookalikeClass::missing_dot});
    aliases.push_back(
        {hyphened, std::string(target.suffix), index, LookalikeClass::subdomain_as_prefix});
  }
  if (target.suffix_labels > 1) {
    const std::u32string joined_with_suffix =
        std::u32string(target.label) + widen(domain.label(own + 1));
    aliases.push_back({joined_with_suffix,
                       std::string(last_octets(domain, target.suffix_labels - 1)), index,
                       LookalikeClass::missing_dot});
  }
}

// armymil and army-mil, to stand under any suffix; of a deeper name usarmymil and us-army-mil too.
void add_joined_names(const Name& domain, const Target& target, std::uint32_t index,
                      std::vector<Alias>& aliases) {
  for (const std::size_t labels : {target.suffix_labels + 1, domain.label_count()}) {
    for (const std::u32string_view between : {U"", U"-"}) {
      std::u32string joined;
      for (std::size_t at = domain.label_count() - labels; at < domain.label_count(); ++at) {
        joined += joined.empty() ? std::u32string_view() : between;
        joined += widen(domain.label(at));
      }
      aliases.push_back({joined, "", index, LookalikeClass::subdomain_as_prefix});
    }
  }
}

} // namespace

std::uint64_t LookalikeIndex::Tables::hash_octets(std::string_view octets) const noexcept {
  return hasher.append(0, octets);
}

std::uint64_t LookalikeIndex::Tables::hash_text(std::u32string_view text) const noexcept {
  std::uint64_t hash = 0;
  for (const char32_t character : text) {
    hash = hasher.append(hash, character);
  }
  return hash;
}

Target LookalikeIndex::Tables::take_apart(const Protected& wanted,
                                          std::set<std::string_view>& suffixes) {
  const Name& domain = wanted.domain;
  const std::size_t suffix_labels = lookalike::owned_suffix_labels(domain);
  const std::string_view suffix = last_octets(domain, suffix_labels);
  auto known = suffixes.find(suffix);
  if (known == suffixes.end()) {
    known = suffixes.insert(keep(suffix, texts)).first;
  }
  const auto decoded = lookalike::decode(domain.label(domain.label_count() - suffix_labels - 1));
  const auto folded = lookalike::fold(decoded.view());
  const std::u32string_view label = keep(decoded.view(), texts);
  return {label,       folded.view() == label ? label : keep(folded.view(), texts),
          *known,      wanted.classes,
          wanted.rule, suffix_labels};
}

LookalikeIndex::Tables::Tables(std::vector<Protected> protected_domains)
    : domains(std::move(protected_domains)) {
  lookalike::load_public_suffixes();
  lookalike::load_glyphs();

  std::vector<KeyEntry> entries;
  const auto add_trusted = [&](const Name& name) {
    entries.push_back(
        {make_key(KeyKind::trusted, hash_octets(last_octets(name, name.label_count()))),
         static_cast<std::uint32_t>(trusted.size())});
    trusted.push_back(name);
    longest_trusted = std::max(longest_trusted, name.label_count());
  };
  std::set<std::string_view> suffixes;
  targets.reserve(domains.size());
  for (std::uint32_t index = 0; index < domains.size(); ++index) {
    const auto& [domain, classes, rule] = domains[index];
    if (domain.label_count() < 2) {
      throw std::invalid_argument("cannot protect \"" + domain.to_text() +
                                  "\": look-alikes are found for domains of two labels or more");
    }
    const Target& target = targets.emplace_back(take_apart(domains[index], suffixes));
    const std::size_t registered_labels = target.suffix_labels + 1;
    const Name registered = domain.last_labels(registered_labels);
    const std::uint64_t suffix = hash_octets(target.suffix);
    const auto add = [&](KeyKind kind, std::uint64_t hash, std::uint64_t second = 0) {
      entries.push_back({make_key(kind, hash, second), index});
    };

    add_trusted(domain);
    if (registered_labels != domain.label_count()) {
      add_trusted(registered);
    }
    entries.push_back({make_key(KeyKind::suffix, suffix), 0});
    add(KeyKind::label, hash_text(target.label), suffix);
    if (classes.contains(LookalikeClass::tld_swap)) {
      add(KeyKind::any_label, hash_octets(domain.label(domain.label_count() - registered_labels)));
    }
    if (classes.meets({LookalikeClass::homoglyph, LookalikeClass::near_homoglyph})) {
      const lookalike::Text skeleton = lookalike::coarse_skeleton(target.folded);
      add(KeyKind::skeleton, hash_text(skeleton.view()), suffix);
      skeletons.add(skeleton.view());
    }
    if (classes.meets({LookalikeClass::subdomain_as_prefix, LookalikeClass::embedded_domain})) {
      for (const Name& whole : {domain, registered}) {
        add(KeyKind::sequence, hash_octets(last_octets(whole, whole.label_count())));
        sequence_labels.push_back(whole.label_count());
      }
      anywhere = anywhere || classes.contains(LookalikeClass::embedded_domain);
    }
    if (classes.meets(edits)) {
      add(KeyKind::deletion, hash_text(target.label), suffix);
      for (std::size_t at = 0; at < target.label.size(); ++at) {
        std::u32string shorter(target.label);
        shorter.erase(at, 1);
        add(KeyKind::deletion, hash_text(shorter), suffix);
      }
      longest_label = std::max(longest_label, target.label.size());
    }
    if (classes.contains(LookalikeClass::plural)) {
      for (auto& word : lookalike::other_numbers(target.label)) {
        aliases.push_back(
            {std::move(word), std::string(target.suffix), index, LookalikeClass::plural});
      }
    }
    if (classes.meets({LookalikeClass::missing_dot, LookalikeClass::subdomain_as_prefix})) {
      add_missing_dots(domain, target, index, aliases);
    }
    if (classes.contains(LookalikeClass::subdomain_as_prefix)) {
      add_joined_names(domain, target, index, aliases);
    }
    longest_suffix = std::max(longest_suffix, target.suffix_labels);
    longest_under_suffix = std::max(longest_under_suffix, target.label.size());
  }
  for (std::uint32_t index = 0; index < aliases.size(); ++index) {
    const Alias& alias = aliases[index];
    const std::uint64_t suffix = hash_octets(alias.suffix);
    const auto kind = alias.suffix.empty() ? KeyKind::any_alias : KeyKind::alias;
    entries.push_back({make_key(kind, hash_text(alias.label), suffix), index});
    if (!alias.suffix.empty()) {
      entries.push_back({make_key(KeyKind::suffix, suffix), 0});
      longest_under_suffix = std::max(longest_under_suffix, alias.label.size());
    }
  }
  std::sort(sequence_labels.begin(), sequence_labels.end());
  sequence_labels.erase(std::unique(sequence_labels.begin(), sequence_labels.end()),
                        sequence_labels.end());
  keys = lookalike::KeyTable(std::move(entries));
}

} // namespace nearmiss
