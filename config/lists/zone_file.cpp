#include "config/lists/zone_file.hpp"

#include "config/diagnostics.hpp"
#include "config/lists/rdata.hpp"
#include "rules/rule.hpp"

#include <algorithm>
#include <cctype>

namespace nearmiss {

namespace {

constexpr std::size_t longest_ttl = 2147483647; // RFC 2181 section 8
constexpr std::uint16_t type_cname = 5;

std::string upper(std::string_view word) {
  std::string text(word);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::optional<std::uint16_t> type_of(std::string_view word) noexcept {
  return word == "CNAME" ? std::optional(type_cname) : type_from_text(word);
}

constexpr std::string_view right_record =
    "write a record as `name CNAME .`, with TTL and class, if any, before the type";

} // namespace

void ZoneFile::read(const Found& found, const Broken& broken) {
  ZoneEntry entry;
  while (text_.next(entry)) {
    if (!entry.problem.empty()) {
      origin_broken_ =
          origin_broken_ || (!entry.words.empty() && upper(entry.words[0]) == "$ORIGIN");
      if (!entry.continued) { // the next line may have no owner of its own
        ZoneRecord unused;
        last_owner_ = Owner::broken;
        if (entry.owner_sound) {
          (void)take_owner(entry, unused, [](std::size_t, const std::string&) {});
        }
      }
      broken(entry.line, std::move(entry.problem));
    } else if (entry.words[0].starts_with('$')) {
      take_directive(entry, broken);
    } else {
      take(entry, found, broken);
    }
  }
}

void ZoneFile::set_origin(const Name& origin) {
  if (last_owner_ == Owner::good && previous_.owner_below == Below::origin) {
    if (const auto owner = previous_.owner.with_suffix(Name(), origin_)) {
      previous_.owner = *owner;
      previous_.owner_below = Below::root;
    }
  }
  origin_ = origin;
  origin_known_ = true;
  origin_broken_ = false;
}

void ZoneFile::take_directive(const ZoneEntry& entry, const Broken& broken) {
  const std::string directive = upper(entry.words[0]);
  const auto& words = entry.words;
  if (directive == "$ORIGIN") {
    bool relative = false;
    auto name = words.size() == 2 ? zone_name(words[1], relative) : std::nullopt;
    if (name && relative) {
      name = origin_broken_ ? std::nullopt : name->with_suffix(Name(), origin_);
    }
    if (!name) {
      origin_broken_ = true;
      broken(entry.line, "`$ORIGIN` needs one name; write it as `$ORIGIN rpz.example.`, with the "
                         "final dot");
    } else {
      const bool known = origin_known_ || !relative;
      set_origin(*name);
      origin_known_ = known;
    }
  } else if (directive == "$TTL") {
    std::size_t ttl = 0;
    if (words.size() != 2 || !zone_ttl(words[1], ttl) || ttl > longest_ttl) {
      broken(entry.line, "`$TTL` needs a number of seconds up to 2147483647, or a time such as "
                         "`1h30m`");
    } else {
      default_ttl_ = static_cast<std::uint32_t>(ttl);
    }
  } else if (directive == "$INCLUDE") {
    broken(entry.line, "`$INCLUDE` is not followed: the policy would depend on a file that it does "
                       "not name; put that file's records here, or in a list of their own");
  } else if (directive == "$GENERATE") {
    broken(entry.line,
           "`$GENERATE` is BIND's own and is not carried out; write its records out, as "
           "`named-compilezone` does");
  } else {
    broken(entry.line, shown(words[0]) + " is no directive of a zone file; `$ORIGIN` and `$TTL` "
                                         "are, and a name that begins with `$` is written `\\$`");
  }
}

bool ZoneFile::take_owner(const ZoneEntry& entry, ZoneRecord& record, const Broken& broken) {
  if (entry.continued) {
    if (last_owner_ != Owner::good) {
      broken(entry.line,
             last_owner_ == Owner::none
                 ? "there is no record before, whose owner this line could have; write the owner "
                   "at the line's start"
                 : "the owner is that of the record before, which is broken; mend that one");
      return false;
    }
    record.owner = previous_.owner;
    record.owner_below = previous_.owner_below;
    return true;
  }
  bool relative = false;
  const auto name = zone_name(entry.words[0], relative);
  const bool fits =
      name && (!relative || name->wire().size() + origin_.wire().size() - 1 <= Name::max_octets);
  if (!fits || (relative && origin_broken_)) {
    last_owner_ = Owner::broken;
    broken(entry.line,
           fits ? "the `$ORIGIN` before is broken, so that it is not known what " +
                      shown(entry.words[0]) + " is relative to; mend that one"
                : "no record of a zone file: " + shown(entry.words[0]) + " is no domain name");
    return false;
  }
  const Below below = origin_known_ ? Below::origin : Below::zone;
  record.owner = *name;
  record.owner_below = relative ? below : Below::root;
  if (record.owner_below == Below::zone && !origin_.is_root()) {
    record.owner = *name->with_suffix(Name(), origin_);
  }
  previous_.owner = record.owner;
  previous_.owner_below = record.owner_below;
  last_owner_ = Owner::good;
  return true;
}

void ZoneFile::take(const ZoneEntry& entry, const Found& found, const Broken& broken) {
  ZoneRecord record;
  record.line = entry.line;
  if (!take_owner(entry, record, broken)) {
    return;
  }
  const std::span<const std::string_view> words(entry.words);
  std::size_t at = entry.continued ? 0 : 1;
  ZoneClass zone = ZoneClass::none;
  std::size_t ttl = 0;
  bool has_ttl = false;
  for (; at < words.size(); ++at) { // in either order
    const ZoneClass here = zone_class(words[at]);
    if (here != ZoneClass::none && zone == ZoneClass::none) {
      zone = here;
    } else if (here == ZoneClass::none && !has_ttl && zone_ttl(words[at], ttl)) {
      has_ttl = true;
    } else {
      break;
    }
  }
  const auto type = at < words.size() ? type_of(words[at]) : std::nullopt;
  if (!type) {
    broken(entry.line,
           "no record of a zone file: " +
               (at < words.size() ? shown(words[at]) + " is no type; " : "there is no type; ") +
               std::string(right_record));
    return;
  }
  if (ttl > longest_ttl) {
    broken(entry.line, "no record of a zone file: a TTL is at most 2147483647 seconds");
    return;
  }
  if (zone == ZoneClass::other) {
    broken(entry.line, "a record of another class than IN; take it out");
    return;
  }
  if (has_ttl) {
    record.ttl = last_ttl_ = static_cast<std::uint32_t>(ttl);
  } else {
    record.ttl = default_ttl_ ? default_ttl_ : last_ttl_;
  }
  record.type = *type;
  record.data = words.subspan(at + 1);
  found(record);
}

} // namespace nearmiss
