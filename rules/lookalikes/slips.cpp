#include "rules/lookalikes/slips.hpp"

#include "rules/lookalikes/edit.hpp"
#include "rules/lookalikes/glyph.hpp"

#include <algorithm>
#include <limits>

namespace nearmiss::lookalike {

namespace {

// What stands between the common beginning and the common end of two texts.
struct Difference {
  std::string_view asked, meant;
  std::size_t begin = 0, asked_end = 0, meant_end = 0;
};

Difference difference(std::string_view asked, std::string_view meant) noexcept {
  Difference found{asked, meant, 0, asked.size(), meant.size()};
  while (found.begin < std::min(asked.size(), meant.size()) &&
         asked[found.begin] == meant[found.begin]) {
    ++found.begin;
  }
  while (found.asked_end > found.begin && found.meant_end > found.begin &&
         asked[found.asked_end - 1] == meant[found.meant_end - 1]) {
    --found.asked_end;
    --found.meant_end;
  }
  return found;
}

bool sound_alike(char a, char b) noexcept {
  constexpr std::array<std::string_view, 12> pairs{"ck", "cs", "sz", "vw", "fv", "bp",
                                                   "dt", "iy", "gj", "kq", "mn", "lr"};
  return std::ranges::any_of(pairs, [&](std::string_view pair) {
    return (pair[0] == a && pair[1] == b) || (pair[0] == b && pair[1] == a);
  });
}

bool is_vowel_or_y(char character) noexcept {
  return std::string_view("aeiouy").find(character) != std::string_view::npos;
}

bool beside(char a, char b) noexcept {
  return are_key_neighbours(static_cast<unsigned char>(a), static_cast<unsigned char>(b));
}

// A step of the way: a slip, a slip with a dot, or none.
using Step = std::uint8_t;
constexpr Step dot = slip_count;
constexpr Step none = slip_count + 1;

constexpr Step step(Slip slip) noexcept {
  return static_cast<Step>(slip);
}

// How unlikely, in hundredths: what decides between several ways from one text to the other. How
// likely a slip is against the neighbours it leads to is for score.cpp to say.
constexpr std::array<std::uint16_t, slip_count + 1> costs{100, 105, 120, 140, 90,  100, 130, 110,
                                                          130, 80,  110, 100, 100, 80,  80,  80};

Step instead(char asked, char meant) noexcept {
  if (asked == '-' || meant == '-') {
    return step(Slip::other_letter);
  }
  if (beside(asked, meant)) {
    return step(Slip::key_beside);
  }
  if (is_vowel_or_y(asked) && is_vowel_or_y(meant)) {
    return step(Slip::vowel);
  }
  return step(sound_alike(asked, meant) ? Slip::by_ear : Slip::other_letter);
}

bool begins_label(std::string_view text, std::size_t at) noexcept {
  return at == 0 || text[at - 1] == '.';
}
bool ends_label(std::string_view text, std::size_t at) noexcept {
  return at + 1 == text.size() || text[at + 1] == '.';
}

Step put_in(std::string_view asked, std::size_t at) noexcept {
  const char added = asked[at];
  const auto near = [&](auto same) {
    return (at > 0 && same(asked[at - 1])) || (at + 1 < asked.size() && same(asked[at + 1]));
  };
  if (added == '.') {
    return dot;
  }
  if (added == '-') {
    return step(Slip::hyphen);
  }
  if (near([&](char other) { return other == added; })) {
    return step(Slip::doubled);
  }
  if (near([&](char other) { return beside(other, added); })) {
    return step(Slip::key_beside_put_in);
  }
  if (begins_label(asked, at)) {
    return step(Slip::put_in_front);
  }
  return step(ends_label(asked, at) ? Slip::put_in_at_end : Slip::put_in);
}

Step left_out(std::string_view meant, std::size_t at) noexcept {
  const char missing = meant[at];
  if (missing == '.') {
    return dot;
  }
  if (missing == '-') {
    return step(Slip::hyphen);
  }
  if ((at > 0 && meant[at - 1] == missing) || (at + 1 < meant.size() && meant[at + 1] == missing)) {
    return step(Slip::left_out_of_double);
  }
  if (begins_label(meant, at)) {
    return step(Slip::left_out_first);
  }
  return step(ends_label(meant, at) ? Slip::left_out_last : Slip::left_out);
}

constexpr std::size_t longest = 48; // octets that may differ
constexpr std::size_t widest = 3;   // how far the two may be out of step

// The cheapest way from one difference to the other (Damerau and Levenshtein, neighbours swapped
// once), kept with the last step to each place.
class Way { // NOLINT(*-member-init): written before it is read
 public:
  explicit Way(const Difference& difference) noexcept : texts_(difference) {}

  std::optional<Slips> run(std::size_t label_size) noexcept {
    const std::size_t asked = texts_.asked_end - texts_.begin;
    const std::size_t meant = texts_.meant_end - texts_.begin;
    for (std::size_t i = 0; i <= asked; ++i) {
      for (std::size_t j = first(i); j <= std::min(meant, i + widest); ++j) {
        at(i, j).cost = i == 0 && j == 0 ? 0 : unreached;
      }
    }
    for (std::size_t i = 0; i <= asked; ++i) {
      for (std::size_t j = first(i); j <= std::min(meant, i + widest); ++j) {
        if (at(i, j).cost != unreached) {
          go_on(i, j, asked, meant);
        }
      }
    }
    if (at(asked, meant).cost == unreached) {
      return std::nullopt;
    }
    return count(asked, meant, label_size);
  }

 private:
  struct Place {
    std::uint16_t cost;
    Step step;
    std::uint8_t asked, meant; // how many octets the step took of each
  };
  static constexpr std::uint16_t unreached = std::numeric_limits<std::uint16_t>::max();

  static std::size_t first(std::size_t i) noexcept { return i > widest ? i - widest : 0; }
  Place& at(std::size_t i, std::size_t j) noexcept {
    return places_[i * (2 * widest + 1) + (j + widest - i)];
  }
  void reach(std::size_t i, std::size_t j, Step step, unsigned asked, unsigned meant) noexcept {
    const std::size_t to = i + asked;
    if (j + meant > to + widest || j + meant + widest < to) {
      return;
    }
    const auto cost = static_cast<std::uint16_t>(at(i, j).cost + (step == none ? 0 : costs[step]));
    Place& place = at(to, j + meant);
    if (cost < place.cost) {
      place = {cost, step, static_cast<std::uint8_t>(asked), static_cast<std::uint8_t>(meant)};
    }
  }
  void go_on(std::size_t i, std::size_t j, std::size_t asked, std::size_t meant) noexcept {
    const std::size_t a = texts_.begin + i;
    const std::size_t m = texts_.begin + j;
    const char asked_one = i < asked ? texts_.asked[a] : '\0';
    const char meant_one = j < meant ? texts_.meant[m] : '\0';
    if (i < asked && j < meant) {
      if (asked_one == meant_one) {
        reach(i, j, none, 1, 1);
      } else if (asked_one != '.' && meant_one != '.') {
        reach(i, j, instead(asked_one, meant_one), 1, 1);
      }
    }
    if (i < asked) {
      reach(i, j, put_in(texts_.asked, a), 1, 0);
    }
    if (j < meant) {
      reach(i, j, left_out(texts_.meant, m), 0, 1);
    }
    if (i + 1 < asked && j + 1 < meant && asked_one != meant_one &&
        asked_one == texts_.meant[m + 1] && texts_.asked[a + 1] == meant_one) {
      const bool with_dot = asked_one == '.' || meant_one == '.';
      reach(i, j, with_dot ? dot : step(Slip::swapped), 2, 2);
    }
  }
  Slips count(std::size_t i, std::size_t j, std::size_t label_size) noexcept {
    Slips slips;
    while (i > 0 || j > 0) {
      const Place place = at(i, j);
      i -= place.asked;
      j -= place.meant;
      if (place.step == none) {
        continue;
      }
      if (place.step == dot) {
        ++slips.dots;
      } else if (texts_.begin + j > label_size) {
        ++slips.ending;
      } else {
        ++slips.label;
        ++slips.in_label[place.step];
      }
    }
    return slips;
  }

  const Difference& texts_;
  std::array<Place, (longest + 1) * (2 * widest + 1)> places_;
};

} // namespace

std::optional<Slips> slips_between(std::string_view asked, std::string_view meant,
                                   std::size_t label_size) noexcept {
  const Difference found = difference(asked, meant);
  const std::size_t a = found.asked_end - found.begin;
  const std::size_t m = found.meant_end - found.begin;
  if (a > longest || m > longest || a > m + widest || m > a + widest) {
    return std::nullopt;
  }
  return Way(found).run(label_size);
}

} // namespace nearmiss::lookalike
