// What past traffic teaches: the domains that mail servers have asked for on several days, as a
// file for `known`, and a proposal for `protect`.
//
// A domain that is asked for day by day is meant as itself, with one exception: a neighbour of a
// domain that is asked for far more often, which many people may mistype and somebody may have
// registered for that. So a domain that is a slip of another one here is compared with it, both
// ways: unless it is asked for at least a tenth as often, it is written as a comment, for a person
// to decide.

#include "config/names.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/progress.hpp"
#include "contrib/cli/text.hpp"
#include "contrib/logs/event.hpp"
#include "contrib/logs/query_log.hpp"
#include "rules/lookalikes/lookalike.hpp"
#include "rules/lookalikes/suffix.hpp"
#include "rules/rule.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

struct Options {
  std::vector<std::string> logs;
  std::size_t days = 3;
  std::size_t protect = 20;
  bool json = false;
};

struct Asked {
  std::set<std::int64_t> days; // since 1970
  std::set<std::string> clients;
  std::uint64_t lookups = 0;
};

struct Learned {
  std::string domain;
  Asked asked;
  std::string slip_of; // of a domain that is asked for far more often; empty: none
  std::string kind;
};

class Traffic {
 public:
  void read(const std::string& file, Progress& progress) {
    logs::LogFile log(file);
    logs::Line line;
    while (log.next(line, damage)) {
      read_line(log.name(), line);
      if (progress.due()) {
        progress.show(reading(file, log.position(), log.size(), counted(lookups, "lookup")));
      }
    }
  }

  std::uint64_t lookups = 0; // for MX, with their time
  std::uint64_t without_time = 0;
  std::map<std::string, Asked> domains; // registered ones
  logs::Damage damage;

 private:
  void read_line(const std::string& file, const logs::Line& line) {
    if (line.text.starts_with('{')) {
      logs::Event event;
      const auto result = events_.read(line, event);
      if (result == logs::EventReader::Result::damaged) {
        damage.add(file, line.number, events_.why());
      } else if (result == logs::EventReader::Result::event && event.is_lookup()) {
        const auto name = Name::from_text(event.qname);
        const auto type = type_from_text(event.qtype);
        if (name && type) {
          add(*name, *type, std::string(event.client), event.time);
        }
      }
      return;
    }
    logs::Lookup lookup;
    switch (logs::read_query_line(line.text, lookup)) {
    case logs::QueryLine::query:
    case logs::QueryLine::reply:
      add(lookup.name, lookup.type, lookup.client.to_text(), lookup.time);
      break;
    case logs::QueryLine::damaged:
      damage.add(file, line.number, "begins like a lookup and does not go on like one");
      break;
    case logs::QueryLine::other:
      break;
    }
  }

  void add(const Name& name, std::uint16_t type, std::string client,
           std::optional<logs::Instant> time) {
    constexpr std::uint16_t mx = 15;
    if (type != mx || name.label_count() < 2 || is_public_suffix(name)) {
      return;
    }
    if (!time) {
      ++without_time;
      return;
    }
    ++lookups;
    const std::size_t labels = lookalike::owned_suffix_labels(name) + 1;
    Asked& asked = domains[name.last_labels(labels).to_text()];
    asked.days.insert(*time / logs::one_day);
    constexpr std::size_t enough = 100;
    if (asked.clients.size() < enough) {
      asked.clients.insert(std::move(client));
    }
    ++asked.lookups;
  }

  logs::EventReader events_;
};

// The domains of several days, the most asked first; each with what it may be a slip of.
std::vector<Learned> learn_from(const Traffic& traffic, std::size_t days) {
  std::vector<Learned> learned;
  for (const auto& [domain, asked] : traffic.domains) {
    if (asked.days.size() >= days) {
      learned.push_back({domain, asked, {}, {}});
    }
  }
  std::ranges::stable_sort(learned, [](const Learned& a, const Learned& b) {
    return std::pair(a.asked.days.size(), a.asked.lookups) >
           std::pair(b.asked.days.size(), b.asked.lookups);
  });
  // Each is compared with those that are asked for some ten to forty times as often: the indexes
  // hold the domains of 4, 16, 64 ... lookups and more.
  std::vector<std::unique_ptr<const LookalikeIndex>> indexes;
  const auto index_from = [&](std::size_t level) -> const LookalikeIndex& {
    while (indexes.size() <= level) {
      const std::uint64_t least = std::uint64_t{1} << (2 * indexes.size());
      std::vector<Protected> domains;
      for (const Learned& one : learned) {
        if (one.asked.lookups >= least) {
          const Name domain = *Name::from_text(one.domain);
          domains.push_back({domain, default_classes(domain), 0, threshold_of(Sensitivity::high)});
        }
      }
      indexes.push_back(std::make_unique<const LookalikeIndex>(std::move(domains)));
    }
    return *indexes[level];
  };
  for (Learned& one : learned) {
    constexpr std::uint64_t times = 10;
    std::size_t level = 0;
    while (std::uint64_t{1} << (2 * level) < times * one.asked.lookups) {
      ++level;
    }
    const LookalikeIndex& index = index_from(level);
    if (const auto found = index.find(*Name::from_text(one.domain))) {
      one.slip_of = index.domains()[found->domain].domain.to_text();
      one.kind = to_string(found->kind);
    }
  }
  return learned;
}

std::string how_often(const Asked& asked) {
  return counted(asked.lookups, "lookup") + " on " + counted(asked.days.size(), "day") + " by " +
         counted(asked.clients.size(), "client");
}

void print_text(const std::vector<Learned>& learned, const Options& options) {
  std::cout << "# Domains that were asked for on " << options.days
            << " days or more, for `known: {file: ...}`.\n";
  for (const Learned& one : learned) {
    if (one.slip_of.empty()) {
      std::cout << one.domain << " # " << how_often(one.asked) << '\n';
    }
  }
  bool first = true;
  for (const Learned& one : learned) {
    if (!one.slip_of.empty()) {
      if (first) {
        std::cout << "#\n# To decide: each may be a slip, perhaps registered for it, or a real "
                     "correspondent.\n# Take the first # out where it is real.\n";
      }
      first = false;
      std::cout << "# " << one.domain << " # " << one.kind << " of " << one.slip_of << ", "
                << how_often(one.asked) << '\n';
    }
  }
  std::cout << "#\n# Asked for most: a proposal for `protect`, with your own domains.\n";
  std::size_t left = options.protect;
  for (const Learned& one : learned) {
    if (one.slip_of.empty() && left > 0) {
      --left;
      std::cout << "#   - " << one.domain << '\n';
    }
  }
}

void print_json(const std::vector<Learned>& learned, const Options& options) {
  nlohmann::ordered_json json;
  json["known"] = nlohmann::ordered_json::array();
  json["to_decide"] = nlohmann::ordered_json::array();
  json["protect"] = nlohmann::ordered_json::array();
  for (const Learned& one : learned) {
    nlohmann::ordered_json entry{{"domain", one.domain},
                                 {"lookups", one.asked.lookups},
                                 {"days", one.asked.days.size()},
                                 {"clients", one.asked.clients.size()}};
    if (!one.slip_of.empty()) {
      entry["slip_of"] = one.slip_of;
      entry["class"] = one.kind;
      json["to_decide"].push_back(std::move(entry));
      continue;
    }
    json["known"].push_back(std::move(entry));
    if (json["protect"].size() < options.protect) {
      json["protect"].push_back(one.domain);
    }
  }
  std::cout << json.dump(2) << '\n';
}

int learn(const Options& options) {
  lookalike::load_public_suffixes();
  Traffic traffic;
  try {
    Progress progress;
    for (const std::string& file : options.logs) {
      traffic.read(file, progress);
    }
  } catch (const logs::FileError& error) {
    std::cerr << "nearmiss learn: " << error.what() << '\n';
    return exit_cannot;
  }
  print_damage("learn", traffic.damage);
  if (traffic.without_time > 0) {
    std::cerr << "nearmiss learn: " << counted(traffic.without_time, "lookup")
              << " without a year in its time cannot be counted by days; write `log-time-iso: yes` "
                 "in unbound.conf\n";
  }
  const auto learned = learn_from(traffic, options.days);
  if (options.json) {
    print_json(learned, options);
  } else {
    print_text(learned, options);
  }
  return learned.empty() ? exit_no : exit_fine;
}

} // namespace

Command add_learn(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "learn", "Make a list of known domains, and a proposal for `protect`, from past traffic");
  command->add_option("--days", options->days, "on how many days a domain must have been asked for")
      ->check(CLI::Range(1, 366))
      ->capture_default_str();
  command->add_option("--protect", options->protect, "how many domains to propose")
      ->capture_default_str();
  command->add_flag("--json", options->json, "print JSON");
  command
      ->add_option("LOG", options->logs,
                   "Unbound's query logs (log-queries or log-replies) or events, plain or "
                   "compressed with gzip; - is standard input")
      ->required();
  command->footer(
      "Lookups for MX count. The output is a file for `known: {file: ...}`; what may be "
      "a slip of\na domain asked for ten times as often stands in it as a comment, to "
      "be decided by a person.\nExit codes: 0 domains were found; 1 none was; 2 a log "
      "cannot be read, or an option is wrong.");
  return {command, [options] { return learn(*options); }};
}

} // namespace nearmiss::cli
