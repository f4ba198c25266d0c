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
// The blob is cut into groups of up to 12 names. A group is 32 octets, half a cache line: where its
// names begin in the blob, and for each of them a tag, 16 bits of the name's hash. The hash also
// tells to which group a name belongs. Where more than 12 belong to one, those over go on to the
// next, and the group keeps one of 32 bits for them, which their hash tells.
//
// Two filters stand before the groups, for the names that are not listed. First 64 bits for each
// depth (number of labels), one of which every name listed there has set: depths at which nothing
// is listed, or few names, are not searched, or seldom. Then a Bloom filter (Bloom 1970; cut into
// words, Putze, Sanders and Singler 2007) of 7 bits a name: each name has set four bits of one
// word. It passes one name in about 25 that is not listed. So a search for a name that is not there
// reads one word a depth and nearly always nothing else: the branches go the same way, and the
// processor need not wait for the memory before it goes on. Of a list so large that this filter is
// not in the near caches a quarter of it is a sieve of two bits a name, of which each name has set
// one: it is, and three of five unlisted names end there.
//
// A third filter holds the names above listed ones, for who must know whether anything is listed
// below a name.
//
// Memory a name, in octets:
//   its part of the filter                                      0.9
//   its part of a group: 32 / 10 names                          3.2
//   what the rules say                                          1
//   the wire form: the text's length (without final dot) + 2    20 at a text of 18
// so 7.1 + the text: 32 octets at a text of 24.9. A name of more than two labels takes 0.9 more for
// each of those, in the third filter. A name that n lists hold takes n parts of a group, the rest
// once. A name whose marks are a list beyond the 255th takes 8 more. While it is
// built, a second blob stands beside the index, and 4 octets a name.
//
// Nobody can make a search slow or wrong by choosing names. The hash of the groups is SipHash under
// a secret of 128 random bits that each index draws from the system: nobody can fill one group, and
// those it would pass names on to. The filters have a quicker hash, with a secret of its own, for
// nothing hangs on it but the cost of a name: whoever saw through it could make unlisted names that
// pass the filters, and each of those costs what a listed one does. And a tag only proposes: every
// match is checked against the stored octets, so a name that is not listed never matches.
#pragma once

#include "rules/huge_pages.hpp"
#include "rules/name.hpp"
#include "rules/suffix_hash.hpp"

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

  // Is anything stored below this name? May be true without need, for one name in about 25; never
  // false wrongly. No lock, no allocation.
  bool may_have_below(const Name& name) const noexcept;

  // Calls `visit(name)` for every stored name, those with exceptions alone too, in no order.
  template<typename Visit> void for_each(Visit visit) const {
    for (std::size_t at = 0; at < blob_.size();) {
      const Name name = *Name::from_wire(std::span(blob_).subspan(at + 1)); // behind its octet
      visit(name);
      at += 1 + name.wire().size();
    }
  }

  // Names with a mark other than an exception.
  std::size_t listed_names() const noexcept { return listed_names_; }
  // How often a name was added for the rule that stood there for it already.
  std::size_t repeated(std::uint32_t rule) const noexcept {
    return rule < repeated_.size() ? repeated_[rule] : 0;
  }
  // The rule whose exceptions hold for this one: an earlier one that it shares them with, or
  // itself.
  std::uint32_t excepting(std::uint32_t rule) const noexcept {
    return rule < excepting_.size() ? excepting_[rule] : rule;
  }
  // Octets on the heap.
  std::size_t memory() const noexcept;

 private:
  friend class NameIndexBuilder;

  // Up to `slots` names that follow each other in the blob.
  struct Group {
    static constexpr std::size_t slots = 12;
    static constexpr std::size_t tags_a_word = 4;

    std::uint32_t names = 0;     // where they begin
    std::uint32_t passed_on = 0; // for names that belong here or before, but stand further on
    std::array<std::uint64_t, slots / tags_a_word> tags{}; // 16 bits each; 0: free
  };
  static_assert(sizeof(Group) == 32);

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
  // The mark list of the stored name with these octets; no_marks if there is none (in this group).
  std::uint32_t match_in(const Group& group, std::uint16_t tag,
                         std::span<const std::uint8_t> wire) const noexcept;
  // May the name with this hash be stored?
  bool passes_filters(std::uint64_t quick_hash) const noexcept;
  std::uint32_t find(std::uint64_t hash, std::span<const std::uint8_t> wire) const noexcept;
  // Finds what is stored at these depths of the name, which go from the root down.
  void look_up(const Name& name, std::span<const std::uint8_t> depths,
               Matches& matches) const noexcept;

  static constexpr std::uint32_t no_marks = UINT32_MAX;

  SuffixHash::Key key_;                                      // of the groups
  QuickSuffixHash::Key quick_key_;                           // of the filters
  std::array<std::uint64_t, Name::max_labels + 1> depths_{}; // depth_bit()s of the names stored
  std::size_t deepest_ = 0;                                  // the greatest depth with any
  Table<std::uint64_t> sieve_;                               // empty: the filter is small enough
  Table<std::uint64_t> filter_;
  Table<std::uint64_t> above_; // likewise, of the names above those stored, but for the root
  std::size_t homes_ = 0;      // the groups that names belong to, the first ones
  Table<Group> groups_;        // behind those as many as the last ones pass names on to
  Table<std::uint8_t> blob_;
  std::vector<Overflow> overflow_;         // sorted by offset
  std::vector<Mark> marks_;                // all lists, one behind the other
  std::vector<std::uint32_t> mark_starts_; // list n is [n, n + 1)
  std::size_t listed_names_ = 0;
  std::vector<std::uint32_t> repeated_;  // by rule, up to the last one that has any
  std::vector<std::uint32_t> excepting_; // by rule, up to the last one that shares exceptions
};

// Collects names and makes the index of them. For one thread.
class NameIndexBuilder {
 public:
  // Room for this many names; a hint.
  void reserve(std::size_t names);

  // `bits`: MarkBits. The same name may come any number of times. Throws std::length_error beyond
  // 4 GiB of names.
  void add(const Name& name, std::uint32_t rule, std::uint8_t bits);

  // What `earlier` excepts shall hold for `rule` too, as if each of those names had been added for
  // both. Else a list of many rules would have a mark of each of them at every excepted name.
  void share_exceptions(std::uint32_t rule, std::uint32_t earlier);

  // Throws std::system_error if the system has no randomness for the key, and std::length_error if
  // more than max_rules_a_name rules say something about one name: each lookup of it asks them all.
  NameIndex build() &&;
  static constexpr std::size_t max_rules_a_name = 4096;

 private:
  struct Kept; // a name as it is laid out
  class Layout;

  std::uint32_t id_of(std::vector<Mark> list);
  std::uint32_t merged(std::uint32_t list, std::uint32_t one);
  // The name came again, with the list `id` of one mark. False: that says nothing new.
  bool combine(Kept& name, std::uint32_t id);
  // Moves what was added into the index's blob, in the order of the groups; the offsets in
  // `overflow_` too. Returns where in the blob each group's names end.
  Table<std::uint32_t> sort_into(NameIndex& index);
  // Merges the marks of names that came more than once, and makes the groups.
  void lay_out(NameIndex& index, const Table<std::uint32_t>& ends);

  Table<std::uint8_t> blob_;
  std::size_t names_ = 0;
  std::size_t names_above_ = 0; // of two labels or more, each as often as there is a name below
  std::vector<NameIndex::Overflow> overflow_; // by offset
  std::map<std::vector<Mark>, std::uint32_t> ids_;
  std::vector<const std::vector<Mark>*> lists_; // by id; the keys of ids_
  std::unordered_map<std::uint64_t, std::uint32_t> merges_;
  Mark last_{UINT32_MAX, 0}; // the mark added last, and the id of the list of it alone
  std::uint32_t last_id_ = 0;
  std::vector<std::uint32_t> excepting_;
};

} // namespace nearmiss
