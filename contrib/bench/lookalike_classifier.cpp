// Measures the look-alike test as a classifier: for each class how many of dnstwist's variants it
// knows (recall), and how many real names it takes for look-alikes (false positives).
//
// lookalike_classifier DOMAINS VARIANTS REAL...
//   DOMAINS   a domain to protect a line
//   VARIANTS  "fuzzer domain variant" a line, as lookalike_variants.py writes them
//   REAL      a real name a line; each file is one row of the false positives
// With --by-length a table of false positives by the length of the protected label; with --list the
// false positives themselves. lookalike_classifier.sh makes the files and runs it.
#include "rules/lookalike.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_set>
#include <vector>


namespace {

using nearmiss::ClassSet;
using nearmiss::LookalikeClass;
using nearmiss::LookalikeIndex;
using nearmiss::Name;
using nearmiss::Protected;

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

struct Input {
  std::vector<Name> domains;
  std::vector<Variant> variants;
  std::vector<std::pair<std::string, std::vector<Name>>> real;
};

LookalikeIndex index_of(const std::vector<Name>& domains, ClassSet classes) {
  std::vector<Protected> list;
  for (const Name& domain : domains) {
    list.push_back({domain, classes, 0});
  }
  return LookalikeIndex(std::move(list));
}

LookalikeIndex default_index(const std::vector<Name>& domains) {
  std::vector<Protected> list;
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

Input read(char** begin, char** end) {
  Input input;
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
    if (!is_protected(input, variant.name)) {
      input.variants.push_back(std::move(variant));
    }
  }
  for (char** path = begin + 2; path != end; ++path) {
    std::vector<Name> names;
    for (const auto& line : lines_of(*path)) {
      names.push_back(name_of(line));
    }
    input.real.emplace_back(*path, std::move(names));
  }
  return input;
}

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// Of dnstwist's variants: how many are found with their classes on, and with the defaults on where
// the defaults have one of these classes for the domain.
void print_recall(const Input& input) {
  struct Count {
    std::size_t variants = 0, found = 0, on = 0, found_on = 0;
  };
  std::map<std::string, Count> counts;
  std::map<std::string, LookalikeIndex> indexes;
  const LookalikeIndex defaults = default_index(input.domains);
  Count total;
  for (const Variant& variant : input.variants) {
    auto place = indexes.find(variant.fuzzer);
    if (place == indexes.end()) {
      place = indexes.emplace(variant.fuzzer, index_of(input.domains, classes_of(variant.fuzzer))).first;
    }
    Count& count = counts[variant.fuzzer];
    const bool found = place->second.find(variant.name).has_value();
    ++count.variants;
    count.found += found ? 1 : 0;
    if (!found && std::getenv("LOST")) {
      std::cout << "LOST " << variant.fuzzer << ' ' << input.domains[variant.domain].to_text() << ' '
                << variant.name.to_text() << '\n';
    }
    const bool on =
        nearmiss::default_classes(input.domains[variant.domain]).meets(classes_of(variant.fuzzer));
    if (on) {
      ++count.on;
      count.found_on += defaults.find(variant.name) ? 1 : 0;
    }
  }
  std::printf("%-16s %10s %10s | %10s %10s\n", "dnstwist", "variants", "recall", "by default", "recall");
  for (const auto& [fuzzer, count] : counts) {
    std::printf("%-16s %10zu %9.3f%% | %10zu %9.3f%%\n", fuzzer.c_str(), count.variants,
                percent(count.found, count.variants), count.on, percent(count.found_on, count.on));
    total.variants += count.variants;
    total.found += count.found;
    total.on += count.on;
    total.found_on += count.found_on;
  }
  std::printf("%-16s %10zu %9.3f%% | %10zu %9.3f%%\n\n", "all", total.variants,
              percent(total.found, total.variants), total.on, percent(total.found_on, total.on));
}

void print_false_positives(const Input& input, bool list) {
  std::printf("%-20s", "false positives");
  for (const auto& [path, names] : input.real) {
    std::printf(" %24s", path.substr(path.rfind('/') + 1).c_str());
  }
  std::printf("\n%-20s", "names");
  for (const auto& [path, names] : input.real) {
    std::printf(" %24zu", names.size());
  }
  std::printf("\n");
  for (std::size_t row = 0; row <= nearmiss::lookalike_class_count; ++row) {
    const bool is_default = row == nearmiss::lookalike_class_count;
    const auto kind = static_cast<LookalikeClass>(row);
    const LookalikeIndex index =
        is_default ? default_index(input.domains) : index_of(input.domains, {kind});
    std::printf("%-20s", is_default ? "default" : std::string(to_string(kind)).c_str());
    std::string found;
    for (const auto& [path, names] : input.real) {
      std::size_t count = 0;
      for (const Name& name : names) {
        if (const auto hit = index.find(name)) {
          ++count;
          found += "  " + name.to_text() + " for " +
                   input.domains[hit->domain].to_text() + ", " + explain(*hit) + '\n';
        }
      }
      std::printf(" %12zu %10.4f%%", count, percent(count, names.size()));
    }
    std::printf("\n%s", list ? found.c_str() : "");
  }
  std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
  try {
    const bool list = argc > 1 && std::string_view(argv[1]) == "--list";
    char** const begin = argv + (list ? 2 : 1);
    if (argv + argc - begin < 3) {
      std::cerr << "usage: " << argv[0] << " [--list] DOMAINS VARIANTS REAL...\n";
      return 2;
    }
    const Input input = read(begin, argv + argc);
    print_recall(input);
    print_false_positives(input, list);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 2;
  }
}
