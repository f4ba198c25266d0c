#include "rules/name_index.hpp"

#include "rules/name_index_layout.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace nearmiss {

namespace {

// The tag, by its number, that the lowest bit of these stands for.
std::size_t lowest_tag(std::uint64_t found) noexcept {
  return static_cast<std::size_t>(std::countr_zero(found)) / 16;
}

bool passes(const Table<std::uint64_t>& filter, std::uint64_t quick_hash) noexcept {
  const std::uint64_t bits = filter_bits(quick_hash);
  return (filter[place_of(quick_hash, filter.size())] & bits) == bits;
}

} // namespace

std::uint32_t NameIndex::mark_list_at(std::size_t offset) const noexcept {
  if (blob_[offset] != in_overflow) {
    return blob_[offset];
  }
  return std::ranges::lower_bound(overflow_, offset, {}, &Overflow::offset)->id;
}

std::uint32_t NameIndex::match_in(const Group& group, std::uint16_t tag,
                                  std::span<const std::uint8_t> wire) const noexcept {
  std::size_t at = group.names;
  std::size_t number = 0; // of the name at `at`
  for (std::size_t word = 0; word < group.tags.size(); ++word) {
    for (std::uint64_t left = found_tags(group.tags[word], tag); left != 0; left &= left - 1) {
      for (const std::size_t found = word * Group::tags_a_word + lowest_tag(left); number < found;
           ++number) {
        at += stored_octets(&blob_[at]);
      }
      // No read past the blob: a stored name differs, or ends, before that.
      if (blob_.size() - at >= mark_octets + wire.size() &&
          std::memcmp(&blob_[at + mark_octets], wire.data(), wire.size()) == 0) {
        return mark_list_at(at);
      }
    }
  }
  return no_marks;
}

std::uint32_t NameIndex::find(std::uint64_t hash,
                              std::span<const std::uint8_t> wire) const noexcept {
  const std::uint16_t tag = tag_of(hash);
  for (const Group* group = &groups_[place_of(hash, homes_)];; ++group) {
    std::uint64_t found = 0;
    for (const std::uint64_t tags : group->tags) {
      found |= found_tags(tags, tag);
    }
    if (found != 0) {
      const std::uint32_t marks = match_in(*group, tag, wire);
      if (marks != no_marks) {
        return marks;
      }
    }
    if ((group->passed_on & passed_on_bit(hash)) == 0) {
      return no_marks;
    }
  }
}

bool NameIndex::passes_filters(std::uint64_t quick_hash) const noexcept {
  if (!sieve_.empty()) {
    __builtin_prefetch(&filter_[place_of(quick_hash, filter_.size())]);
    const auto [word, bit] = sieve_bit(quick_hash, sieve_.size());
    if ((sieve_[word] & bit) == 0) {
      return false;
    }
  }
  return passes(filter_, quick_hash);
}

bool NameIndex::may_have_below(const Name& name) const noexcept {
  if (groups_.empty() || name.is_root()) {
    return deepest_ > 0;
  }
  QuickSuffixHash quick(quick_key_);
  for (std::size_t depth = 1; depth <= name.label_count(); ++depth) {
    quick.add(name.suffix(depth).data());
  }
  return passes(above_, quick.value());
}

void NameIndex::search(const Name& name, Matches& matches) const noexcept {
  matches.size_ = 0;
  if (groups_.empty()) {
    return;
  }
  // The depths at which the filters let it pass. The processor goes on while a word of the filter
  // is still on its way, so the waits for all of them are one wait.
  std::array<std::uint8_t, Name::max_labels + 1> passed; // NOLINT(*-member-init): by and by
  std::size_t count = 0;
  const std::size_t deepest = std::min(deepest_, name.label_count());
  QuickSuffixHash quick(quick_key_);
  if (depths_[0] != 0) { // the root is listed
    passed[count++] = 0;
  }
  for (std::size_t depth = 1; depth <= deepest; ++depth) {
    quick.add(name.suffix(depth).data());
    const std::uint64_t hash = quick.value();
    if ((depths_[depth] & depth_bit(hash)) != 0 && passes_filters(hash)) {
      passed[count++] = static_cast<std::uint8_t>(depth);
    }
  }
  if (count > 0) {
    look_up(name, std::span(passed).first(count), matches);
  }
}

void NameIndex::look_up(const Name& name, std::span<const std::uint8_t> depths,
                        Matches& matches) const noexcept {
  std::array<std::uint64_t, Name::max_labels + 1> hashes; // NOLINT(*-member-init): by and by
  SuffixHash hash(key_);
  std::size_t depth = 0;
  for (std::size_t number = 0; number < depths.size(); ++number) {
    while (depth < depths[number]) {
      hash.add(name.suffix(++depth).data());
    }
    hashes[number] = hash.value();
    __builtin_prefetch(&groups_[place_of(hashes[number], homes_)]);
  }
  for (std::size_t number = depths.size(); number-- > 0;) {
    const std::uint32_t marks = find(hashes[number], name.suffix(depths[number]));
    if (marks != no_marks) {
      matches.found_[matches.size_++] = {marks, depths[number]};
    }
  }
}

std::size_t NameIndex::memory() const noexcept {
  return filter_.capacity() * sizeof filter_[0] + sieve_.capacity() * sizeof sieve_[0] +
         above_.capacity() * sizeof above_[0] + groups_.capacity() * sizeof groups_[0] +
         blob_.capacity() * sizeof blob_[0] + overflow_.capacity() * sizeof overflow_[0] +
         marks_.capacity() * sizeof marks_[0] + mark_starts_.capacity() * sizeof mark_starts_[0] +
         repeated_.capacity() * sizeof repeated_[0] + excepting_.capacity() * sizeof excepting_[0];
}

} // namespace nearmiss
