// What the fingers did between a name that was meant and the one that was asked: the likeliest way,
// as counts of slips.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nearmiss::lookalike {

enum class Slip : std::uint8_t {
  key_beside,         // hptmail: a keyboard neighbour instead
  vowel,              // hotmeil: another vowel instead
  by_ear,             // yahu, gimail: a letter that sounds alike instead
  other_letter,       // hotwail
  doubled,            // hotmmail
  key_beside_put_in,  // hotmnail: a keyboard neighbour of a letter beside it
  put_in_front,       // ahotmail
  put_in_at_end,      // hotmailt
  put_in,             // hotxmail
  left_out_of_double, // outlok
  left_out_first,     // otmail
  left_out_last,      // hotmai
  left_out,           // hotmil
  swapped,            // homtail
  hyphen,             // hot-mail, tonline: a hyphen put in or left out
};
constexpr std::size_t slip_count = 15;

struct Slips {
  std::array<std::uint8_t, slip_count> in_label{}; // before the ending, by kind
  std::uint8_t label = 0;                          // of these, all told
  std::uint8_t ending = 0;                         // within the ending
  std::uint8_t dots = 0;                           // put in, left out, or a letter further on

  unsigned all() const noexcept { return 0U + label + ending + dots; }
};

// From `meant`, whose ending begins behind its first `label_size` octets, to `asked`; both with
// dots, in lower case. nullopt where they are further apart than a few slips. Does not allocate;
// the work is bounded by the few places where the two differ, and by Name's length.
std::optional<Slips> slips_between(std::string_view asked, std::string_view meant,
                                   std::size_t label_size) noexcept;

} // namespace nearmiss::lookalike
