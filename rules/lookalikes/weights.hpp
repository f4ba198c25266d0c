// The weights of the features of score.hpp, in hundredths of a natural logarithm of odds.
//
// Made by contrib/bench/lookalike_weights.py from 1057 pairs of a mistyped domain and what was
// meant (forms, banks, mailers and commit logs of nine countries), and 5315 of a
// legitimate domain and a protected one near it.
#pragma once

#include <array>
#include <cstdint>

namespace nearmiss::lookalike {

// clang-format off
constexpr std::array<std::int16_t, 44> weights{
    -67, // any
    -361, // two_slips
    -51, // key_beside
    -47, // vowel
    -34, // by_ear
    -211, // other_letter
    54, // doubled
    -67, // key_beside_put_in
    -199, // put_in_front
    -186, // put_in_at_end
    -60, // put_in
    -36, // left_out_of_double
    -54, // left_out_first
    -88, // left_out_last
    43, // left_out
    97, // swapped
    -78, // hyphen
    161, // dot
    181, // no_such_ending
    -93, // mistyped_ending
    -95, // ending_by_one
    125, // inside_ending
    421, // provider
    148, // provider_by_two
    -227, // one slip in a label of up to 2
    -125, // one slip in a label of 3
    -170, // one slip in a label of 4
    28, // one slip in a label of 5
    80, // one slip in a label of 6
    78, // one slip in a label of 7
    149, // one slip in a label of 8
    115, // one slip in a label of 9 and 10
    226, // one slip in a label of 11 to 13
    207, // one slip in a label of more
    -205, // two slips in a label of up to 2
    -169, // two slips in a label of 3
    -237, // two slips in a label of 4
    -41, // two slips in a label of 5
    -46, // two slips in a label of 6
    61, // two slips in a label of 7
    97, // two slips in a label of 8
    96, // two slips in a label of 9 and 10
    84, // two slips in a label of 11 to 13
    0, // two slips in a label of more
};
// clang-format on

} // namespace nearmiss::lookalike
