#include "rules/name_index.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <unistd.h>

namespace nearmiss {

namespace {

constexpr std::size_t group_slots = 8;
constexpr std::size_t mark_octets = 1; // the octet before each name in the blob
constexpr std::uint8_t in_overflow = 255;
constexpr std::size_t typical_octets = 24; // of a name in the blob, for reserve()

constexpr std::uint64_t each_octet = 0x0101010101010101;
constexpr std::uint64_t top_bits = 0x8080808080808080;

// The top bit of each octet that is 0; above the lowest such octet there may be false ones.
constexpr std::uint64_t zero_octets(std::uint64_t word) noexcept {
  return (word - each_octet) & ~word & top_bits;
}

// SipHash (Aumasson, Bernstein 2012) over the labels of a name from the last to the first, so that
// one pass gives the hashes of all suffixes. A label is hashed as its length octet and its octets,
// in words of eight; the length tells how the last one is to be read. Values stay in this
// process, so the order of octets in a word does not matter.
class SuffixHash {
 public:
  template<class Key>
  explicit SuffixHash(const Key& key) noexcept
      : v0_(key.k0 ^ 0x736f6d6570736575), v1_(key.k1 ^ 0x646f72616e646f6d),
        v2_(key.k0 ^ 0x6c7967656e657261), v3_(key.k1 ^ 0x7465646279746573) {}

  // `label` with its length octet before it.
  void add(const std::uint8_t* label) noexcept {
    std::size_t left = label[0] + std::size_t{1};
    for (; left >= 8; left -= 8, label += 8) {
      absorb(load<std::uint64_t>(label));
    }
    if (left > 0) {
      absorb(tail(label, left));
    }
  }

  // The hash of what was added so far; more may be added afterwards.
  std::uint64_t value() const noexcept {
    SuffixHash end = *this;
    end.v2_ ^= 0xff;
    end.round();
    end.round();
    end.round();
    return end.v0_ ^ end.v1_ ^ end.v2_ ^ end.v3_;
  }

 private:
  template<class Word> static std::uint64_t load(const std::uint8_t* octets) noexcept {
    Word word = 0;
    std::memcpy(&word, octets, sizeof word);
    return word;
  }

  // The 1 to 7 octets at `octets` as a word; reads no other.
  static std::uint64_t tail(const std::uint8_t* octets, std::size_t count) noexcept {
    if (count >= 4) { // two halves that may overlap: the count, hashed before, tells how far
      return load<std::uint32_t>(octets) | load<std::uint32_t>(octets + count - 4) << 32;
    }
    return octets[0] | std::uint64_t{octets[count / 2]} << 8 |
           std::uint64_t{octets[count - 1]} << 16;
  }

  void absorb(std::uint64_t word) noexcept {
    v3_ ^= word;
    round();
    v0_ ^= word;
  }

  void round() noexcept {
    v0_ += v1_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v3_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ += v3_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ += v1_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_, v1_, v2_, v3_;
};

// Where a search for a hash begins, and the tag it looks for.
std::size_t first_group(std::uint64_t hash, std::size_t groups) noexcept {
  return static_cast<std::size_t>(((hash >> 32) * groups) >> 32);
}
std::uint8_t tag_of(std::uint64_t hash) noexcept {
  const auto low = static_cast<std::uint8_t>(hash);
  return low == 0 ? std::uint8_t{1} : low;
}

// The octets of the slot of a group that `mark`, one top bit, stands for.
std::size_t slot_in_group(std::uint64_t mark) noexcept {
  return static_cast<std::size_t>(std::countr_zero(mark)) / 8;
}

std::uint8_t mark_octet(std::uint32_t id) noexcept {
  return id < in_overflow ? static_cast<std::uint8_t>(id) : in_overflow;
}

} // namespace

std::uint32_t NameIndex::mark_list_at(std::size_t offset) const noexcept {
  if (blob_[offset] != in_overflow) {
    return blob_[offset];
  }
  return std::ranges::lower_bound(overflow_, offset, {}, &Overflow::offset)->id;
}

std::uint32_t NameIndex::lookup(std::uint64_t hash,
                                std::span<const std::uint8_t> wire) const noexcept {
  const std::uint64_t wanted = tag_of(hash) * each_octet;
  for (std::size_t group = first_group(hash, tags_.size());;
       group = group + 1 == tags_.size() ? 0 : group + 1) {
    const std::uint64_t tags = tags_[group];
    for (std::uint64_t left = zero_octets(tags ^ wanted); left != 0; left &= left - 1) {
      const std::size_t at = offsets_[group * group_slots + slot_in_group(left)];
      // No read past the blob: a stored name differs, or ends, before that.
      const std::uint8_t* const stored = blob_.data() + at;
      if (blob_.size() - at >= mark_octets + wire.size() &&
          std::memcmp(stored + mark_octets, wire.data(), wire.size()) == 0) {
        return mark_list_at(at);
      }
    }
    if (zero_octets(tags) != 0) {
      return no_marks;
    }
  }
}

void NameIndex::search(const Name& name, Matches& matches) const noexcept {
  matches.size_ = 0;
  if (tags_.empty()) {
    return;
  }
  // First all hashes, and the memory they lead to is asked for; then the look-ups, the deepest
  // first. So the waits for memory are one wait.
  // Only those of the depths to search are ever set.
  std::array<std::uint64_t, Name::max_labels + 1> hashes; // NOLINT(*-member-init)
  const auto searched = [this](std::size_t depth) noexcept {
    return (depths_[depth / 64] >> (depth % 64) & 1) != 0;
  };
  const std::size_t deepest = std::min(deepest_, name.label_count());
  SuffixHash hash(key_);
  for (std::size_t depth = 0; depth <= deepest; ++depth) {
    if (depth > 0) {
      hash.add(name.suffix(depth).data());
    }
    if (searched(depth)) {
      hashes[depth] = hash.value();
      __builtin_prefetch(&tags_[first_group(hashes[depth], tags_.size())]);
    }
  }
  for (std::size_t depth = deepest + 1; depth-- > 0;) {
    if (!searched(depth)) {
      continue;
    }
    const std::uint32_t marks = lookup(hashes[depth], name.suffix(depth));
    if (marks != no_marks) {
      matches.found_[matches.size_++] = {marks, static_cast<std::uint8_t>(depth)};
    }
  }
}

std::size_t NameIndex::memory() const noexcept {
  return tags_.capacity() * sizeof tags_[0] + offsets_.capacity() * sizeof offsets_[0] +
         blob_.capacity() * sizeof blob_[0] + overflow_.capacity() * sizeof overflow_[0] +
         marks_.capacity() * sizeof marks_[0] + mark_starts_.capacity() * sizeof mark_starts_[0] +
         repeated_.capacity() * sizeof repeated_[0];
}

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
    added_overflow_.push_back({static_cast<std::uint32_t>(at), last_id_});
  }
  std::memcpy(&blob_[at + mark_octets], wire.data(), wire.size());
  ++names_;
}

std::uint32_t NameIndexBuilder::id_of(std::vector<Mark> list) {
  const auto [entry, added] =
      ids_.try_emplace(std::move(list), static_cast<std::uint32_t>(lists_.size()));
  if (added) {
    lists_.push_back(&entry->first);
  }
  return entry->second;
}

std::uint32_t NameIndexBuilder::merged(std::uint32_t a, std::uint32_t b) {
  if (a == b) {
    return a;
  }
  const std::uint64_t both = std::uint64_t{a} << 32 | b;
  const auto known = merges_.find(both);
  if (known != merges_.end()) {
    return known->second;
  }
  std::vector<Mark> list = *lists_[a];
  for (const Mark& mark : *lists_[b]) {
    const auto place = std::ranges::lower_bound(list, mark.rule, {}, &Mark::rule);
    if (place != list.end() && place->rule == mark.rule) {
      place->bits |= mark.bits;
    } else {
      list.insert(place, mark);
    }
  }
  const std::uint32_t id = id_of(std::move(list));
  merges_.emplace(both, id);
  return id;
}

std::uint32_t NameIndexBuilder::id_at(const NameIndex& index, std::size_t offset) const {
  const std::uint8_t octet = index.blob_[offset];
  return octet == in_overflow ? overflow_.at(static_cast<std::uint32_t>(offset)) : octet;
}

void NameIndexBuilder::set_id_at(NameIndex& index, std::size_t offset, std::uint32_t id) {
  index.blob_[offset] = mark_octet(id);
  if (index.blob_[offset] == in_overflow) {
    overflow_[static_cast<std::uint32_t>(offset)] = id;
  } else { // a merge may lead back to a list whose number the octet can tell
    overflow_.erase(static_cast<std::uint32_t>(offset));
  }
}

void NameIndexBuilder::insert(NameIndex& index, std::uint64_t hash, std::size_t offset,
                              std::uint32_t id, std::size_t& end) {
  std::uint8_t* const blob = index.blob_.data();
  const std::uint8_t* const wire = blob + offset + mark_octets;
  std::size_t size = 1;
  while (wire[size - 1] != 0) {
    size += wire[size - 1] + std::size_t{1};
  }
  const std::uint8_t tag = tag_of(hash);
  std::size_t group = first_group(hash, index.tags_.size());
  while (true) {
    std::uint64_t& tags = index.tags_[group];
    for (std::uint64_t left = zero_octets(tags ^ tag * each_octet); left != 0; left &= left - 1) {
      const std::size_t stored = index.offsets_[group * group_slots + slot_in_group(left)];
      if (stored + mark_octets + size <= end &&
          std::memcmp(blob + stored + mark_octets, wire, size) == 0) {
        const std::uint32_t before = id_at(index, stored);
        const std::uint32_t both = merged(before, id);
        set_id_at(index, stored, both);
        if (both == before) { // `id` is of one mark, as add() made it
          const std::uint32_t rule = lists_[id]->front().rule;
          index.repeated_.resize(std::max<std::size_t>(index.repeated_.size(), rule + 1U));
          ++index.repeated_[rule];
        }
        return;
      }
    }
    if (const std::uint64_t free = zero_octets(tags); free != 0) {
      const std::size_t slot = slot_in_group(free);
      tags |= std::uint64_t{tag} << (8 * slot);
      index.offsets_[group * group_slots + slot] = static_cast<std::uint32_t>(end);
      std::memmove(blob + end, blob + offset, mark_octets + size);
      if (blob[end] == in_overflow) {
        overflow_[static_cast<std::uint32_t>(end)] = id;
      }
      end += mark_octets + size;
      return;
    }
    group = group + 1 == index.tags_.size() ? 0 : group + 1;
  }
}

NameIndex NameIndexBuilder::build() && {
  NameIndex index;
  if (names_ == 0) {
    return index;
  }
  if (getentropy(&index.key_, sizeof index.key_) != 0) {
    throw std::system_error(errno, std::generic_category(), "no randomness for the index's key");
  }
  index.blob_ = std::move(blob_);
  // A load of 0.8, and at least one free slot, at which a search ends.
  const std::size_t groups = (names_ + names_ / 4) / group_slots + 1;
  index.tags_.resize(groups);
  index.offsets_.resize(groups * group_slots);

  // In batches: the memory that the names of a batch lead to is asked for before the first is used.
  struct Pending {
    std::uint64_t hash;
    std::size_t offset;
    std::uint32_t id;
  };
  std::array<Pending, 32> batch{};
  std::size_t overflow_read = 0;
  std::size_t read = 0; // names from here on are as add() left them
  std::size_t end = 0;  // names before here are in the table
  for (std::size_t left = names_; left > 0;) {
    const std::size_t count = std::min(left, batch.size());
    for (std::size_t number = 0; number < count; ++number) {
      const std::uint8_t* const wire = index.blob_.data() + read + mark_octets;
      // Of the labels; only as many as there are are ever set.
      std::array<std::uint8_t, Name::max_labels> starts; // NOLINT(*-member-init)
      std::size_t labels = 0;
      std::size_t at = 0;
      for (; wire[at] != 0; at += wire[at] + std::size_t{1}) {
        starts[labels++] = static_cast<std::uint8_t>(at);
      }
      index.depths_[labels / 64] |= std::uint64_t{1} << (labels % 64);
      index.deepest_ = std::max(index.deepest_, labels);
      SuffixHash hash(index.key_);
      while (labels > 0) {
        hash.add(wire + starts[--labels]);
      }
      const std::uint8_t octet = index.blob_[read];
      batch[number] = {hash.value(), read,
                       octet == in_overflow ? added_overflow_[overflow_read++].id : octet};
      const std::size_t group = first_group(batch[number].hash, groups);
      __builtin_prefetch(&index.tags_[group], 1);
      __builtin_prefetch(&index.offsets_[group * group_slots], 1);
      read += mark_octets + at + 1;
    }
    for (std::size_t number = 0; number < count; ++number) {
      insert(index, batch[number].hash, batch[number].offset, batch[number].id, end);
    }
    left -= count;
  }
  index.blob_.resize(end);
  index.blob_.shrink_to_fit();
  index.overflow_.reserve(overflow_.size());
  for (const auto& [offset, id] : overflow_) {
    index.overflow_.push_back({offset, id});
  }
  std::ranges::sort(index.overflow_, {}, &NameIndex::Overflow::offset);

  for (const auto* const list : lists_) {
    index.mark_starts_.push_back(static_cast<std::uint32_t>(index.marks_.size()));
    index.marks_.insert(index.marks_.end(), list->begin(), list->end());
  }
  index.mark_starts_.push_back(static_cast<std::uint32_t>(index.marks_.size()));
  for (std::size_t at = 0; at < end;) {
    const MarkList list = index.mark_list(index.mark_list_at(at));
    index.listed_names_ +=
        std::ranges::any_of(list, [](const Mark& mark) { return (mark.bits & mark_subtree) != 0; })
            ? 1U
            : 0U;
    for (at += mark_octets; index.blob_[at] != 0; at += index.blob_[at] + std::size_t{1}) {
    }
    ++at;
  }
  return index;
}

} // namespace nearmiss
