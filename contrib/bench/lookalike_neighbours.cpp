// How often an honest domain is one slip from another honest one: what the classes of
// `classes: default` are chosen by (rules/lookalikes/class.cpp).
//
// nearmiss_lookalike_neighbours [--list] DOMAINS REAL...
//   DOMAINS   real domains that are protected in turn, a name a line
//   REAL      all real names, a name a line
//   --list    show the pairs too
//
// Every second of the domains is used for the first table, the others for the figure below it, so
// that what was chosen by the first is measured on domains that had no say. Two names whose labels
// differ in digits and hyphens alone (pages02.net and pages03.net, canal-plus.com and
// canalplus.com) are one owner's and not counted in the table. The figure counts everything.
#include "rules/lookalikes/glyph.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/suffix.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using nearmiss::ClassSet;
using nearmiss::LookalikeClass;
using nearmiss::LookalikeIndex;
using nearmiss::Name;
using nearmiss::Protected;

// As many domains at once as a policy may have; small beside all, since what is protected is not
// asked about.
constexpr std::size_t batch = 250;
// The figure is told for as many protected domains as lookalike_classifier.sh has.
constexpr double told_for = 261;

struct Column {
  const char* title;
  std::size_t first; // characters of the protected label, up to the next column's
};
constexpr std::array<Column, 9> columns{{{"1", 1},
                                         {"2", 2},
                                         {"3", 3},
                                         {"4", 4},
                                         {"5", 5},
                                         {"6-7", 6},
                                         {"8-9", 8},
                                         {"10-11", 10},
                                         {"12+", 12}}};

std::size_t length_of(const Name& domain) {
  return nearmiss::lookalike::decode(domain.label(0)).view().size();
}

std::size_t column_of(const Name& domain) {
  const auto behind = std::ranges::upper_bound(columns, length_of(domain), {}, &Column::first);
  return static_cast<std::size_t>(behind - columns.begin()) - 1;
}

// The registered domains of the names in a file, each once.
void read(const std::string& path, std::set<std::string>& domains) {
  std::ifstream file(path);
  if (!file) {
    throw std::runtime_error("cannot read " + path);
  }
  for (std::string line; std::getline(file, line);) {
    const auto name = Name::from_text(line);
    if (!name) {
      throw std::runtime_error("not a name: " + line);
    }
    const std::size_t suffix = nearmiss::lookalike::suffix_labels(*name);
    if (suffix < name->label_count()) {
      domains.insert(name->last_labels(suffix + 1).to_text());
    }
  }
}

std::vector<Name> names_of(const std::set<std::string>& texts) {
  std::vector<Name> names;
  names.reserve(texts.size());
  for (const std::string& text : texts) {
    names.push_back(Name::from_text(text).value());
  }
  return names;
}

std::string letters_of(std::string_view label) {
  std::string letters;
  std::ranges::copy_if(label, std::back_inserter(letters),
                       [](char c) { return c != '-' && (c < '0' || c > '9'); });
  return letters;
}

// The protected ones of this batch that have a neighbour among the asked.
std::set<std::size_t> with_neighbour(const LookalikeIndex& index, const std::vector<Name>& asked,
                                     bool list) {
  std::set<std::size_t> found;
  for (const Name& name : asked) {
    const auto hit = index.find(name);
    if (!hit) {
      continue;
    }
    const Name& domain = index.domains()[hit->domain].domain;
    if (letters_of(domain.label(0)) == letters_of(hit->compared.label(0))) {
      continue;
    }
    found.insert(hit->domain);
    if (list) {
      std::cout << "  " << to_string(hit->kind) << ": " << name.to_text() << " for "
                << domain.to_text() << '\n';
    }
  }
  return found;
}

void print_table(const std::vector<Name>& domains, const std::vector<Name>& asked, bool list) {
  std::array<std::size_t, columns.size()> all{};
  std::array<std::array<std::size_t, columns.size()>, nearmiss::lookalike_class_count> with{};
  std::array<ClassSet, columns.size()> on;
  on.fill(ClassSet::all());
  for (std::size_t begin = 0; begin < domains.size(); begin += batch) {
    const std::size_t end = std::min(begin + batch, domains.size());
    for (std::size_t at = begin; at < end; ++at) {
      const std::size_t column = column_of(domains[at]);
      ++all[column];
      const ClassSet defaults = nearmiss::default_classes(domains[at]);
      for (std::size_t row = 0; row < nearmiss::lookalike_class_count; ++row) {
        if (!defaults.contains(static_cast<LookalikeClass>(row))) {
          on[column].remove(static_cast<LookalikeClass>(row));
        }
      }
    }
    for (std::size_t row = 0; row < nearmiss::lookalike_class_count; ++row) {
      std::vector<Protected> list_of;
      for (std::size_t at = begin; at < end; ++at) {
        list_of.push_back({domains[at], {static_cast<LookalikeClass>(row)}, 0});
      }
      const LookalikeIndex index(std::move(list_of));
      for (const std::size_t at : with_neighbour(index, asked, list)) {
        ++with[row][column_of(index.domains()[at].domain)];
      }
    }
  }
  std::printf("%-20s", "label's characters");
  for (const Column& column : columns) {
    std::printf(" %6s ", column.title);
  }
  std::printf("\n%-20s", "domains");
  for (const std::size_t count : all) {
    std::printf(" %6zu ", count);
  }
  std::printf("\n");
  for (std::size_t row = 0; row < nearmiss::lookalike_class_count; ++row) {
    const auto kind = static_cast<LookalikeClass>(row);
    std::printf("%-20s", std::string(to_string(kind)).c_str());
    for (std::size_t column = 0; column < columns.size(); ++column) {
      const double share = all[column] == 0 ? 0.0
                                            : 1000.0 * static_cast<double>(with[row][column]) /
                                                  static_cast<double>(all[column]);
      std::printf(" %6.1f%c", share, on[column].contains(kind) ? '+' : ' ');
    }
    std::printf("\n");
  }
}

// Of the asked names, in percent, that `classes: default` takes for look-alikes.
double false_positives(const std::vector<Name>& domains, const std::vector<Name>& asked) {
  std::size_t hits = 0;
  for (std::size_t begin = 0; begin < domains.size(); begin += batch) {
    std::vector<Protected> list;
    for (std::size_t at = begin; at < std::min(begin + batch, domains.size()); ++at) {
      list.push_back({domains[at], nearmiss::default_classes(domains[at]), 0});
    }
    const LookalikeIndex index(std::move(list));
    hits += static_cast<std::size_t>(std::ranges::count_if(
        asked, [&](const Name& name) { return index.find(name).has_value(); }));
  }
  return 100.0 * static_cast<double>(hits) / static_cast<double>(asked.size()) * told_for /
         static_cast<double>(domains.size());
}

} // namespace

int main(int argc, char** argv) {
  try {
    const bool list = argc > 1 && std::string_view(argv[1]) == "--list";
    char** const begin = argv + (list ? 2 : 1);
    if (argv + argc - begin < 2) {
      std::cerr << "usage: " << argv[0] << " [--list] DOMAINS REAL...\n";
      return 2;
    }
    nearmiss::lookalike::load_public_suffixes();
    nearmiss::lookalike::load_glyphs();
    std::set<std::string> protected_ones;
    std::set<std::string> real;
    read(*begin, protected_ones);
    for (char** path = begin; path != argv + argc; ++path) {
      read(*path, real);
    }
    const std::vector<Name> asked = names_of(real);
    std::vector<Name> domains = names_of(protected_ones);
    // In an order of its own, since neighbours in the alphabet are often one owner's.
    std::ranges::shuffle(domains, std::mt19937(1)); // NOLINT(*-msc51-cpp): the same each time
    const auto middle = domains.begin() + static_cast<std::ptrdiff_t>(domains.size() / 2);
    const std::vector<Name> chosen_by(domains.begin(), middle);
    const std::vector<Name> others(middle, domains.end());

    std::printf("neighbours: of 1,000 real domains, how many have another one in the class among "
                "%zu;\n+ where `classes: default` has the class\n",
                asked.size());
    print_table(chosen_by, asked, list);
    std::printf("\nfalse positives of `classes: default` for every %.0f protected domains: %.4f%%; "
                "of %zu domains\nthat the table leaves out %.4f%%\n",
                told_for, false_positives(chosen_by, asked), others.size(),
                false_positives(others, asked));
    return 0;
  } catch (const std::exception& error) {
    std::cerr << argv[0] << ": " << error.what() << '\n';
    return 2;
  }
}
