// The index: from a listed name to what the rules say about it.
//
// Immutable once built; any number of threads may search it at the same time. A search takes a name
// and finds every listed name that is the asked one or an ancestor of it.
//
// Each listed name is stored once: in a blob of octets, as one octet that tells what the rules say
// about it and then its wire form. What the rules say is a list of marks; equal lists are kept
// once, so that all names of a list file share one. The octet is the number of the list, or, for
// lists beyond the 255th, says that a sorted vector beside the blob has the number.
//
// The table over the blob is open addressing in groups of eight slots. A slot has a tag of 8 bits
// of the name's hash, and the name's offset in the blob. Tags lie apart from offsets: a search for
// a name that is not there reads one group's tags, which is one cache line, and nothing else.
// Depths (numbers of labels) at which no name is listed are not searched at all.
//
// Memory a name, in octets:
//   the slot: (1 tag + 4 offset) / 0.8 load                     6.25
//   what the rules say                                          1
//   the wire form: the text's length (without final dot) + 2    20 at a text of 18
// so 9.25 + the text: 32 octets at a text of 22.75. A name that n lists hold takes n times the
// slot's octets, the rest once. A name whose marks are a list beyond the 255th takes 8 more.
//
// Nobody can make a search slow or wrong by choosing names. The hash is keyed: SipHash's rounds
// (one a word, three at the end) under a secret of 128 random bits that each index draws from the
// system. And a tag only proposes: every match is checked against the stored octets, so a name that
// is not listed never matches.
#pragma once

#include "rules/name.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace nearmiss {

// What one rule says about one name; a set of these bits.
enum MarkBits : std::uint8_t {
  mark_exact = 1,    // listed: this name
  mark_below = 2,    // listed: everything below this name
  mark_subtree = 3,  // both
  mark_excepted = 4, // not listed after all, nor is anything below it
};

struct Mark {
  std::uint32_t rule;
  std::uint8_t bits;
  friend auto operator<=>(const Mark&, const Mark&) = default;
};

// What the rules say about one name: at most one mark a rule, in the order of the rules.
using MarkList = std::span<const Mark>;

class NameIndex {
 public:
  // The listed names found by one search, from the asked name up.
  class Matches { // NOLINT(cppcoreguidelines-pro-type-member-init): see found_
   public:
    struct Match {
      std::uint32_t marks; // for marks()
      std::uint8_t depth;  // labels of the listed name
    };
    const Match* begin() const noexcept { return found_.data(); }
    const Match* end() const noexcept { return found_.data() + size_; }
    bool empty() const noexcept { return size_ == 0; }

   private:
    friend class NameIndex;
    // Not cleared: a search of a name that is not listed would do little else.
    std::array<Match, Name::max_labels + 1> found_;
    std::size_t size_ = 0;
  };

  NameIndex() = default; // empty
  NameIndex(NameIndex&&) noexcept = default;
  NameIndex& operator=(NameIndex&&) noexcept = default;
  NameIndex(const NameIndex&) = delete; // hundreds of megabytes: never by accident
  NameIndex& operator=(const NameIndex&) = delete;
  ~NameIndex() = default;

  // No lock, no allocation.
  void search(const Name& name, Matches& matches) const noexcept;
  MarkList marks(const Matches::Match& match) const noexcept { return mark_list(match.marks); }

  // Names with a mark other than an exception.
  std::size_t listed_names() const noexcept { return listed_names_; }
  // How often a name was added for the rule that stood there for it already.
  std::size_t repeated(std::uint32_t rule) const noexcept {
    return rule < repeated_.size() ? repeated_[rule] : 0;
  }
  // Octets on the heap.
  std::size_t memory() const noexcept;

 private:
  friend class NameIndexBuilder;

  struct Key {
    std::uint64_t k0 = 0, k1 = 0;
  };

  // The mark list of a name whose octet cannot tell it.
  struct Overflow {
    std::uint32_t offset = 0;
    std::uint32_t id = 0;
  };

  MarkList mark_list(std::uint32_t id) const noexcept {
    return MarkList(marks_).subspan(mark_starts_[id], mark_starts_[id + 1] - mark_starts_[id]);
  }
  // The mark list of the name stored at this offset of the blob.
  std::uint32_t mark_list_at(std::size_t offset) const noexcept;
  // The mark list of the stored name with these octets; no_marks if there is none.
  std::uint32_t lookup(std::uint64_t hash, std::span<const std::uint8_t> wire) const noexcept;

  static constexpr std::uint32_t no_marks = UINT32_MAX;

  Key key_;
  std::array<std::uint64_t, 2> depths_{}; // bit n: a name of n labels is stored
  std::size_t deepest_ = 0;               // the greatest n of those
  std::vector<std::uint64_t> tags_;       // a group a word, a tag an octet; 0: free
  std::vector<std::uint32_t> offsets_;    // a slot's name in blob_
  std::vector<std::uint8_t> blob_;
  std::vector<Overflow> overflow_;         // sorted by offset
  std::vector<Mark> marks_;                // all lists, one behind the other
  std::vector<std::uint32_t> mark_starts_; // list n is [n, n + 1)
  std::size_t listed_names_ = 0;
  std::vector<std::uint32_t> repeated_; // by rule, up to the last one that has any
};

// Collects names and makes the index of them. For one thread.
class NameIndexBuilder {
 public:
  // Room for this many names; a hint.
  void reserve(std::size_t names);

  // `bits`: MarkBits. The same name may come any number of times. Throws std::length_error beyond
  // 4 GiB of names.
  void add(const Name& name, std::uint32_t rule, std::uint8_t bits);

  // Throws std::system_error if the system has no randomness for the key.
  NameIndex build() &&;

 private:
  std::uint32_t id_of(std::vector<Mark> list);
  std::uint32_t merged(std::uint32_t a, std::uint32_t b);
  // Takes in the name that stands at `offset` of the index's blob and has these marks: moves it
  // down to `end`, or, if the name is there already, merges its marks into those.
  void insert(NameIndex& index, std::uint64_t hash, std::size_t offset, std::uint32_t id,
              std::size_t& end);
  std::uint32_t id_at(const NameIndex& index, std::size_t offset) const;
  void set_id_at(NameIndex& index, std::size_t offset, std::uint32_t id);

  std::vector<std::uint8_t> blob_;
  std::size_t names_ = 0;
  std::vector<NameIndex::Overflow> added_overflow_;           // offsets as add() left them
  std::unordered_map<std::uint32_t, std::uint32_t> overflow_; // by offset in the index's blob
  std::map<std::vector<Mark>, std::uint32_t> ids_;
  std::vector<const std::vector<Mark>*> lists_; // by id; the keys of ids_
  std::unordered_map<std::uint64_t, std::uint32_t> merges_;
  Mark last_{UINT32_MAX, 0}; // the mark added last, and the id of the list of it alone
  std::uint32_t last_id_ = 0;
};

} // namespace nearmiss
