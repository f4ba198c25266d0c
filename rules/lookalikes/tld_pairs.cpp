#include "rules/lookalikes/tld_pairs.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

constexpr std::string_view left_out = "a letter left out";
constexpr std::string_view swapped = "two letters swapped";

constexpr std::string_view register_2023 =
    "Financial Times, 17 July 2023; The Register, 18 July 2023, \"Typo watch\"";
constexpr std::string_view berryhill_2006 =
    "J. Berryhill, CircleID, August 2006, \"Nation of Cameroon Typo-Squats the Entire .com Space\"";
constexpr std::string_view fuller_2016 =
    "S. Fuller, NetNames, April 2016, \"Typosquatting to the right of the dot\"";
constexpr std::string_view silver_2023 =
    "domaininvesting.com, July 2023, \".MIL -> .ML is a Cautionary Tale for .CO Operators\"";
// No report of the slip itself: what is certain is that the TLD is delegated.
constexpr std::string_view iana = "IANA Root Zone Database";

constexpr std::array<TldPair, 19> pairs{{
    {"mil", "ml", "a letter left out; .ml took in millions of messages for .mil", register_2023},
    {"mil", "il", left_out, iana},
    {"com", "cm", "a letter left out; .cm answered for every name with a wildcard", berryhill_2006},
    {"com", "co", left_out, fuller_2016},
    {"com", "om", left_out, fuller_2016},
    {"com", "cam", "a for o", iana},
    {"co", "com", "the habit of writing .com", silver_2023},
    {"net", "ne", left_out, iana},
    {"net", "et", left_out, iana},
    {"org", "ong", "n for r", iana},
    {"edu", "eu", left_out, iana},
    {"eu", "edu", "a letter put in", iana},
    {"int", "in", left_out, iana},
    {"int", "it", left_out, iana},
    {"biz", "bz", left_out, iana},
    {"biz", "bi", left_out, iana},
    {"us", "su", swapped, iana},
    {"ca", "ac", swapped, iana},
    {"au", "ua", swapped, iana},
}};

} // namespace

std::span<const TldPair> tld_pairs() noexcept {
  return pairs;
}

std::vector<std::string_view> mistyped_of(std::string_view tld) {
  std::vector<std::string_view> found;
  for (const TldPair& pair : pairs) {
    if (pair.meant == tld) {
      found.push_back(pair.mistyped);
    }
  }
  return found;
}

bool is_mistyped(std::string_view asked, std::string_view meant) noexcept {
  return std::ranges::any_of(
      pairs, [&](const TldPair& pair) { return pair.mistyped == asked && pair.meant == meant; });
}

} // namespace nearmiss
