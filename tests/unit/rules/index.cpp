#include "rules/name_index.hpp"
#include "rules/name_index_layout.hpp"
#include "tests/catch.hpp"
#include "tests/unit/allocations.hpp"
#include "tests/unit/rules/names.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <map>
#include <random>
#include <set>

using namespace nearmiss;
using nearmiss::test::name;

namespace {

// The listed names that a search finds, as text, from the asked name up.
std::vector<std::string> found(const NameIndex& index, const Name& asked) {
  NameIndex::Matches matches;
  index.search(asked, matches);
  std::vector<std::string> texts;
  for (const auto& match : matches) {
    texts.push_back(asked.last_labels(match.depth).to_text());
  }
  return texts;
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("a search finds the listed ancestors, the nearest first") {
  NameIndexBuilder builder;
  for (const char* const text : {"ml", "a.army.ml", "c.b.a.army.ml", "mil"}) {
    builder.add(name(text), 0, mark_subtree);
  }
  const NameIndex index = std::move(builder).build();
  CHECK(found(index, name("x.c.b.a.army.ml")) == Texts{"c.b.a.army.ml", "a.army.ml", "ml"});
  CHECK(found(index, name("army.ml")) == Texts{"ml"});
  CHECK(found(index, name("army.mil.example")).empty());
  CHECK(found(index, Name()).empty());
}

TEST_CASE("names of every length and depth are found, their neighbours are not") {
  std::vector<Name> names;
  NameIndexBuilder builder;
  for (std::size_t labels = 1; labels <= 127; ++labels) {
    std::string text = "x";
    for (std::size_t more = 1; more < labels; ++more) {
      text += ".y";
    }
    names.push_back(name(text));
  }
  for (std::size_t length = 2; length <= 63; ++length) {
    names.push_back(name(std::string(length, 'x')));
    names.push_back(name(std::string(length, 'x') + "." + std::string(length, 'z')));
  }
  for (const Name& listed : names) {
    builder.add(listed, 0, mark_exact);
  }
  const NameIndex index = std::move(builder).build();
  CHECK(index.listed_names() == names.size());
  for (const Name& listed : names) {
    const std::string text = listed.to_text();
    CAPTURE(text);
    const Texts texts = found(index, listed);
    REQUIRE_FALSE(texts.empty());
    CHECK(texts.front() == text);
    CHECK(found(index, name("q" + text.substr(1))) == Texts(texts.begin() + 1, texts.end()));
  }
}

// Of so many names the filter has a sieve before it.
TEST_CASE("the names of a large list are found, others are not") {
  constexpr std::uint64_t count = 2'200'000;
  NameIndexBuilder builder;
  const auto nth = [](std::uint64_t number) {
    std::array<std::uint8_t, 11> wire{8};
    for (std::size_t at = 1; at <= 8; ++at) {
      wire[at] = static_cast<std::uint8_t>('a' + (number >> (4 * (8 - at)) & 15));
    }
    wire[9] = 0;
    return *Name::from_wire(wire);
  };
  for (std::uint64_t number = 0; number < count; ++number) {
    builder.add(nth(number), 0, mark_exact);
  }
  const NameIndex index = std::move(builder).build();
  NameIndex::Matches matches;
  std::uint64_t hits = 0;
  std::uint64_t false_hits = 0;
  for (std::uint64_t number = 0; number < count; ++number) {
    index.search(nth(number), matches);
    hits += matches.empty() ? 0U : 1U;
    index.search(nth(count + number), matches);
    false_hits += matches.empty() ? 0U : 1U;
  }
  CHECK(hits == count);
  CHECK(false_hits == 0);
}

TEST_CASE("what is above a listed name is known, and little else taken for it") {
  NameIndexBuilder builder;
  std::mt19937_64 random(5);
  std::vector<Name> names;
  for (int number = 0; number < 20000; ++number) {
    names.push_back(name(std::to_string(random()) + ".b." + std::to_string(random()) + ".example"));
    builder.add(names.back(), 0, mark_exact);
  }
  const NameIndex index = std::move(builder).build();
  CHECK(index.may_have_below(Name()));
  CHECK(index.may_have_below(name("example")));
  std::size_t taken = 0;
  for (const Name& listed : names) {
    REQUIRE(index.may_have_below(listed.parent()));
    REQUIRE(index.may_have_below(listed.parent().parent()));
    taken += index.may_have_below(listed) ? 1U : 0U;
  }
  INFO(taken);
  CHECK(taken < names.size() / 15);
  CHECK_FALSE(NameIndex().may_have_below(Name()));
}

TEST_CASE("the marks of a name are all that was said about it, a mark a rule") {
  NameIndexBuilder builder;
  builder.add(name("b.ml"), 7, mark_subtree);
  builder.add(name("a.ml"), 3, mark_exact);
  builder.add(name("a.ml"), 1, mark_excepted);
  builder.add(name("A.ml"), 3, mark_subtree);
  builder.add(name("a.ml"), 7, mark_subtree);
  builder.add(name("a.ml"), 7, mark_subtree);
  builder.add(name("c.ml"), 1, mark_excepted);
  const NameIndex index = std::move(builder).build();
  const auto marks_of = [&](std::string_view text) {
    NameIndex::Matches matches;
    index.search(name(text), matches);
    REQUIRE(matches.end() - matches.begin() == 1);
    const MarkList marks = index.marks(*matches.begin());
    return std::vector<Mark>(marks.begin(), marks.end());
  };
  CHECK(marks_of("a.ml") ==
        std::vector<Mark>{{1, mark_excepted}, {3, mark_exact | mark_subtree}, {7, mark_subtree}});
  CHECK(marks_of("b.ml") == std::vector<Mark>{{7, mark_subtree}});
  CHECK(marks_of("c.ml") == std::vector<Mark>{{1, mark_excepted}});
  CHECK(index.listed_names() == 2); // c.ml is only excepted
}

TEST_CASE("hundreds of rules that list the same and different names") {
  constexpr std::uint32_t rules = 600;
  NameIndexBuilder builder;
  const auto own = [](std::uint32_t rule) { return name("n" + std::to_string(rule) + ".ml"); };
  for (std::uint32_t rule = 0; rule < rules; ++rule) {
    builder.add(own(rule), rule, mark_subtree);
    builder.add(own(rule / 2), rule, mark_exact); // a rule's name comes again in two others
    builder.add(name("all.ml"), rule, mark_exact);
  }
  const NameIndex index = std::move(builder).build();
  CHECK(index.listed_names() == rules + 1);
  const auto marks_of = [&](const Name& asked) {
    NameIndex::Matches matches;
    index.search(asked, matches);
    REQUIRE(matches.end() - matches.begin() == 1);
    const MarkList marks = index.marks(*matches.begin());
    return std::vector<Mark>(marks.begin(), marks.end());
  };
  CHECK(marks_of(name("all.ml")).size() == rules);
  for (std::uint32_t rule = 0; rule < rules; ++rule) {
    std::map<std::uint32_t, unsigned> expected{{rule, mark_subtree}};
    for (const std::uint32_t other : {2 * rule, 2 * rule + 1}) {
      if (other < rules) {
        expected[other] |= mark_exact;
      }
    }
    const auto marks = marks_of(own(rule));
    CAPTURE(rule);
    REQUIRE(marks.size() == expected.size());
    for (const Mark& mark : marks) {
      CHECK(mark.bits == expected.at(mark.rule));
    }
  }
}

TEST_CASE("an unlisted name never matches, a listed one always does") {
  const auto seed = test::seed();
  WARN("NEARMISS_SEED=" << seed);
  std::mt19937 random(seed);
  const auto draw = [&](unsigned below) { return static_cast<unsigned>(random() % below); };
  const auto random_name = [&] {
    std::string text;
    for (unsigned labels = 1 + draw(3); labels > 0; --labels) {
      text += text.empty() ? "" : ".";
      for (unsigned length = 1 + draw(9); length > 0; --length) {
        text += static_cast<char>('a' + draw(5));
      }
    }
    return text;
  };
  constexpr std::size_t count = 200'000;
  std::set<std::string> listed;
  NameIndexBuilder builder;
  for (std::size_t number = 0; number < count; ++number) {
    const std::string text = random_name();
    listed.insert(text);
    builder.add(name(text), 0, mark_subtree); // many come twice
  }
  const NameIndex index = std::move(builder).build();
  REQUIRE(index.listed_names() == listed.size());
  const auto expected = [&](std::string text) {
    Texts texts;
    while (true) {
      if (listed.contains(text)) {
        texts.push_back(text);
      }
      const auto dot = text.find('.');
      if (dot == std::string::npos) {
        return texts;
      }
      text.erase(0, dot + 1);
    }
  };
  std::size_t wrong = 0;
  for (const std::string& text : listed) {
    wrong += found(index, name(text)) == expected(text) ? 0U : 1U;
  }
  CHECK(wrong == 0);
  std::size_t unlisted = 0;
  for (std::size_t number = 0; number < count; ++number) {
    const std::string text = random_name();
    unlisted += expected(text).empty() ? 1U : 0U;
    wrong += found(index, name(text)) == expected(text) ? 0U : 1U;
  }
  CHECK(wrong == 0);
  CHECK(unlisted > count / 100); // the draw did try unlisted names
}

TEST_CASE("where a name lies cannot be foreseen: each index has a key of its own") {
  const auto order = [] {
    NameIndexBuilder builder;
    for (int number = 0; number < 1000; ++number) {
      builder.add(name("n" + std::to_string(number) + ".ml"), 0, mark_subtree);
    }
    const NameIndex index = std::move(builder).build();
    Texts texts;
    index.for_each([&](const Name& stored) { texts.push_back(stored.to_text()); });
    return texts;
  };
  Texts one = order();
  Texts other = order();
  CHECK(one != other);
  std::ranges::sort(one);
  std::ranges::sort(other);
  CHECK(one == other); // the same names all the same
}

TEST_CASE("names that come a thousand times over, in groups that run over, stay one name each") {
  constexpr std::size_t names = 500;
  constexpr std::uint32_t rules = 3;
  NameIndexBuilder builder;
  const auto text = [](std::size_t number) { return "n" + std::to_string(number) + ".ml"; };
  for (std::uint32_t rule = 0; rule < rules; ++rule) {
    for (std::size_t number = 0; number < names; ++number) {
      // Few names come very often, so that some groups get many and others none.
      for (std::size_t times = number % 50 == 0 ? 1000 : 1; times > 0; --times) {
        builder.add(name(text(number)), rule, mark_exact);
      }
    }
  }
  const NameIndex index = std::move(builder).build();
  CHECK(index.listed_names() == names);
  for (std::uint32_t rule = 0; rule < rules; ++rule) {
    CHECK(index.repeated(rule) == 9990); // ten names, 999 times each
  }
  std::size_t wrong = 0;
  for (std::size_t number = 0; number < 2 * names; ++number) {
    const Texts expected = number < names ? Texts{text(number)} : Texts{};
    wrong += found(index, name(text(number))) == expected ? 0U : 1U;
  }
  CHECK(wrong == 0);
}

TEST_CASE("a name costs no more memory than the header says") {
  NameIndexBuilder builder;
  constexpr std::size_t count = 100'000;
  std::size_t text_octets = 0;
  for (std::size_t number = 0; number < count; ++number) {
    const std::string text = "name-" + std::to_string(number) + ".example";
    text_octets += text.size();
    builder.add(name(text), static_cast<std::uint32_t>(number % 10), mark_subtree);
  }
  const NameIndex index = std::move(builder).build();
  const auto a_name = static_cast<double>(index.memory()) / count;
  CHECK(a_name < 7.2 + static_cast<double>(text_octets) / count + 0.1);
}

TEST_CASE("no tag is taken for a free slot of its word, whatever the hash") {
  for (std::uint64_t hash = 0; hash <= UINT16_MAX; ++hash) {
    const std::uint16_t tag = tag_of(hash);
    REQUIRE(tag != 0);
    REQUIRE(found_tags(0, tag) == 0);
    for (unsigned slot = 0; slot < 4; ++slot) { // it stands there, the slots after it are free
      std::uint64_t tags = std::uint64_t{tag} << (slot * 16);
      for (unsigned before = 0; before < slot; ++before) {
        tags |= std::uint64_t{tag == UINT16_MAX ? tag - 2U : tag + 1U} << (before * 16);
      }
      REQUIRE(std::popcount(found_tags(tags, tag)) == 1);
    }
  }
}

namespace {

// The octets of the index of `count` rules, all of which have one name.
std::size_t octets_of_rules_with_one_name(std::uint32_t count, std::size_t& allocated) {
  NameIndexBuilder builder;
  for (std::uint32_t rule = 0; rule < count; ++rule) {
    builder.add(name("excepted.ml"), rule, mark_excepted);
  }
  const std::size_t before = test::allocations();
  const NameIndex index = std::move(builder).build();
  allocated = test::allocations() - before;
  return index.memory();
}

} // namespace

TEST_CASE("what many rules say about one name takes memory by their number, not by its square") {
  std::size_t allocations = 0;
  std::size_t more_allocations = 0;
  const std::size_t octets = octets_of_rules_with_one_name(1000, allocations);
  const std::size_t more = octets_of_rules_with_one_name(4000, more_allocations);
  CHECK(octets > 1000 * sizeof(Mark)); // the count does see the marks
  CHECK(more < 5 * octets);
  CHECK(more_allocations < allocations + 100);
}

TEST_CASE("more rules than one name may have are an error that says which name") {
  constexpr auto most = static_cast<std::uint32_t>(NameIndexBuilder::max_rules_a_name);
  const auto build = [](std::uint32_t rules) {
    NameIndexBuilder builder;
    for (std::uint32_t rule = 0; rule < rules; ++rule) {
      builder.add(name("all.ml"), rule, mark_exact);
      builder.add(name("n" + std::to_string(rule) + ".ml"), rule, mark_exact);
    }
    return std::move(builder).build().listed_names();
  };
  CHECK(build(most) == most + 1);
  CHECK_THROWS_WITH(build(most + 1), ContainsSubstring("4096 rules have the name \"all.ml\""));
}

TEST_CASE("a name that comes again for one of many rules is counted as repeated") {
  NameIndexBuilder builder;
  for (const std::uint32_t rule : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 9U, 3U, 9U, 9U}) {
    builder.add(name("a.ml"), rule, mark_exact);
  }
  builder.add(name("a.ml"), 5, mark_subtree); // says more than before
  const NameIndex index = std::move(builder).build();
  CHECK(index.repeated(3) == 1);
  CHECK(index.repeated(9) == 2);
  CHECK(index.repeated(5) == 0);
  CHECK(index.repeated(0) == 0);
}
