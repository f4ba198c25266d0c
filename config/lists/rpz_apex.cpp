#include "config/lists/rpz_apex.hpp"

#include "config/lists/rdata.hpp"
#include "config/names.hpp"

#include <algorithm>
#include <vector>

namespace nearmiss {

namespace {

constexpr std::size_t most_entries = 20000; // that are looked at
constexpr std::size_t most_owners = 500;

// The absolute owners of the first entries.
std::vector<Name> absolute_owners(ZoneText& text) {
  std::vector<Name> owners;
  std::optional<Name> origin;
  ZoneEntry entry;
  for (std::size_t i = 0; i < most_entries && owners.size() < most_owners && text.next(entry);
       ++i) {
    if (!entry.problem.empty() || entry.continued) {
      continue;
    }
    const bool is_origin = entry.words[0] == "$ORIGIN" && entry.words.size() == 2;
    if (entry.words[0].starts_with('$') && !is_origin) {
      continue;
    }
    bool relative = false;
    auto name = zone_name(entry.words[is_origin ? 1 : 0], relative);
    if (name && relative) {
      name = origin ? name->with_suffix(Name(), *origin) : std::nullopt;
    }
    if (is_origin) {
      origin = name;
    } else if (name) {
      owners.push_back(*name);
    }
  }
  return owners;
}

std::size_t common_labels(const std::vector<Name>& names) {
  const Name& first = names.front();
  std::size_t common = first.label_count();
  for (const Name& name : names) {
    common = std::min(common, name.label_count());
    while (common > 0 && !name.is_at_or_below(first.last_labels(common))) {
      --common;
    }
  }
  return common;
}

} // namespace

std::optional<GuessedApex> apex_from_owners(ZoneText behind_soa) {
  const std::vector<Name> owners = absolute_owners(behind_soa);
  if (owners.empty()) {
    return std::nullopt;
  }
  std::optional<GuessedApex> found;
  for (std::size_t labels = 0; labels <= common_labels(owners); ++labels) {
    const Name* below = nullptr; // one that is not the zone's name itself
    const bool fits = std::ranges::all_of(owners, [&](const Name& owner) {
      if (owner.label_count() == labels) {
        return true;
      }
      below = below == nullptr ? &owner : below;
      const std::string_view top = owner.label(owner.label_count() - labels - 1);
      return top.starts_with("rpz-") || is_top_level_domain(top);
    });
    if (fits && below != nullptr) {
      if (found) {
        return std::nullopt;
      }
      found = {owners.front().last_labels(labels), *below};
    }
  }
  return found;
}

} // namespace nearmiss
