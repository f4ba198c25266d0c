// Measures the look-alike test as a classifier: for each class how many of dnstwist's variants it
// knows (recall), and how many real names it takes for look-alikes (false positives).
//
// nearmiss_lookalike_classifier [--list] DOMAINS VARIANTS REVIEWED REAL...
//   DOMAINS   a domain to protect a line
//   VARIANTS  "fuzzer domain variant" a line, as lookalike_variants.py writes them
//   REVIEWED  "registered-domain protected-domain own|slip reason" a line: real names that are no
//             mistakes, see lookalike_reviewed.txt
//   REAL      a real name a line; each file is a column of the false positives, all together the
//             last one
//   --list    show the variants that are missed, and the false positives
//
// Recall is counted twice. First each fuzzer's variants with our classes for them on, and no
// others. Then with the defaults, over the variants of those domains for which the defaults have
// these classes (short labels have fewer). dnstwist swaps a TLD for any common one; only mistyped
// ones are look-alikes here, so the others stand in a row of their own. lookalike_classifier.sh
// makes the files and runs it.
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/variants.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using nearmiss::ClassSet;
using nearmiss::LookalikeClass;
using nearmiss::LookalikeIndex;
using nearmiss::Name;
using nearmiss::Protected;

constexpr std::string_view other_tlds = "tld-swap, others";

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

Name name_of(const std::string& text) {
  const auto name = Name::from_text(text);
  if (!name) {
    throw std::runtime_error("not a name: " + text);
  }
  return *name;
}

// What our classes call what a fuzzer of dnstwist makes. Its homoglyphs are of two kinds for us.
ClassSet classes_of(const std::string& fuzzer) {
  if (fuzzer == "homoglyph" || fuzzer == "cyrillic") {
    return {LookalikeClass::homoglyph, LookalikeClass::near_homoglyph};
  }
  if (fuzzer == "subdomain") {
    return {LookalikeClass::dot_insertion};
  }
  if (fuzzer == other_tlds) {
    return {LookalikeClass::tld_swap};
  }
  if (fuzzer == "various") {
    return {LookalikeClass::missing_dot, LookalikeClass::subdomain_as_prefix,
            LookalikeClass::tld_swap};
  }
  const auto same = nearmiss::lookalike_class_from(fuzzer);
  if (!same) {
    throw std::runtime_error("dnstwist has a fuzzer that is not known here: " + fuzzer);
  }
  return {*same};
}

struct Variant {
  std::string fuzzer;
  std::size_t domain; // index into the protected ones
  Name name;
};

// A real name that is rightly taken for a look-alike.
struct Reviewed {
  std::string reason;
  bool own = false; // the protected domain's owner has it; else it was made for the slip
  bool used = false;
};

struct Column {
  std::string title;
  std::vector<Name> names;
};

struct Input {
  std::vector<Name> domains;
  std::vector<Variant> variants;
  std::map<std::pair<std::string, std::string>, Reviewed> reviewed; // by name and protected domain
  std::vector<Column> real; // the last holds the names of all others
};

LookalikeIndex index_of(const std::vector<Name>& domains, ClassSet classes) {
  std::vector<Protected> list;
  list.reserve(domains.size());
  for (const Name& domain : domains) {
    list.push_back({domain, classes, 0});
  }
  return LookalikeIndex(std::move(list));
}

LookalikeIndex default_index(const std::vector<Name>& domains) {
  std::vector<Protected> list;
  list.reserve(domains.size());
  for (const Name& domain : domains) {
    list.push_back({domain, nearmiss::default_classes(domain), 0});
  }
  return LookalikeIndex(std::move(list));
}

// A variant that is itself a protected domain is no look-alike.
bool is_protected(const Input& input, const Name& name) {
  for (const Name& domain : input.domains) {
    if (name.is_at_or_below(domain)) {
      return true;
    }
  }
  return false;
}

// The domain's variants by a mistyped suffix, as the generator has them.
std::set<std::string> slips_of(const Name& domain) {
  std::set<std::string> texts;
  for (const auto& variant : nearmiss::variants_of(domain, {LookalikeClass::tld_swap})) {
    texts.insert(variant.name.to_text());
  }
  return texts;
}

Input read(char** begin, char** end) {
  Input input;
  std::map<std::string, std::set<std::string>> slips;
  std::map<std::string, std::size_t> numbers;
  for (const auto& line : lines_of(begin[0])) {
    numbers[line] = input.domains.size();
    input.domains.push_back(name_of(line));
  }
  for (const auto& line : lines_of(begin[1])) {
    const auto first = line.find(' ');
    const auto second = line.find(' ', first + 1);
    Variant variant{line.substr(0, first), numbers.at(line.substr(first + 1, second - first - 1)),
                    name_of(line.substr(second + 1))};
    if (variant.fuzzer == "tld-swap") {
      const Name& domain = input.domains[variant.domain];
      const auto place = slips.try_emplace(domain.to_text());
      if (place.second) {
        place.first->second = slips_of(domain);
      }
      if (place.first->second.count(variant.name.to_text()) == 0) {
        variant.fuzzer = other_tlds;
      }
    }
    if (!is_protected(input, variant.name)) {
      input.variants.push_back(std::move(variant));
    }
  }
  for (const auto& line : lines_of(begin[2])) {
    std::istringstream words(line);
    std::string name, domain, kind, reason;
    words >> name >> domain >> kind >> std::ws;
    std::getline(words, reason);
    if (reason.empty() || (kind != "own" && kind != "slip")) {
      throw std::runtime_error(std::string(begin[2]) +
                               ": not \"name domain own|slip reason\": " + line);
    }
    input.reviewed[{name, domain}] = {reason, kind == "own", false};
  }
  std::set<std::string> all;
  for (char** path = begin + 3; path != end; ++path) {
    const std::string title = std::string(*path).substr(std::string(*path).rfind('/') + 1);
    input.real.push_back({title, {}});
    for (const auto& line : lines_of(*path)) {
      input.real.back().names.push_back(name_of(line));
      all.insert(line);
    }
  }
  input.real.push_back({"all", {}});
  for (const auto& text : all) {
    input.real.back().names.push_back(name_of(text));
  }
  return input;
}

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// Of dnstwist's variants: how many are found with their classes on, and with the defaults on where
// the defaults have one of these classes for the domain.
void print_recall(const Input& input, bool list) {
  struct Count {
    std::size_t variants = 0, found = 0, on = 0, found_on = 0;
  };
  std::map<std::string, Count> counts;
  std::map<std::string, LookalikeIndex> indexes;
  const LookalikeIndex defaults = default_index(input.domains);
  std::vector<ClassSet> on_by_default;
  for (const Name& domain : input.domains) {
    on_by_default.push_back(nearmiss::default_classes(domain));
  }
  Count total;
  for (const Variant& variant : input.variants) {
    auto place = indexes.find(variant.fuzzer);
    if (place == indexes.end()) {
      place = indexes.emplace(variant.fuzzer, index_of(input.domains, classes_of(variant.fuzzer)))
                  .first;
    }
    Count& count = counts[variant.fuzzer];
    const bool found = place->second.find(variant.name).has_value();
    ++count.variants;
    count.found += found ? 1 : 0;
    if (!found && list && variant.fuzzer != other_tlds) {
      std::cout << "  missed: " << variant.fuzzer << ' ' << input.domains[variant.domain].to_text()
                << ' ' << variant.name.to_text() << '\n';
    }
    if (variant.fuzzer != other_tlds &&
        on_by_default[variant.domain].contains_all(classes_of(variant.fuzzer))) {
      ++count.on;
      count.found_on += defaults.find(variant.name) ? 1 : 0;
    }
  }
  std::printf("%-16s %10s %10s | %10s %10s\n", "dnstwist", "variants", "recall", "by default",
              "recall");
  for (const auto& [fuzzer, count] : counts) {
    std::printf("%-16s %10zu %9.3f%% | %10zu %9.3f%%\n", fuzzer.c_str(), count.variants,
                percent(count.found, count.variants), count.on, percent(count.found_on, count.on));
    if (fuzzer == other_tlds) {
      continue;
    }
    total.variants += count.variants;
    total.found += count.found;
    total.on += count.on;
    total.found_on += count.found_on;
  }
  std::printf("%-16s %10zu %9.3f%% | %10zu %9.3f%%\n\n", "all but others", total.variants,
              percent(total.found, total.variants), total.on, percent(total.found_on, total.on));
}

void print_row(const std::string& title, const Input& input,
               const std::vector<std::size_t>& counts) {
  std::printf("%-20s", title.c_str());
  for (std::size_t column = 0; column < counts.size(); ++column) {
    std::printf(" %5zu %8.4f%%", counts[column],
                percent(counts[column], input.real[column].names.size()));
  }
  std::printf("\n");
}

// What is known of a hit; null if nothing is, which makes it a false positive.
Reviewed* review_of(Input& input, const nearmiss::Lookalike& hit) {
  const auto place =
      input.reviewed.find({hit.compared.to_text(), input.domains[hit.domain].to_text()});
  return place == input.reviewed.end() ? nullptr : &place->second;
}

void print_false_positives(Input& input, bool list) {
  std::printf("%-20s", "false positives");
  for (const Column& column : input.real) {
    std::printf(" %15s", column.title.c_str());
  }
  std::printf("\n%-20s", "names");
  for (const Column& column : input.real) {
    std::printf(" %15zu", column.names.size());
  }
  std::printf("\n");
  for (std::size_t row = 0; row < nearmiss::lookalike_class_count; ++row) {
    const auto kind = static_cast<LookalikeClass>(row);
    const LookalikeIndex index = index_of(input.domains, {kind});
    std::vector<std::size_t> counts;
    for (const Column& column : input.real) {
      counts.push_back(static_cast<std::size_t>(std::ranges::count_if(
          column.names, [&](const Name& name) { return index.find(name).has_value(); })));
    }
    print_row(std::string(to_string(kind)), input, counts);
  }

  const LookalikeIndex index = default_index(input.domains);
  std::vector<std::size_t> counts, own, slips, others;
  std::ostringstream found;
  for (const Column& column : input.real) {
    const bool all = &column == &input.real.back();
    std::size_t of_owner = 0;
    std::size_t for_slip = 0;
    std::size_t left = 0;
    for (const Name& name : column.names) {
      const auto hit = index.find(name);
      if (!hit) {
        continue;
      }
      Reviewed* const review = review_of(input, *hit);
      ++(review == nullptr ? left : review->own ? of_owner : for_slip);
      if (review != nullptr) {
        review->used = true;
      }
      if (all) {
        found << "  " << name.to_text() << " for " << input.domains[hit->domain].to_text() << ", "
              << explain(hit->kind, hit->score)
              << (review == nullptr
                      ? ""
                      : std::string(review->own ? "; own: " : "; slip: ") + review->reason)
              << '\n';
      }
    }
    counts.push_back(of_owner + for_slip + left);
    own.push_back(of_owner);
    slips.push_back(for_slip);
    others.push_back(left);
  }
  print_row("default, counted", input, counts);
  print_row("- the owner's own", input, own);
  print_row("- made for the slip", input, slips);
  print_row("default, mistakes", input, others);
  std::printf("%s\n", list ? found.str().c_str() : "");
  for (const auto& [names, review] : input.reviewed) {
    if (!review.used) {
      std::cerr << "no real name needs this line of the reviewed ones any more: " << names.first
                << ' ' << names.second << '\n';
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    const bool list = argc > 1 && std::string_view(argv[1]) == "--list";
    char** const begin = argv + (list ? 2 : 1);
    if (argv + argc - begin < 4) {
      std::cerr << "usage: " << argv[0] << " [--list] DOMAINS VARIANTS REVIEWED REAL...\n";
      return 2;
    }
    Input input = read(begin, argv + argc);
    print_recall(input, list);
    print_false_positives(input, list);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 2;
  }
}
