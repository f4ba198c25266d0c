// Measures the weighing of slips on mistyped domains and on legitimate ones.
//
// nearmiss_lookalike_slips features TYPED LEGIT PROTECTED...
//   a line for each pair that lookalike_weights.py fits the weights to: "1" for a mistyped domain
//   and what was meant, "0" for a legitimate one and a protected domain near it, then the features
//   that are not zero, as "number:count"
// nearmiss_lookalike_slips table TYPED LEGIT PROTECTED...
//   what is recognised with the right domain, and how many legitimate names are taken for
//   look-alikes beside each list of protected domains: by the default, by each sensitivity, by the
//   distance of Damerau and Levenshtein, and by mailcheck's rules, side by side; by kind of slip;
//   and the curve over thresholds
//
//   TYPED      "mistyped <tab> intended" a line
//   LEGIT      a domain a line
//   PROTECTED  a domain a line; each file is a column
#include "contrib/bench/lookalike_baselines.hpp"
#include "rules/lookalikes/known.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/score.hpp"
#include "rules/lookalikes/suffix.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace nearmiss;

struct Pair {
  Name typed, meant;
};

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error("cannot read " + path);
  }
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty() && line.front() != '#') {
      lines.push_back(line);
    }
  }
  return lines;
}

std::vector<Name> names_of(const std::vector<std::string>& lines) {
  std::vector<Name> names;
  for (const std::string& line : lines) {
    if (const auto name = Name::from_text(line); name && name->label_count() > 1) {
      names.push_back(*name);
    }
  }
  return names;
}

std::vector<Pair> pairs_of(const std::string& path) {
  std::vector<Pair> pairs;
  for (const std::string& line : lines_of(path)) {
    const auto tab = line.find('\t');
    const auto end = line.find('\t', tab + 1);
    const auto typed = Name::from_text(line.substr(0, tab));
    const auto meant =
        Name::from_text(line.substr(tab + 1, end == line.npos ? line.npos : end - tab - 1));
    if (tab == line.npos || !typed || !meant) {
      throw std::runtime_error(path + ": not \"mistyped <tab> intended\": " + line);
    }
    pairs.push_back({*typed, *meant});
  }
  return pairs;
}

std::vector<Name> meant_of(const std::vector<Pair>& pairs) {
  std::set<std::string> texts;
  for (const Pair& pair : pairs) {
    texts.insert(pair.meant.to_text());
  }
  return names_of({texts.begin(), texts.end()});
}

LookalikeIndex index_of(const std::vector<Name>& domains, std::int16_t threshold, bool classes,
                        std::shared_ptr<const KnownNames> known) {
  std::vector<Protected> list;
  list.reserve(domains.size());
  for (const Name& domain : domains) {
    list.push_back({domain, classes ? default_classes(domain) : ClassSet(), 0, threshold});
  }
  return LookalikeIndex(std::move(list), std::move(known));
}

void print_features(char kind, const LookalikeIndex& index, const Name& asked,
                    const std::function<bool(const Name&)>& wanted) {
  index.for_each_slip(asked, [&](std::uint32_t domain, const lookalike::Features& features) {
    if (!wanted(index.domains()[domain].domain)) {
      return;
    }
    std::printf("%c", kind);
    for (std::size_t at = 0; at < features.size(); ++at) {
      if (features[at] != 0) {
        std::printf(" %zu:%d", at, int{features[at]});
      }
    }
    std::printf("\n");
  });
}

void features(const std::vector<Pair>& pairs, const std::vector<Name>& legit,
              const std::vector<std::vector<Name>>& protecting) {
  const LookalikeIndex meant = index_of(meant_of(pairs), 0, false, nullptr);
  for (const Pair& pair : pairs) {
    print_features('1', meant, pair.typed,
                   [&](const Name& domain) { return domain == pair.meant; });
  }
  const auto known = KnownNames::shipped();
  for (const auto& domains : protecting) {
    const LookalikeIndex index = index_of(domains, 0, false, nullptr);
    for (const Name& name : legit) {
      if (!known->contains(name)) {
        print_features('0', index, name, [](const Name&) { return true; });
      }
    }
  }
}

// Something that names the protected domain an asked one is a look-alike of.
struct Method {
  std::string title;
  // For a list of protected domains the test.
  std::function<std::function<std::optional<Name>(const Name&)>(const std::vector<Name>&)> make;
  bool every_pair = false; // the test compares a name with all of them
};

std::function<std::optional<Name>(const Name&)>
finder(std::shared_ptr<const LookalikeIndex> index) {
  return [index](const Name& asked) -> std::optional<Name> {
    const auto found = index->find(asked);
    return found ? std::optional(index->domains()[found->domain].domain) : std::nullopt;
  };
}

Method by_score(std::string title, std::int16_t threshold, bool classes, bool with_known) {
  return {std::move(title), [=](const std::vector<Name>& domains) {
            return finder(std::make_shared<const LookalikeIndex>(index_of(
                domains, threshold, classes, with_known ? KnownNames::shipped() : nullptr)));
          }};
}

std::string kind_of(const Pair& pair) {
  const auto registered = [](const Name& name) { return lookalike::owned_suffix_labels(name); };
  const std::size_t typed_suffix = registered(pair.typed);
  const std::size_t meant_suffix = registered(pair.meant);
  const std::string typed = pair.typed.to_text();
  const std::string meant = pair.meant.to_text();
  const auto without_dots = [](std::string text) {
    std::erase(text, '.');
    return text;
  };
  if (without_dots(typed) == without_dots(meant)) {
    return "dot moved, left out or put in";
  }
  const auto label = [](const Name& name, std::size_t suffix) {
    return std::string(name.label(name.label_count() - suffix - 1));
  };
  const bool same_ending =
      std::ranges::equal(pair.typed.suffix(typed_suffix), pair.meant.suffix(meant_suffix));
  const bool same_label = label(pair.typed, typed_suffix) == label(pair.meant, meant_suffix);
  if (!same_ending) {
    if (lookalike::has_no_such_ending(pair.typed)) {
      return same_label ? "ending that does not exist" : "label and ending, which does not exist";
    }
    return same_label ? "another ending" : "label and ending";
  }
  const std::string a = label(pair.typed, typed_suffix);
  const std::string b = label(pair.meant, meant_suffix);
  const unsigned distance = bench::distance(a, b);
  if (distance > 1) {
    return "two slips and more";
  }
  if (a.size() == b.size()) {
    std::string sorted_a = a;
    std::string sorted_b = b;
    std::ranges::sort(sorted_a);
    std::ranges::sort(sorted_b);
    return sorted_a == sorted_b ? "swapped" : "another letter instead";
  }
  return a.size() > b.size() ? "a letter put in" : "left out";
}

void table(const std::vector<Pair>& pairs, const std::vector<Name>& legit,
           const std::vector<std::vector<Name>>& protecting) {
  const std::vector<Method> methods{
      by_score("sensitivity: low", threshold_of(Sensitivity::low), true, true),
      by_score("the default", threshold_of(Sensitivity::normal), true, true),
      by_score("sensitivity: high", threshold_of(Sensitivity::high), true, true),
      by_score("the default, known: none", threshold_of(Sensitivity::normal), true, false),
      by_score("classes by length alone", no_threshold, true, true),
      {"distance 1",
       [](const std::vector<Name>& domains) { return bench::by_distance(domains, 1); }},
      {"distance 2",
       [](const std::vector<Name>& domains) { return bench::by_distance(domains, 2); }},
      {"mailcheck's rules",
       [](const std::vector<Name>& domains) { return bench::by_mailcheck(domains); }, true},
  };
  const auto meant = meant_of(pairs);
  std::map<std::string, std::pair<std::size_t, std::size_t>> kinds; // pairs, and found by default
  std::printf(
      "of %zu mistyped domains, recognised with the right domain, and of those whose ending "
      "exists;\nof %zu legitimate ones, taken for look-alikes beside as many protected\n%-26s %6s "
      "%7s",
      pairs.size(), legit.size(), "", "all", "exists");
  for (const auto& domains : protecting) {
    std::printf(" %8zu", domains.size());
  }
  std::printf("\n");
  for (const Method& method : methods) {
    const auto find = method.make(meant);
    std::size_t hits = 0;
    std::size_t existing = 0;
    std::size_t existing_hits = 0;
    for (const Pair& pair : pairs) {
      const auto found = find(pair.typed);
      const bool right = found && *found == pair.meant;
      const bool exists = !lookalike::has_no_such_ending(pair.typed);
      hits += right ? 1 : 0;
      existing += exists ? 1 : 0;
      existing_hits += right && exists ? 1 : 0;
      if (method.title == "the default") {
        auto& [all, by_default] = kinds[kind_of(pair)];
        ++all;
        by_default += right ? 1 : 0;
      }
    }
    const auto percent = [](std::size_t part, std::size_t whole) {
      return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    };
    std::printf("%-26s %5.1f%% %6.1f%%", method.title.c_str(), percent(hits, pairs.size()),
                percent(existing_hits, existing));
    for (const auto& domains : protecting) {
      if (method.every_pair && domains.size() > 200) {
        std::printf(" %8s", "-"); // compares each with each: hours
        continue;
      }
      const auto test = method.make(domains);
      const auto taken =
          std::ranges::count_if(legit, [&](const Name& name) { return test(name).has_value(); });
      std::printf(" %8zd", static_cast<std::size_t>(taken));
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("\nby kind of slip: pairs, recognised by the default\n");
  for (const auto& [kind, count] : kinds) {
    std::printf("%-40s %5zu %5.0f%%\n", kind.c_str(), count.first,
                100.0 * static_cast<double>(count.second) / static_cast<double>(count.first));
  }
  std::printf(
      "\nthe curve: recognised, and legitimate names taken for look-alikes, by threshold\n");
  for (const auto threshold : std::initializer_list<std::int16_t>{200, 150, 100, 50, 0, -35, -70,
                                                                  -100, -150, -200, -300}) {
    const auto method = by_score("", threshold, true, true);
    const auto find = method.make(meant);
    const auto hits = std::ranges::count_if(pairs, [&](const Pair& pair) {
      const auto found = find(pair.typed);
      return found && *found == pair.meant;
    });
    std::printf("%5.2f %5.1f%%", threshold / 100.0,
                100.0 * static_cast<double>(hits) / static_cast<double>(pairs.size()));
    for (const auto& domains : protecting) {
      const auto test = method.make(domains);
      std::printf(" %8zd", static_cast<std::size_t>(std::ranges::count_if(
                               legit, [&](const Name& name) { return test(name).has_value(); })));
    }
    std::printf("\n");
    std::fflush(stdout);
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 5) {
      std::cerr << "usage: " << argv[0] << " features|table TYPED LEGIT PROTECTED...\n";
      return 2;
    }
    lookalike::load_public_suffixes();
    const auto pairs = pairs_of(argv[2]);
    const auto legit = names_of(lines_of(argv[3]));
    std::vector<std::vector<Name>> protecting;
    for (char** path = argv + 4; path != argv + argc; ++path) {
      protecting.push_back(names_of(lines_of(*path)));
    }
    if (std::string_view(argv[1]) == "features") {
      features(pairs, legit, protecting);
    } else if (std::string_view(argv[1]) == "table") {
      table(pairs, legit, protecting);
    } else {
      throw std::runtime_error("not features or table: " + std::string(argv[1]));
    }
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 2;
  }
}
