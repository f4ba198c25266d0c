// How likely it is that an asked name is a slip for a protected one, rather than meant as itself.
//
// The arithmetic. A pair of names is taken apart into features: which slips lead from one to the
// other (slips.hpp), what is wrong with the ending, how long the protected label is, whether it is
// a well-known mail provider. Each feature has a weight (weights.hpp), and the sum of the weights
// is the logarithm of the odds, as in logistic regression: 0 is as likely as not among the pairs
// that the weights were fitted to. A long label makes a slip likelier, since honest names that near
// are rare; a mail provider does, since much of what people type is meant for one.
//
// The decision is one threshold, see threshold_of(). Names known to be good are asked for before
// (known.hpp), so that no score stops them.
#pragma once

#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/slips.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nearmiss::lookalike {

constexpr std::size_t length_steps = 10;

// In the order of weights.hpp.
enum class Feature : std::uint8_t {
  any,        // every pair has it
  two_slips,  // in the label
  first_slip, // and the other kinds of Slip, as often as they occur
  dot = first_slip + slip_count,
  no_such_ending,  // .con, .cmo, .comm: no top-level domain
  mistyped_ending, // a pair of tld_pairs.hpp: com and cm
  ending_by_one,   // one letter of the ending, and there is such a one
  inside_ending,   // yahoo.con.br: the second level of the ending
  provider,        // the protected domain is a well-known mail provider
  provider_by_two, // and there are two slips in the label
  length_one,      // the protected label's length, by length_step(), where there is one slip
  length_two = length_one + length_steps, // where there are two
  count = length_two + length_steps
};
constexpr std::size_t feature_count = static_cast<std::size_t>(Feature::count);

// 2 characters and fewer, 3, ... 8, 9 and 10, 11 to 13, and more.
constexpr std::size_t length_step(std::size_t characters) noexcept {
  if (characters <= 8) {
    return characters <= 2 ? 0 : characters - 2;
  }
  return characters <= 10 ? 7 : characters <= 13 ? 8 : 9;
}

using Features = std::array<std::uint8_t, feature_count>;

// A name as it is compared: text with dots, and where its ending begins.
struct Compared {
  std::string_view text;
  std::size_t labels = 0;        // of `text`
  std::size_t suffix_labels = 0; // of these, the public suffix
  std::size_t label_size = 0;    // octets before the dot before that
};

struct SlipFound {
  LookalikeClass kind = LookalikeClass::two_slips;
  Features features{};
};

// What leads from `meant` to `asked`. nullopt: nothing that this knows how to judge, or nothing at
// all. `no_such_ending`: the asked name's last label is no top-level domain. Does not allocate.
std::optional<SlipFound> find_slip(const Compared& asked, const Compared& meant,
                                   bool no_such_ending, bool provider) noexcept;

// The sum of the weights, by what they are about.
LookalikeScore score_of(const Features& features) noexcept;

} // namespace nearmiss::lookalike
