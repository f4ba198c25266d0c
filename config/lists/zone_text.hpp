// The text of a zone file (RFC 1035 section 5.1), entry by entry.
//
// An entry is a record or a directive: a line, or several that parentheses hold together. One pass,
// which always knows where it stands: comments, quotes, escapes and parentheses are looked at in
// one place. A broken entry costs no other one: if its parentheses close it is passed over whole,
// else reading goes on in the line after its first.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

struct ZoneEntry {
  std::size_t line = 0;   // on which it starts, from 1
  bool continued = false; // begins with a blank: its owner is that of the record before
  // Words as they stand in the file, with their quotes and escapes.
  std::vector<std::string_view> words;
  std::string problem;     // why it is no entry; empty: it is one
  bool owner_sound = true; // of a broken one: the problem comes behind the first word
};

class ZoneText {
 public:
  // `content` is not copied.
  explicit ZoneText(std::string_view content) noexcept : content_(content) {}

  // The next entry, right or broken, but none without a word; false: there is none.
  bool next(ZoneEntry& entry);

 private:
  bool read(ZoneEntry& entry);
  void read_word(ZoneEntry& entry);
  void skip_comment(ZoneEntry& entry);
  void end_line() noexcept;
  // The entry goes on behind this line's end: false if that cannot be, as a record begins there.
  bool goes_on(ZoneEntry& entry);
  void never_closed(ZoneEntry& entry, std::string problem);
  static void problem(ZoneEntry& entry, std::string_view what);

  std::string_view content_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t second_line_ = 0;   // where the entry's second line begins; 0: it has none yet
  std::vector<std::size_t> open_; // where the entry's parentheses are that are not closed yet
  // Parentheses farther on that are known to be never closed, so that a file of nothing else is
  // not searched to its end for each.
  std::deque<std::size_t> unclosed_;
};

// Does the text up to the line's end begin with a record (owner, TTL and class if any, type, data)
// or a directive?
bool begins_record(std::string_view text) noexcept;

// The class of a record: IN, or another one.
enum class ZoneClass { none, in, other };
ZoneClass zone_class(std::string_view word) noexcept;

// Is the word a TTL: digits, or RFC 2308's `1h30m` form? `ttl` is what it comes to.
bool zone_ttl(std::string_view word, std::size_t& ttl) noexcept;

} // namespace nearmiss
