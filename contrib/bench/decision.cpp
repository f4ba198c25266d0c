// What one decision costs, what building the index costs, and what a name costs in memory.
#include "rules/huge_pages.hpp"
#include "rules/policy_builder.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

using namespace nearmiss;

constexpr std::uint16_t type_mx = 15;
constexpr std::size_t asked_names = 1 << 16; // more than the caches of a core hold

// What comes in with a query: the name's wire form, read first, as the module does. The wire forms
// of names, one behind the other: a resolver has the name it looks up at hand, so fetching it from
// memory must not be a part of the measure.
class Wires {
 public:
  explicit Wires(const std::vector<Name>& names) {
    for (const Name& name : names) {
      octets_.insert(octets_.end(), name.wire().begin(), name.wire().end());
    }
  }
  // The next name; after the last the first.
  std::optional<Name> next() {
    auto name = Name::from_wire(std::span(octets_).subspan(at_));
    at_ += name->wire().size();
    at_ = at_ == octets_.size() ? 0 : at_;
    return name;
  }

 private:
  std::vector<std::uint8_t> octets_;
  std::size_t at_ = 0;
};

// Names as block lists have them: two or three labels, about 18 octets of text.
Name draw_name(std::mt19937_64& random, const char* tld) {
  std::string text;
  if (random() % 3 == 0) {
    text = "mail.";
  }
  for (std::size_t length = 8 + random() % 9; length > 0; --length) {
    text += static_cast<char>('a' + random() % 26);
  }
  return *Name::from_text(text + "." + tld);
}

std::vector<Name> draw_names(std::uint64_t seed, std::size_t count, const char* tld) {
  std::mt19937_64 random(seed);
  std::vector<Name> names;
  names.reserve(count);
  while (names.size() < count) {
    names.push_back(draw_name(random, tld));
  }
  return names;
}

PolicyBuilder with_one_rule() {
  PolicyBuilder builder;
  Rule rule;
  rule.id = "list";
  rule.types = TypeSet::delivery();
  builder.add_rule(rule);
  return builder;
}

const Policy& policy_of(std::size_t count) {
  static std::map<std::size_t, Policy> policies;
  const auto known = policies.find(count);
  if (known != policies.end()) {
    return known->second;
  }
  PolicyBuilder builder = with_one_rule();
  builder.reserve(count);
  builder.add_name(0, *Name::from_text("ml"), Scope::subtree); // so that TLDs are searched as well
  std::mt19937_64 random(1);
  for (std::size_t number = 0; number < count; ++number) {
    builder.add_name(0, draw_name(random, "example"), Scope::subtree);
  }
  return policies.emplace(count, std::move(builder).build()).first->second;
}

void measure_covers(benchmark::State& state, const std::vector<Name>& names, bool expected) {
  Wires asked(names);
  const Policy& policy = policy_of(static_cast<std::size_t>(state.range(0)));
  std::size_t covered = 0;
  for (auto _ : state) {
    covered += policy.covers(*asked.next(), type_mx) ? 1U : 0U;
  }
  if (covered != (expected ? static_cast<std::size_t>(state.iterations()) : 0)) {
    state.SkipWithError("a wrong answer");
  }
  state.counters["bytes_a_name"] =
      static_cast<double>(policy.index_memory()) / static_cast<double>(policy.name_count());
}

void covers_miss(benchmark::State& state) {
  measure_covers(state, draw_names(2, asked_names, "example"), false);
}

// Names that are listed, in an order that the caches cannot foresee.
void covers_hit(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 same(1);
  std::mt19937_64 choice(3);
  std::vector<Name> asked;
  for (std::size_t number = 0; number < count && asked.size() < asked_names; ++number) {
    const Name listed = draw_name(same, "example");
    if (choice() % (count / asked_names + 1) == 0) {
      asked.push_back(listed);
    }
  }
  std::shuffle(asked.begin(), asked.end(), choice);
  measure_covers(state, asked, true);
}

// The least that a look into a table of so many octets can take if it must be waited for: one read
// from a random place of it, on huge pages as the index is. Each read tells where the next one is.
void memory_read(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0)) / sizeof(std::uint64_t);
  Table<std::uint64_t> next(count);
  std::iota(next.begin(), next.end(), 0);
  std::mt19937_64 random(4);
  for (std::size_t at = count - 1; at > 0; --at) { // one ring of all (Sattolo 1986)
    std::swap(next[at], next[random() % at]);
  }
  std::uint64_t at = 0;
  for (auto _ : state) {
    at = next[at];
  }
  benchmark::DoNotOptimize(at);
}

void build(benchmark::State& state) {
  const std::vector<Name> names =
      draw_names(1, static_cast<std::size_t>(state.range(0)), "example");
  for (auto _ : state) {
    PolicyBuilder builder = with_one_rule();
    for (const Name& name : names) {
      builder.add_name(0, name, Scope::subtree);
    }
    const Policy policy = std::move(builder).build();
    benchmark::DoNotOptimize(policy.name_count());
  }
}

constexpr std::int64_t thousand = 1'000;
constexpr std::int64_t million = 1'000'000;

BENCHMARK(covers_miss)->Arg(thousand)->Arg(million)->Arg(10 * million);
BENCHMARK(covers_hit)->Arg(thousand)->Arg(million)->Arg(10 * million);
BENCHMARK(memory_read)->Arg(thousand)->Arg(million)->Arg(10 * million);
BENCHMARK(build)->Arg(million)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
