#include "rules/name_index.hpp"
#include "rules/name_index_layout.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace nearmiss {

namespace {

constexpr std::size_t typical_octets = 24; // of a name in the blob, for reserve()
constexpr std::size_t names_a_group = 10;  // on average: more are passed on too often
constexpr std::size_t names_a_word = 9;    // of a filter, on average
constexpr std::size_t many_words = std::size_t{2} << 17U; // of a filter: 2 MiB

void add_to(Table<std::uint64_t>& filter, std::uint64_t quick_hash) noexcept {
  filter[place_of(quick_hash, filter.size())] |= filter_bits(quick_hash);
}

// Of a name that comes again and again, each list that it has on the way is kept up to this length:
// names of a few lists are many, and their lists the same. Longer ones are put together apart, or
// the lists on the way would take memory by the square of their number.
constexpr std::size_t few_marks = 8;

// False: the list says that already.
bool add_mark(std::vector<Mark>& list, const Mark& mark) {
  const auto place = std::ranges::lower_bound(list, mark.rule, {}, &Mark::rule);
  if (place == list.end() || place->rule != mark.rule) {
    list.insert(place, mark);
    return true;
  }
  const std::uint8_t before = place->bits;
  place->bits |= mark.bits;
  return place->bits != before;
}

// A name in a blob.
class Stored {
 public:
  explicit Stored(const std::uint8_t* stored) noexcept // NOLINT(*-member-init): see starts_
      : wire_(stored + mark_octets) {
    std::size_t at = 0;
    for (; wire_[at] != 0; at += wire_[at] + std::size_t{1}) {
      starts_[labels_++] = static_cast<std::uint8_t>(at);
    }
    octets_ = mark_octets + at + 1;
  }

  std::uint64_t hashed(const SuffixHash::Key& key) const noexcept {
    SuffixHash suffixes(key);
    for (std::size_t label = labels_; label > 0; --label) {
      suffixes.add(wire_ + starts_[label - 1]);
    }
    return suffixes.value();
  }
  // Calls `visit(hash)` for each name above it but the root. Returns its own hash.
  template<class Visit>
  std::uint64_t quickly_hashed(const QuickSuffixHash::Key& key, Visit visit) const noexcept {
    QuickSuffixHash suffixes(key);
    for (std::size_t label = labels_; label > 0; --label) {
      if (label < labels_) {
        visit(suffixes.value());
      }
      suffixes.add(wire_ + starts_[label - 1]);
    }
    return suffixes.value();
  }

  std::size_t octets() const noexcept { return octets_; } // that it takes in the blob
  std::size_t labels() const noexcept { return labels_; }

 private:
  const std::uint8_t* wire_;
  std::size_t octets_ = 0;
  std::size_t labels_ = 0;
  std::array<std::uint8_t, Name::max_labels> starts_; // only as many as there are labels
};

} // namespace

void NameIndexBuilder::reserve(std::size_t names) {
  blob_.reserve(names * typical_octets);
}

void NameIndexBuilder::add(const Name& name, std::uint32_t rule, std::uint8_t bits) {
  const Mark mark{rule, bits};
  if (mark != last_) {
    last_id_ = id_of({mark});
    last_ = mark;
  }
  const auto wire = name.wire();
  const std::size_t at = blob_.size();
  if (at + mark_octets + wire.size() > UINT32_MAX) {
    throw std::length_error("more than 4 GiB of names");
  }
  if (blob_.capacity() - at < mark_octets + wire.size()) {
    blob_.reserve(std::max(2 * at, std::size_t{4096})); // resize() alone may grow by less
  }
  blob_.resize(at + mark_octets + wire.size());
  blob_[at] = mark_octet(last_id_);
  if (blob_[at] == in_overflow) {
    overflow_.push_back({static_cast<std::uint32_t>(at), last_id_});
  }
  std::memcpy(&blob_[at + mark_octets], wire.data(), wire.size());
  ++names_;
  names_above_ += std::max(name.label_count(), std::size_t{2}) - 2;
}

std::uint32_t NameIndexBuilder::id_of(std::vector<Mark> list) {
  const auto [entry, added] =
      ids_.try_emplace(std::move(list), static_cast<std::uint32_t>(lists_.size()));
  if (added) {
    lists_.push_back(&entry->first);
  }
  return entry->second;
}

std::uint32_t NameIndexBuilder::merged(std::uint32_t list, std::uint32_t one) {
  if (list == one) {
    return list;
  }
  const std::uint64_t both = std::uint64_t{list} << 32 | one;
  const auto known = merges_.find(both);
  if (known != merges_.end()) {
    return known->second;
  }
  std::vector<Mark> marks = *lists_[list];
  add_mark(marks, lists_[one]->front());
  const std::uint32_t id = id_of(std::move(marks));
  merges_.emplace(both, id);
  return id;
}

struct NameIndexBuilder::Kept {
  std::uint64_t hash;
  std::size_t at, octets;
  std::uint32_t id;
  std::vector<Mark> marks; // instead of `id`, where there are more than `few_marks`
};

bool NameIndexBuilder::combine(Kept& name, std::uint32_t id) {
  if (name.marks.empty() && lists_[name.id]->size() < few_marks) {
    const std::uint32_t before = std::exchange(name.id, merged(name.id, id));
    return name.id != before;
  }
  if (name.marks.empty()) {
    name.marks = *lists_[name.id];
  }
  return add_mark(name.marks, lists_[id]->front());
}

void NameIndexBuilder::share_exceptions(std::uint32_t rule, std::uint32_t earlier) {
  while (excepting_.size() <= rule) {
    excepting_.push_back(static_cast<std::uint32_t>(excepting_.size()));
  }
  excepting_[rule] = excepting_[earlier];
}

// Puts one name after the other into the index, in the order of the groups they belong to.
class NameIndexBuilder::Layout {
 public:
  explicit Layout(NameIndex& index) : index_(index) {
    constexpr std::size_t spare = 64; // nearly always enough for what the last groups pass on
    index_.groups_.reserve(index_.homes_ + spare);
    index_.groups_.resize(index_.homes_);
  }

  // The name that stands at `from` of the blob, not before what was put so far.
  void put(std::uint64_t hash, std::size_t from, std::size_t octets, std::uint32_t id) {
    const std::size_t home = place_of(hash, index_.homes_);
    while (group_ < home || used_ == NameIndex::Group::slots) {
      begin_group(group_ + 1);
    }
    for (std::size_t passed = home; passed < group_; ++passed) {
      index_.groups_[passed].passed_on |= passed_on_bit(hash);
    }
    constexpr std::size_t tags_a_word = NameIndex::Group::tags_a_word;
    index_.groups_[group_].tags[used_ / tags_a_word] |= std::uint64_t{tag_of(hash)}
                                                        << (used_ % tags_a_word * 16);
    ++used_;
    std::uint8_t* const blob = index_.blob_.data();
    std::memmove(blob + end_, blob + from, octets);
    blob[end_] = mark_octet(id);
    if (blob[end_] == in_overflow) {
      index_.overflow_.push_back({static_cast<std::uint32_t>(end_), id});
    }
    end_ += octets;
  }

  std::size_t end() const noexcept { return end_; } // of what was put, in the blob

 private:
  void begin_group(std::size_t group) {
    group_ = group;
    used_ = 0;
    if (group_ == index_.groups_.size()) {
      index_.groups_.emplace_back();
    }
    index_.groups_[group_].names = static_cast<std::uint32_t>(end_);
  }

  NameIndex& index_;
  std::size_t group_ = 0; // being filled
  std::size_t used_ = 0;  // of its slots
  std::size_t end_ = 0;
};

Table<std::uint32_t> NameIndexBuilder::sort_into(NameIndex& index) {
  Table<std::uint32_t> homes; // of the names, as they were added
  homes.reserve(names_);
  Table<std::uint32_t> ends(index.homes_); // first how much belongs to each group ...
  for (std::size_t at = 0; at < blob_.size();) {
    const Stored stored(&blob_[at]);
    const std::uint64_t quick = stored.quickly_hashed(
        index.quick_key_, [&](std::uint64_t above) noexcept { add_to(index.above_, above); });
    add_to(index.filter_, quick);
    if (!index.sieve_.empty()) {
      const auto [word, bit] = sieve_bit(quick, index.sieve_.size());
      index.sieve_[word] |= bit;
    }
    index.depths_[stored.labels()] |= depth_bit(quick);
    index.deepest_ = std::max(index.deepest_, stored.labels());
    const std::uint64_t hash = stored.hashed(index.key_);
    homes.push_back(static_cast<std::uint32_t>(place_of(hash, index.homes_)));
    ends[homes.back()] += static_cast<std::uint32_t>(stored.octets());
    at += stored.octets();
  }
  // ... then where it begins, and, as names are moved there, how far it reaches.
  std::exclusive_scan(ends.begin(), ends.end(), ends.begin(), std::uint32_t{0});
  index.blob_.resize(blob_.size());
  auto overflow = overflow_.begin();
  std::size_t at = 0;
  for (const std::uint32_t home : homes) {
    const std::size_t octets = stored_octets(&blob_[at]);
    std::memcpy(&index.blob_[ends[home]], &blob_[at], octets);
    if (blob_[at] == in_overflow) {
      (overflow++)->offset = ends[home];
    }
    ends[home] += static_cast<std::uint32_t>(octets);
    at += octets;
  }
  blob_ = {};
  std::ranges::sort(overflow_, {}, &NameIndex::Overflow::offset);
  return ends;
}

void NameIndexBuilder::lay_out(NameIndex& index, const Table<std::uint32_t>& ends) {
  std::vector<Kept> kept; // of one group, each name once
  Layout layout(index);
  auto overflow = overflow_.begin();
  std::size_t at = 0;
  for (const std::size_t end : ends) {
    kept.clear();
    while (at < end) {
      const Stored stored(&index.blob_[at]);
      const std::uint64_t hash = stored.hashed(index.key_);
      const std::uint32_t id =
          index.blob_[at] == in_overflow ? (overflow++)->id : std::uint32_t{index.blob_[at]};
      const auto same = std::ranges::find_if(kept, [&](const Kept& other) {
        return other.hash == hash && other.octets == stored.octets() &&
               std::memcmp(&index.blob_[other.at + mark_octets], &index.blob_[at + mark_octets],
                           other.octets - mark_octets) == 0;
      });
      if (same == kept.end()) {
        kept.push_back({hash, at, stored.octets(), id, {}});
      } else if (!combine(*same, id)) {
        const std::uint32_t rule = lists_[id]->front().rule;
        index.repeated_.resize(std::max<std::size_t>(index.repeated_.size(), rule + 1U));
        ++index.repeated_[rule];
      }
      at += stored.octets();
    }
    for (Kept& name : kept) {
      if (name.marks.size() > max_rules_a_name) {
        throw std::length_error(
            "more than " + std::to_string(max_rules_a_name) + " rules have the name \"" +
            Name::from_wire(std::span(index.blob_).subspan(name.at + mark_octets))->to_text() +
            "\"; make one of the rules that differ in nothing but their names");
      }
      if (!name.marks.empty()) {
        name.id = id_of(std::move(name.marks));
      }
      const std::vector<Mark>& marks = *lists_[name.id];
      index.listed_names_ +=
          std::ranges::any_of(marks,
                              [](const Mark& mark) { return (mark.bits & mark_subtree) != 0; })
              ? 1U
              : 0U;
      layout.put(name.hash, name.at, name.octets, name.id);
    }
  }
  index.blob_.resize(layout.end());
  index.blob_.shrink_to_fit();
  index.overflow_.shrink_to_fit();
}

NameIndex NameIndexBuilder::build() && {
  NameIndex index;
  if (names_ == 0) {
    return index;
  }
  if (getentropy(&index.key_, sizeof index.key_) != 0 ||
      getentropy(&index.quick_key_, sizeof index.quick_key_) != 0) {
    throw std::system_error(errno, std::generic_category(), "no randomness for the index's keys");
  }
  index.homes_ = names_ / names_a_group + 1;
  const std::size_t words = names_ / names_a_word + 1;
  index.sieve_.resize(words > many_words ? words / 4 : 0);
  index.filter_.resize(words - index.sieve_.size());
  index.above_.resize(names_above_ / names_a_word + 1);
  lay_out(index, sort_into(index));
  for (const auto* const list : lists_) {
    index.mark_starts_.push_back(static_cast<std::uint32_t>(index.marks_.size()));
    index.marks_.insert(index.marks_.end(), list->begin(), list->end());
  }
  index.mark_starts_.push_back(static_cast<std::uint32_t>(index.marks_.size()));
  index.excepting_ = std::move(excepting_);
  return index;
}

} // namespace nearmiss
