#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/unicode.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace nearmiss::lookalike {

namespace {

// From UTS #39's confusables, dnstwist's glyphs, and what digits are written for in names.
constexpr std::array<GlyphPair, 32> pairs{{
    {U"o", U"0", false},  {U"l", U"1", false},  {U"l", U"i", false},  {U"i", U"1", false},
    {U"m", U"rn", false}, {U"w", U"vv", false}, {U"d", U"cl", false}, {U"b", U"d", true},
    {U"c", U"e", true},   {U"3", U"8", true},   {U"6", U"9", true},   {U"g", U"q", true},
    {U"m", U"n", true},   {U"n", U"r", true},   {U"m", U"nn", true},  {U"m", U"rr", true},
    {U"b", U"lb", true},  {U"d", U"dl", true},  {U"h", U"lh", true},  {U"k", U"lk", true},
    {U"k", U"ik", true},  {U"k", U"lc", true},  {U"s", U"5", true},   {U"z", U"2", true},
    {U"e", U"3", true},   {U"a", U"4", true},   {U"t", U"7", true},   {U"g", U"9", true},
    {U"g", U"6", true},   {U"b", U"8", true},   {U"b", U"6", true},   {U"q", U"9", true},
}};

// The class of a glyph in the coarse skeleton; 0: it leaves no trace. A pair's two sides must come
// to the same: i, l and 1 vanish because "cl" is taken for d, and "lb" for b.
constexpr char32_t coarse_of(char32_t character) noexcept {
  switch (character) {
  case U'i':
  case U'l':
  case U'1':
    return 0;
  case U'0':
    return U'o';
  case U'm':
  case U'r':
    return U'n';
  case U'b':
  case U'd':
  case U'e':
  case U'k':
  case U'3':
  case U'6':
  case U'8':
  case U'9':
  case U'g':
  case U'q':
    return U'c';
  case U'w':
    return U'v';
  case U'4':
    return U'a';
  case U'7':
    return U't';
  case U'5':
    return U's';
  case U'2':
    return U'z';
  default:
    return character;
  }
}

constexpr auto coarse_ascii = [] {
  std::array<char32_t, 0x80> all{};
  for (char32_t character = 0; character < all.size(); ++character) {
    all[character] = coarse_of(character);
  }
  return all;
}();

inline void append_coarse(char32_t character, Text& skeleton) noexcept {
  const char32_t glyph = character < coarse_ascii.size() ? coarse_ascii[character] : character;
  // m is rn, nn or n, and w is vv: a run of them counts once.
  const bool repeated = (glyph == U'n' || glyph == U'v') && skeleton.view().ends_with(glyph);
  if (glyph != 0 && !repeated) {
    skeleton.append(glyph);
  }
}

// What a character may be read as: all that one or more pairs make of it.
struct Reading {
  std::u32string text;
  unsigned distance; // kinds of merely similar glyphs on the way, 0..2
};
using Readings = std::array<std::vector<Reading>, 128>;

constexpr unsigned max_distance = 2;
constexpr std::size_t max_reading = 3; // characters; longer ones are chains nobody would read

Readings make_readings() {
  Readings all;
  for (char32_t character = U'0'; character <= U'z'; ++character) {
    std::map<std::u32string, unsigned> found{{std::u32string(1, character), 0}};
    // One more step each time, from everything found so far; nothing is longer than max_reading, so
    // this ends.
    for (bool grown = true; grown;) {
      grown = false;
      const auto known = found;
      for (const auto& [text, distance] : known) {
        for (const auto& pair : pairs) {
          const unsigned next = distance + (pair.similar ? 1 : 0);
          if (next > max_distance) {
            continue;
          }
          for (const auto& [from, to] :
               {std::pair{pair.from, pair.to}, std::pair{pair.to, pair.from}}) {
            for (auto at = text.find(from); at != text.npos; at = text.find(from, at + 1)) {
              std::u32string made = text;
              made.replace(at, from.size(), to);
              if (made.size() > max_reading) {
                continue;
              }
              const auto [place, added] = found.try_emplace(std::move(made), next);
              if (added || next < place->second) {
                place->second = next;
                grown = true;
              }
            }
          }
        }
      }
    }
    found.erase(std::u32string(1, character));
    for (auto& [text, distance] : found) {
      all[character].push_back({text, distance});
    }
  }
  return all;
}

const Readings& readings() {
  static const Readings& all = *new Readings(make_readings()); // threads may read it at the end
  return all;
}

// How far a reading of `meant` has come: the next character of `asked`, and the kinds of similar
// glyphs used on the way, of which each counts once however often it stands there.
struct State {
  std::uint8_t at;
  std::uint8_t distance;
  const void* kinds[max_distance];
  friend bool operator==(const State&, const State&) noexcept = default;
};

// All states after a number of characters of `meant`. Few, as two texts of the same coarse skeleton
// leave little choice; the oldest stay if there is no room.
class States { // NOLINT(*-member-init): read up to size_ only
 public:
  void clear() noexcept { size_ = 0; }
  void add(const State& state) noexcept {
    if (size_ < states_.size() && std::find(begin(), end(), state) == end()) {
      states_[size_++] = state;
    }
  }
  const State* begin() const noexcept { return states_.data(); }
  const State* end() const noexcept { return states_.data() + size_; }
  bool empty() const noexcept { return size_ == 0; }

 private:
  std::array<State, 32> states_;
  std::size_t size_ = 0;
};

std::optional<State> with_kind(State state, const Reading& reading) noexcept {
  if (reading.distance == 0) {
    return state;
  }
  for (auto& kind : state.kinds) {
    if (kind == &reading) {
      return state;
    }
    if (kind == nullptr) {
      kind = &reading;
      state.distance = static_cast<std::uint8_t>(state.distance + reading.distance);
      return state.distance <= max_distance ? std::optional(state) : std::nullopt;
    }
  }
  return std::nullopt;
}

// The distance if `asked` is `meant` with characters read as something else.
std::optional<unsigned> reading_distance(std::u32string_view asked,
                                         std::u32string_view meant) noexcept {
  const Readings& all = readings();
  std::array<States, 2> both;
  States* states = both.data();
  States* next = states + 1;
  states->add({0, 0, {}});
  for (const char32_t character : meant) {
    next->clear();
    for (const State& state : *states) {
      const auto left = asked.substr(state.at);
      if (left.starts_with(character)) {
        State same = state;
        ++same.at;
        next->add(same);
      }
      if (character >= all.size()) {
        continue;
      }
      for (const Reading& reading : all[character]) {
        if (left.starts_with(reading.text)) {
          if (auto read = with_kind(state, reading)) {
            read->at = static_cast<std::uint8_t>(read->at + reading.text.size());
            next->add(*read);
          }
        }
      }
    }
    if (next->empty()) {
      return std::nullopt;
    }
    std::swap(states, next);
  }
  std::optional<unsigned> best;
  for (const State& state : *states) {
    if (state.at == asked.size() && (!best || state.distance < *best)) {
      best = state.distance;
    }
  }
  return best;
}

} // namespace

void load_glyphs() {
  load_unicode();
  readings();
}

std::span<const GlyphPair> glyph_pairs() noexcept {
  return pairs;
}

Text coarse_skeleton(std::u32string_view text) noexcept {
  Text skeleton;
  for (const char32_t character : text) {
    append_coarse(character, skeleton);
  }
  return skeleton;
}

void Skeletons::add(std::u32string_view skeleton) {
  longest_ = std::max(longest_, skeleton.size());
  for (const char32_t character : skeleton) {
    const auto place = std::ranges::lower_bound(beyond_ascii_, character);
    if (character >= 0x80 && (place == beyond_ascii_.end() || *place != character)) {
      beyond_ascii_.insert(place, character);
    }
  }
}

std::optional<Text> Skeletons::find_possible(std::u32string_view text) const noexcept {
  std::optional<Text> possible(std::in_place);
  Text& skeleton = *possible;
  const auto is_foreign = [this](char32_t character) noexcept {
    return character >= 0x80 && !std::ranges::binary_search(beyond_ascii_, character);
  };
  for (const char32_t character : text) {
    if (skeleton.view().size() > longest_) {
      return std::nullopt;
    }
    if (character < 0x80) {
      append_coarse(character, skeleton);
      continue;
    }
    // Most are told by the little that is known without ICU.
    const Character known = character_of(character);
    if (std::ranges::any_of(known.folded, is_foreign)) {
      return std::nullopt;
    }
    Text folded;
    append_folded(character, folded);
    for (const char32_t part : folded.view()) {
      if (is_foreign(part)) {
        return std::nullopt;
      }
      append_coarse(part, skeleton);
    }
  }
  if (skeleton.view().size() > longest_) {
    return std::nullopt;
  }
  return possible;
}

std::optional<unsigned> glyph_distance(std::u32string_view a, std::u32string_view b) noexcept {
  if (a == b) {
    return 0;
  }
  const auto there = reading_distance(a, b);
  if (there == 0) {
    return there;
  }
  const auto back = reading_distance(b, a);
  if (!there || !back) {
    return there ? there : back;
  }
  return std::min(*there, *back);
}

} // namespace nearmiss::lookalike
