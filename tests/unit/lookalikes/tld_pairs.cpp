#include "rules/lookalikes/tld_pairs.hpp"
#include "rules/lookalikes/suffix.hpp"
#include "tests/catch.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

using namespace nearmiss;

TEST_CASE("both TLDs of every pair are delegated, and every pair says why and who says so") {
  lookalike::load_public_suffixes();
  REQUIRE(lookalike::is_top_level_domain("mil"));
  REQUIRE_FALSE(lookalike::is_top_level_domain("og"));     // mistyped for org, but nobody's
  REQUIRE_FALSE(lookalike::is_top_level_domain("github")); // only below a TLD
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const TldPair& pair : tld_pairs()) {
    INFO(pair.meant << ' ' << pair.mistyped);
    CHECK(lookalike::is_top_level_domain(std::string(pair.meant).c_str()));
    CHECK(lookalike::is_top_level_domain(std::string(pair.mistyped).c_str()));
    CHECK(pair.meant != pair.mistyped);
    CHECK_FALSE(pair.reason.empty());
    CHECK_FALSE(pair.source.empty());
    CHECK(seen.emplace(pair.meant, pair.mistyped).second);
  }
}

TEST_CASE("the mistyped TLDs of a TLD are had by its name") {
  const auto of_com = mistyped_of("com");
  for (const char* tld : {"cm", "co", "om"}) {
    CHECK(std::ranges::find(of_com, tld) != of_com.end());
  }
  const auto of_mil = mistyped_of("mil");
  CHECK(std::ranges::find(of_mil, "ml") != of_mil.end());
  CHECK(mistyped_of("ml").empty()); // a slip goes one way
  CHECK(mistyped_of("museum").empty());
  CHECK(is_mistyped("ml", "mil"));
  CHECK_FALSE(is_mistyped("mil", "ml"));
}
