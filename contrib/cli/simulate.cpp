// What a policy would have blocked in past traffic.
//
// Every lookup of the logs is put to Policy::decide as the module would put it, with today's date
// for `expires`. What a real answer leads to (a CNAME, an MX exchange) is in no query log, so rules
// that speak on answers are not seen here.

#include "config/names.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/progress.hpp"
#include "contrib/cli/text.hpp"
#include "contrib/logs/event.hpp"
#include "contrib/logs/frequent.hpp"
#include "contrib/logs/query_log.hpp"
#include "contrib/logs/sequence.hpp"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <optional>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string config = "/etc/unbound/nearmiss.yaml";
  std::vector<std::string> logs;
  std::size_t top = 20;
  bool json = false;
};

struct Counts {
  std::uint64_t blocked = 0, observed = 0, allowed = 0;
  std::uint64_t noted() const noexcept { return blocked + observed; }
};

bool more(const Counts& a, const Counts& b) {
  return std::pair(a.blocked, a.observed) > std::pair(b.blocked, b.observed);
}

struct NameCounts : Counts {
  const Rule* rule = nullptr; // of the last lookup
  std::string intended, confusable_class;
};

class Simulation {
 public:
  explicit Simulation(const Policy& policy) : policy_(policy), today_(today()) {}

  void read(const std::string& file, Progress& progress) {
    logs::LogFile log(file);
    logs::Line line;
    understood_ = false;
    bool text = false;
    while (log.next(line, damage)) {
      read_line(log.name(), line);
      text = text || line.text.find_first_not_of(" \t\r") != std::string_view::npos;
      if (progress.due()) {
        progress.show(reading(file, log.position(), log.size(), counted(lookups, "lookup")));
      }
    }
    end_of_file();
    if (text && !understood_) {
      damage.add_file(file);
    }
  }

  std::uint64_t lookups = 0, other_lines = 0, duplicates = 0;
  Counts total;
  std::map<std::string, Counts> rules;
  logs::Frequent<NameCounts> names;
  logs::Frequent<Counts> clients;
  std::optional<logs::Instant> first, last;
  logs::Damage damage;

 private:
  void read_line(const std::string& file, const logs::Line& line) {
    if (logs::json_of(line.text).starts_with('{')) {
      read_event(file, line);
      return;
    }
    logs::Lookup lookup;
    switch (logs::read_query_line(line.text, lookup)) {
    case logs::QueryLine::query:
      understood_ = true;
      // Its answer will be logged too, or not; from now on only queries count.
      held_.clear();
      counting_ = Counting::queries;
      decide(lookup);
      break;
    case logs::QueryLine::reply:
      understood_ = true;
      read_reply(lookup);
      break;
    case logs::QueryLine::other:
      ++other_lines;
      break;
    case logs::QueryLine::damaged:
      damage.add(file, line.number, "begins like a lookup and does not go on like one");
      break;
    }
  }

  void read_event(const std::string& file, const logs::Line& line) {
    logs::Event event;
    const auto result = events_.read(line, event);
    if (result == logs::EventReader::Result::damaged) {
      damage.add(file, line.number, events_.why());
      return;
    }
    understood_ = understood_ || result == logs::EventReader::Result::event;
    if (result == logs::EventReader::Result::event &&
        sequence_.add(event.run(), event.sequence, event.time) ==
            logs::Sequence::Place::duplicate) {
      ++duplicates;
      return;
    }
    if (result != logs::EventReader::Result::event || !event.is_lookup()) {
      ++other_lines;
      return;
    }
    const auto client = ClientAddress::from_text(event.client);
    const auto name = Name::from_text(event.qname);
    const auto type = type_from_text(event.qtype);
    if (!client || !name || !type) {
      damage.add(file, line.number,
                 !client ? "source.ip is no address"
                 : !name ? "dns.question.name is no name"
                         : "dns.question.type is no RR type");
      return;
    }
    decide({event.time, *client, *name, *type});
  }

  // Where both are logged, a lookup makes two lines, and only its query counts. A file may begin
  // with the answers to the file before, so the first ones are held until it is clear which it is.
  void read_reply(const logs::Lookup& lookup) {
    constexpr std::size_t patience = 4096;
    if (counting_ == Counting::replies) {
      decide(lookup);
    } else if (counting_ == Counting::not_known) {
      held_.push_back(lookup);
      if (held_.size() == patience) {
        counting_ = Counting::replies;
        count_held();
      }
    }
  }

  void end_of_file() {
    count_held();
    counting_ = Counting::not_known;
  }

  void count_held() {
    for (const logs::Lookup& lookup : held_) {
      decide(lookup);
    }
    held_.clear();
  }

  void decide(const logs::Lookup& lookup) {
    ++lookups;
    if (lookup.time) {
      first = std::min(first.value_or(*lookup.time), *lookup.time);
      last = std::max(last.value_or(*lookup.time), *lookup.time);
    }
    const Verdict verdict = policy_.decide({lookup.name, lookup.type, lookup.client, today_});
    if (verdict.rule == nullptr) {
      return;
    }
    add(verdict, total);
    add(verdict, rules[verdict.rule->id]);
    if (!verdict.noteworthy()) {
      return;
    }
    NameCounts& name = names.add(lookup.name.to_text());
    add(verdict, name);
    name.rule = verdict.rule;
    name.intended = Policy::intended_for(verdict, lookup.name);
    name.confusable_class = verdict.confusable_class();
    add(verdict, clients.add(lookup.client.to_text()));
  }

  static void add(const Verdict& verdict, Counts& counts) {
    ++(verdict.enforced                  ? counts.blocked
       : verdict.action == Action::allow ? counts.allowed
                                         : counts.observed);
  }

  enum class Counting { not_known, queries, replies };

  const Policy& policy_;
  std::chrono::sys_days today_;
  logs::EventReader events_;
  logs::Sequence sequence_;
  Counting counting_ = Counting::not_known;
  bool understood_ = false; // a line of the file
  std::vector<logs::Lookup> held_;
};

std::vector<std::pair<std::string, Counts>> sorted_rules(const Simulation& simulation) {
  std::vector<std::pair<std::string, Counts>> rules(simulation.rules.begin(),
                                                    simulation.rules.end());
  std::ranges::stable_sort(rules,
                           [](const auto& a, const auto& b) { return more(a.second, b.second); });
  return rules;
}

void add_counts(Json& json, const Counts& counts) {
  json["blocked"] = counts.blocked;
  json["observed"] = counts.observed;
}

void print_json(const Options& options, const Simulation& simulation) {
  Json json{{"config", options.config}, {"logs", options.logs}};
  json["first"] = simulation.first ? Json(logs::to_rfc3339(*simulation.first)) : Json();
  json["last"] = simulation.last ? Json(logs::to_rfc3339(*simulation.last)) : Json();
  json["lookups"] = simulation.lookups;
  add_counts(json, simulation.total);
  json["allowed"] = simulation.total.allowed;
  json["other_lines"] = simulation.other_lines;
  json["damaged_lines"] = simulation.damage.count();
  json["files_not_understood"] = simulation.damage.files();
  json["damaged"] = Json::array();
  for (const auto& place : simulation.damage.places()) {
    json["damaged"].push_back({{"file", place.file}, {"line", place.line}, {"why", place.why}});
  }
  json["duplicate_events"] = simulation.duplicates;
  json["rules"] = Json::array();
  for (const auto& [id, counts] : sorted_rules(simulation)) {
    Json rule{{"rule", id}};
    add_counts(rule, counts);
    rule["allowed"] = counts.allowed;
    json["rules"].push_back(std::move(rule));
  }
  json["names"] = Json::array();
  for (const auto& [name, entry] : simulation.names.top(options.top, more)) {
    Json one{{"name", name}};
    add_counts(one, entry->value);
    one["rule"] = entry->value.rule->id;
    one["intended"] = entry->value.intended.empty() ? Json() : Json(entry->value.intended);
    one["class"] =
        entry->value.confusable_class.empty() ? Json() : Json(entry->value.confusable_class);
    json["names"].push_back(std::move(one));
  }
  json["names_left_out"] = simulation.names.size() - json["names"].size();
  json["clients"] = Json::array();
  for (const auto& [client, entry] : simulation.clients.top(options.top, more)) {
    Json one{{"client", client}};
    add_counts(one, entry->value);
    json["clients"].push_back(std::move(one));
  }
  json["clients_left_out"] = simulation.clients.size() - json["clients"].size();
  // A file's name may hold any octet; JSON is UTF-8.
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

constexpr std::size_t number_columns = 12;

std::string row(const std::string& label, std::size_t columns, const Counts& counts) {
  return "  " + padded(label, columns) + right(grouped(counts.blocked), number_columns) +
         right(grouped(counts.observed), number_columns);
}

void print_head(const std::string& what, std::size_t shown, std::size_t all, std::size_t columns) {
  std::string text = what;
  if (shown < all) {
    text += " (the first " + grouped(shown) + " of " + grouped(all) + ')';
  }
  std::cout << '\n'
            << coloured(padded(text, columns + 2) + right("blocked", number_columns) +
                            right("observed", number_columns),
                        "1", STDOUT_FILENO)
            << '\n';
}

void print_text(const Options& options, const Simulation& simulation) {
  const Counts& total = simulation.total;
  std::cout << counted(simulation.lookups, "lookup");
  if (simulation.first) {
    std::cout << " from " << logs::to_text(*simulation.first) << " to "
              << logs::to_text(*simulation.last) << " UTC";
  }
  std::cout << ", put to " << plain(options.config) << ":\n  "
            << coloured(grouped(total.blocked) + " would be blocked",
                        total.blocked > 0 ? "1;31" : "1;32", STDOUT_FILENO)
            << " (" << percent(total.blocked, simulation.lookups) << "), "
            << grouped(total.observed) << " observed, " << grouped(total.allowed)
            << " let through by an `allow`\n";
  if (simulation.duplicates > 0) {
    std::cout << "  " << counted(simulation.duplicates, "event")
              << " given twice, and counted once\n";
  }
  if (total.noted() == 0) {
    return;
  }
  constexpr std::size_t columns = 40;
  print_head("By rule", 0, 0, columns);
  for (const auto& [id, counts] : sorted_rules(simulation)) {
    if (counts.noted() > 0) {
      std::cout << row(plain(id), columns, counts) << '\n';
    }
  }
  const auto names = simulation.names.top(options.top, more);
  print_head("By name", names.size(), simulation.names.size(), columns);
  for (const auto& [name, entry] : names) {
    std::cout << row(std::string(name), columns, entry->value) << "  "
              << plain(entry->value.rule->id);
    if (!entry->value.intended.empty()) {
      std::cout << ", meant: " << entry->value.intended;
    }
    std::cout << '\n';
  }
  const auto clients = simulation.clients.top(options.top, more);
  print_head("By client", clients.size(), simulation.clients.size(), columns);
  for (const auto& [client, entry] : clients) {
    std::cout << row(std::string(client), columns, entry->value) << '\n';
  }
  if (!simulation.names.exact() || !simulation.clients.exact()) {
    std::cout << "  Rare names or clients were dropped; no count above is short by more than "
              << grouped(std::max(simulation.names.undercount(), simulation.clients.undercount()))
              << ".\n";
  }
}

int simulate(const Options& options) {
  const LoadResult result = load_policy(options.config);
  if (!result.config) {
    print(result.diagnostics);
    std::cerr << "nearmiss simulate: the policy " << options.config << " cannot be used\n";
    return exit_cannot;
  }
  Simulation simulation(result.config->policy);
  try {
    Progress progress;
    for (const std::string& file : options.logs) {
      simulation.read(file, progress);
    }
  } catch (const logs::FileError& e) {
    std::cerr << "nearmiss simulate: " << plain(e.what()) << '\n';
    return exit_cannot;
  }
  print_damage("simulate", simulation.damage);
  if (simulation.lookups == 0) {
    std::cerr << "nearmiss simulate: no lookup in these logs; Unbound logs them with "
                 "`log-queries: yes`\n";
    return exit_cannot;
  }
  if (options.json) {
    print_json(options, simulation);
  } else {
    print_text(options, simulation);
  }
  return simulation.total.blocked > 0 ? exit_no : exit_fine;
}

} // namespace

Command add_simulate(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "simulate", "Say what a policy would have blocked in past traffic, by rule, name and client");
  command
      ->add_option("--config", options->config,
                   "the policy; else $NEARMISS_CONFIG, else the default")
      ->envname("NEARMISS_CONFIG")
      ->capture_default_str();
  command->add_option("--top", options->top, "how many names and clients to list")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_flag("--json", options->json, "print the result as JSON");
  command
      ->add_option(
          "LOG", options->logs,
          "Unbound's log with `log-queries: yes`, in a file or from syslog or the "
          "journal, or nearmiss's events; gzip, xz, zstd and bzip2 too; - is standard input")
      ->required();
  command->footer(
      "Example: journalctl -u unbound | nearmiss simulate --config new.yaml -\n"
      "Lookups alone are judged: what an answer leads to (CNAME, MX host) is in no query log.\n"
      "Exit codes: 0 nothing would be blocked, 1 something would, 2 the policy or a log cannot be\n"
      "used.");
  return {command, [options] { return simulate(*options); }};
}

} // namespace nearmiss::cli
