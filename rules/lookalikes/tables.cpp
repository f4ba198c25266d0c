#include "rules/lookalikes/tables.hpp"

#include "rules/lookalikes/edit.hpp"
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/slip_keys.hpp"
#include "rules/lookalikes/suffix.hpp"
#include "rules/lookalikes/variants_glyph.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>
#include <tuple>

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

// What only the weighing of slips finds.
constexpr ClassSet only_weighed{LookalikeClass::misspelling, LookalikeClass::two_slips,
                                LookalikeClass::ending_slip, LookalikeClass::label_and_ending,
                                LookalikeClass::moved_dot};

// The label as people see it.
std::u32string read(std::string_view label) {
  return std::u32string(lookalike::decode(label).view());
}

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

// For each domain the one that stands for all with the same registered domain, classes and rule,
// and so with the same look-alikes of it: the one with the fewest labels, of these the first. Else
// a name could have thousands of candidates, the hosts of one domain.
std::vector<std::uint32_t> representatives(const std::vector<Protected>& domains,
                                           const std::vector<Target>& targets) {
  std::map<std::tuple<std::string_view, ClassSet, std::uint32_t, std::int16_t>, std::uint32_t>
      known;
  const auto place_of = [&](std::uint32_t index) {
    const auto& [domain, classes, rule, threshold] = domains[index];
    const auto registered = last_octets(domain, targets[index].suffix_labels + 1U);
    return known.try_emplace({registered, classes, rule, threshold}, index).first;
  };
  for (std::uint32_t index = 0; index < domains.size(); ++index) {
    std::uint32_t& best = place_of(index)->second;
    if (domains[index].domain.label_count() < domains[best].domain.label_count()) {
      best = index;
    }
  }
  std::vector<std::uint32_t> chosen(domains.size());
  for (std::uint32_t index = 0; index < domains.size(); ++index) {
    chosen[index] = place_of(index)->second;
  }
  return chosen;
}

// usarmy.mil and us-army.mil for us.army.mil, barmy.mil and abarmy.mil for a.b.army.mil. Labels
// beside the registered one are joined as they are written.
void add_missing_dots(const Name& domain, const Target& target, std::uint32_t index,
                      std::vector<Alias>& aliases) {
  const std::size_t own = domain.label_count() - target.suffix_labels - 1;
  std::u32string joined(target.label);
  std::u32string hyphened(target.label);
  for (std::size_t at = own; at-- > 0;) {
    const std::u32string before = read(domain.label(at));
    joined.insert(0, before);
    hyphened.insert(0, before + U'-');
    aliases.push_back({joined, std::string(target.suffix), index, LookalikeClass::missing_dot});
    aliases.push_back(
        {hyphened, std::string(target.suffix), index, LookalikeClass::subdomain_as_prefix});
  }
}

// exampleco.uk and example-co.uk for example.co.uk.
void add_joined_suffix(const Name& domain, const Target& target, std::uint32_t index,
                       std::vector<Alias>& aliases) {
  if (target.suffix_labels > 1) {
    const std::u32string label(target.label);
    const auto first = read(domain.label(domain.label_count() - target.suffix_labels));
    const std::string suffix(last_octets(domain, target.suffix_labels - 1));
    aliases.push_back({label + first, suffix, index, LookalikeClass::missing_dot});
    aliases.push_back({label + U'-' + first, suffix, index, LookalikeClass::subdomain_as_prefix});
  }
}

// armymil and army-mil of army.mil, usarmymil and us-army-mil of us.army.mil, to stand under any
// suffix.
void add_joined_name(const Name& name, std::uint32_t index, std::vector<Alias>& aliases) {
  for (const std::u32string_view between : {U"", U"-"}) {
    std::u32string joined;
    for (std::size_t at = 0; at < name.label_count(); ++at) {
      joined += joined.empty() ? std::u32string_view() : between;
      joined += read(name.label(at));
    }
    if (const auto written = lookalike::to_a_label(joined)) {
      aliases.push_back({widen(*written), "", index, LookalikeClass::subdomain_as_prefix});
    }
  }
}

// Leaves one of those that hosts of one domain have in common, as barmy of a.b.army and c.b.army.
void drop_repeated(std::vector<Alias>& aliases, const std::vector<std::uint32_t>& representative) {
  std::set<std::tuple<std::u32string, std::string, LookalikeClass, std::uint32_t>> known;
  std::erase_if(aliases, [&](const Alias& alias) {
    return !known.emplace(alias.label, alias.suffix, alias.kind, representative[alias.target])
                .second;
  });
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
  return {label,
          folded.view() == label ? label : keep(folded.view(), texts),
          *known,
          wanted.classes,
          wanted.rule,
          wanted.threshold,
          static_cast<std::uint8_t>(suffix_labels),
          KnownNames::mail_providers().contains(domain)};
}

void LookalikeIndex::Tables::add_slips(const Name& name, std::uint32_t index,
                                       std::vector<lookalike::SlipTable::Entry>& entries) const {
  const bool whole = name.label_count() > targets[index].suffix_labels + 1U;
  const lookalike::SlipText text(name, name.label_count());
  if (text.too_long() || text.text().find("xn--") != std::string_view::npos) {
    return; // the letters of an A-label are not what people type
  }
  lookalike::for_each_slip_key(hasher, text.joined(),
                               lookalike::slips_of_length(text.joined().size()),
                               [&](std::uint64_t key) {
                                 entries.push_back({key, slip_value(index, whole)});
                               });
}

LookalikeIndex::Tables::Tables(std::vector<Protected> protected_domains,
                               std::shared_ptr<const KnownNames> wanted_known)
    : known_names(std::move(wanted_known)), domains(std::move(protected_domains)) {
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
  for (const Protected& wanted : domains) {
    if (wanted.domain.label_count() < 2) {
      throw std::invalid_argument("cannot protect \"" + wanted.domain.to_text() +
                                  "\": look-alikes are found for domains of two labels or more");
    }
    targets.push_back(take_apart(wanted, suffixes));
  }
  const auto representative = representatives(domains, targets);
  std::vector<lookalike::SlipTable::Entry> slip_entries;
  for (std::uint32_t index = 0; index < domains.size(); ++index) {
    const auto& [domain, classes, rule, threshold] = domains[index];
    const Target& target = targets[index];
    const bool weighed = threshold != no_threshold || classes.meets(only_weighed);
    const bool whole_names =
        classes.meets({LookalikeClass::subdomain_as_prefix, LookalikeClass::embedded_domain});
    const auto add = [&](KeyKind kind, std::uint64_t hash, std::uint64_t second = 0) {
      entries.push_back({make_key(kind, hash, second), index});
    };
    const auto add_whole = [&](const Name& name) {
      add(KeyKind::sequence, hash_octets(last_octets(name, name.label_count())));
      sequence_labels.push_back(name.label_count());
    };

    // What only this name has.
    add_trusted(domain);
    if (whole_names) {
      add_whole(domain);
      anywhere = anywhere || classes.contains(LookalikeClass::embedded_domain);
    }
    if (classes.meets({LookalikeClass::missing_dot, LookalikeClass::subdomain_as_prefix})) {
      add_missing_dots(domain, target, index, aliases);
    }
    if (classes.contains(LookalikeClass::subdomain_as_prefix)) {
      add_joined_name(domain, index, aliases);
    }
    if (weighed && domain.label_count() > target.suffix_labels + 1U) {
      add_slips(domain, index, slip_entries);
    }
    if (representative[index] != index) {
      continue;
    }

    // What the registered domain has.
    const Name registered = domain.last_labels(target.suffix_labels + 1U);
    if (weighed) {
      add_slips(registered, index, slip_entries);
    }
    const std::uint64_t suffix = hash_octets(target.suffix);
    if (registered != domain) {
      add_trusted(registered);
      if (whole_names) {
        add_whole(registered);
      }
      if (classes.contains(LookalikeClass::subdomain_as_prefix)) {
        add_joined_name(registered, index, aliases);
      }
    }
    entries.push_back({make_key(KeyKind::suffix, suffix), 0});
    add(KeyKind::label, hash_text(target.label), suffix);
    if (classes.contains(LookalikeClass::tld_swap)) {
      add(KeyKind::any_label, hash_octets(registered.label(0)));
    }
    if (classes.meets({LookalikeClass::homoglyph, LookalikeClass::near_homoglyph})) {
      const lookalike::Text skeleton = lookalike::coarse_skeleton(target.folded);
      add(KeyKind::skeleton, hash_text(skeleton.view()), suffix);
      skeletons.add(skeleton.view());
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
      add_joined_suffix(domain, target, index, aliases);
    }
    longest_suffix = std::max<std::size_t>(longest_suffix, target.suffix_labels);
    longest_under_suffix = std::max(longest_under_suffix, target.label.size());
  }
  drop_repeated(aliases, representative);
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
  slips = lookalike::SlipTable(std::move(slip_entries));
}

} // namespace nearmiss
