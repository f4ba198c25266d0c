// One look-alike test against 10,000 protected domains: for names that are none, for near misses,
// for look-alikes, and for the dearest names that somebody could ask for.
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/variants.hpp"
#include "rules/lookalikes/variants_glyph.hpp"

#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

namespace {

using namespace nearmiss;

// Words of syllables, as brands are: labels of 4 to 16 characters under common suffixes.
std::string random_domain(std::mt19937& random) {
  constexpr std::string_view syllables[] = {"ba", "ter", "mon", "si", "lo",  "rex", "tan", "vi",
                                            "ko", "pel", "dar", "ni", "cor", "uma", "fel", "gra"};
  constexpr std::string_view suffixes[] = {".com", ".com", ".com", ".org",   ".net",
                                           ".de",  ".mil", ".gov", ".co.uk", ".fr"};
  std::string text;
  for (std::size_t count = 2 + random() % 4; count-- > 0;) {
    text += syllables[random() % std::size(syllables)];
  }
  text += random() % 8 == 0 ? "-" + std::to_string(random() % 100) : "";
  return text + std::string(suffixes[random() % std::size(suffixes)]);
}

Name name_of(const std::string& text) {
  return Name::from_text(text).value();
}

const LookalikeIndex& index() {
  static const LookalikeIndex made = [] {
    std::mt19937 random(1);
    std::vector<Protected> domains;
    while (domains.size() < 10000) {
      const Name domain = name_of(random_domain(random));
      domains.push_back({domain, default_classes(domain), 0, threshold_of(Sensitivity::normal)});
    }
    return LookalikeIndex(std::move(domains));
  }();
  return made;
}

enum class Kind {
  ordinary,
  other_suffix,
  near_miss,
  hit,
  idn,
  many_labels,
  long_label,
  hyphens,
  long_idn,
  deep_hit,
  marks
};
constexpr const char* titles[] = {"ordinary name",    "other suffix",      "two edits away",
                                  "look-alike",       "A-label",           "120 labels",
                                  "63 characters",    "31 hyphens",        "long A-label",
                                  "look-alike, deep", "A-label with marks"};

// A label of 63 octets at most with as many of these characters as go into it.
template<typename Next> std::string long_a_label(Next next) {
  std::u32string text;
  std::string label;
  while (true) {
    text += next();
    const auto longer = lookalike::to_a_label(text);
    if (!longer) {
      return label;
    }
    label = *longer;
  }
}

std::vector<Name> names_of(Kind kind) {
  std::mt19937 random(2);
  std::vector<Name> names;
  while (names.size() < 4096) {
    const Protected& meant = index().domains()[random() % index().domains().size()];
    const std::string label(meant.domain.label(0));
    const std::string suffix = meant.domain.parent().to_text();
    switch (kind) {
    case Kind::ordinary: // other words under the same suffixes, with a host name
    {
      std::string text = random_domain(random);
      text.insert(random() % 3, 1, static_cast<char>('a' + random() % 26));
      text.insert(1, 1, static_cast<char>('a' + random() % 26));
      text.insert(3, 1, static_cast<char>('a' + random() % 26));
      names.push_back(name_of("mail." + text));
      break;
    }
    case Kind::other_suffix:
      names.push_back(name_of("mail." + label + "x.ch"));
      break;
    case Kind::near_miss: // two edits away
      names.push_back(name_of("q" + label.substr(0, 2) + 'q' + label.substr(2) + '.' + suffix));
      break;
    case Kind::hit: {
      const auto variants = variants_of(meant.domain, {LookalikeClass::transposition});
      names.push_back(variants.empty() ? meant.domain : variants[random() % variants.size()].name);
      break;
    }
    case Kind::idn:
      names.push_back(name_of("xn--mnchen-3ya." + suffix));
      break;
    case Kind::long_label: {
      std::string text;
      while (text.size() < 63) {
        text += static_cast<char>('a' + random() % 26);
      }
      names.push_back(name_of(text.append(".").append(suffix)));
      break;
    }
    case Kind::hyphens: {
      std::string text;
      while (text.size() < 62) {
        text += static_cast<char>('a' + random() % 26);
        text += '-';
      }
      names.push_back(name_of(text.append("w.").append(suffix)));
      break;
    }
    case Kind::long_idn:
      names.push_back(name_of(long_a_label([&random] {
                                return static_cast<char32_t>(0x430 + random() % 32); // Cyrillic
                              }) +
                              '.' + suffix));
      break;
    case Kind::marks: // letters that look like ASCII ones, below and above them marks
      names.push_back(name_of(long_a_label([&random, mark = true]() mutable {
                                mark = !mark;
                                return mark ? static_cast<char32_t>(0x316 + random() % 4)
                                            : static_cast<char32_t>(0xe0 + random() % 6);
                              }) +
                              '.' + suffix));
      break;
    case Kind::deep_hit: {
      const auto variants = variants_of(meant.domain, {LookalikeClass::transposition});
      names.push_back(name_of("a.b.c.d.e.f.g." +
                              (variants.empty() ? meant.domain : variants[0].name).to_text()));
      break;
    }
    case Kind::many_labels: {
      std::string text;
      while (text.size() < 248) {
        text += static_cast<char>('a' + random() % 26);
        text += '.';
      }
      names.push_back(name_of(text + "co.uk"));
      break;
    }
    }
  }
  return names;
}

void find(benchmark::State& state) {
  const auto names = names_of(static_cast<Kind>(state.range(0)));
  std::size_t at = 0;
  std::size_t found = 0;
  for (auto _ : state) {
    const auto hit = index().find(names[at++ & 4095]);
    found += hit ? 1U : 0U;
    benchmark::DoNotOptimize(hit);
  }
  double work = 0;
  for (const Name& name : names) {
    work += static_cast<double>(index().work(name)) / 4096;
  }
  state.counters["hits"] = static_cast<double>(found) / static_cast<double>(state.iterations());
  state.counters["steps"] = work;
  state.SetLabel(titles[state.range(0)]);
}
BENCHMARK(find)->DenseRange(0, std::size(titles) - 1);

void build(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<Protected> domains;
  while (domains.size() < 10000) {
    const Name domain = name_of(random_domain(random));
    domains.push_back({domain, default_classes(domain), 0, threshold_of(Sensitivity::normal)});
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(LookalikeIndex(domains));
  }
}
BENCHMARK(build)->Unit(benchmark::kMillisecond);

} // namespace

BENCHMARK_MAIN();
