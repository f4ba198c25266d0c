#include "contrib/cli/commands.hpp"
#include "contrib/cli/policy_logs.hpp"
#include "contrib/cli/progress.hpp"
#include "contrib/cli/text.hpp"
#include "contrib/logs/event_stream.hpp"
#include "contrib/logs/log_check.hpp"

#include <iostream>
#include <memory>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string config; // whose logs are read where `logs` is empty
  std::vector<std::string> logs, kept;
  bool json = false;
};

struct Result {
  logs::LogCheck check;
  logs::Damage damage; // of the files: too long lines, broken compression
  std::uint64_t problems() const noexcept {
    return check.finding_count() + damage.count() + damage.files().size();
  }
};

void read(const std::vector<std::string>& files, Result& result) {
  Progress progress;
  for (const std::string& name : logs::in_order_of_time(files)) {
    logs::LogFile file(name);
    logs::Line line;
    const std::uint64_t events = result.check.events();
    bool text = false;
    while (file.next(line, result.damage)) {
      result.check.add(name, line);
      text = text || line.text.find_first_not_of(" \t\r") != std::string_view::npos;
      if (progress.due()) {
        progress.show(
            reading(name, file.position(), file.size(), counted(result.check.events(), "event")));
      }
    }
    if (text && result.check.events() == events) {
      result.damage.add_file(name);
    }
  }
  result.check.finish();
}

void print_json(const Options& options, const Result& result) {
  Json json{{"logs", options.logs},
            {"ok", result.problems() == 0},
            {"events", result.check.events()},
            {"foreign_lines", result.check.foreign()}};
  json["runs"] = Json::array();
  for (const auto& [id, run] : result.check.runs()) {
    Json one{{"run", id}, {"events", run.lines}, {"chained", run.chained}};
    if (const auto found = result.check.sequence().runs().find(id);
        found != result.check.sequence().runs().end()) {
      one["first"] = found->second.first;
      one["last"] = found->second.last;
      one["missing"] = found->second.missing();
      one["told_lost"] = found->second.told_lost;
    }
    one["chain"] = run.chain.empty() ? Json() : Json(run.chain);
    one["chain_begins"] = run.origin == logs::LogCheck::Origin::anew;
    one["chain_after_run"] = run.before.empty() ? Json() : Json(run.before);
    json["runs"].push_back(std::move(one));
  }
  json["problems"] = result.problems();
  json["findings"] = Json::array();
  for (const auto& finding : result.check.findings()) {
    json["findings"].push_back(
        {{"file", finding.place.file}, {"line", finding.place.line}, {"what", finding.what}});
  }
  for (const auto& place : result.damage.places()) {
    json["findings"].push_back({{"file", place.file}, {"line", place.line}, {"what", place.why}});
  }
  for (const std::string& file : result.damage.files()) {
    json["findings"].push_back(
        {{"file", file}, {"line", 0}, {"what", "not one of its lines was understood"}});
  }
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void print_finding(const std::string& file, std::size_t line, const std::string& what) {
  if (!file.empty()) {
    std::cout << plain(file) << ':' << line << ": ";
  }
  std::cout << coloured(plain(what), "1;31", STDOUT_FILENO) << '\n';
}

std::string chain_of(const logs::LogCheck::Run& run) {
  using Origin = logs::LogCheck::Origin;
  if (run.chain.empty()) {
    return ", no chain";
  }
  return (run.origin == Origin::anew ? ", chain begins here and ends in "
          : run.origin == Origin::run
              ? ", chain goes on from run " + plain(run.before) + ", ends in "
              : ", chain ends in ") +
         run.chain;
}

void print_text(const Result& result) {
  constexpr std::size_t most = 100;
  std::size_t shown = 0;
  for (const auto& finding : result.check.findings()) {
    if (shown++ < most) {
      print_finding(finding.place.file, finding.place.line, finding.what);
    }
  }
  for (const auto& place : result.damage.places()) {
    print_finding(place.file, place.line, place.why);
  }
  if (result.check.finding_count() > most) {
    std::cout << "and " << grouped(result.check.finding_count() - most) << " more\n";
  }
  for (const auto& [id, run] : result.check.runs()) {
    std::cout << "run " << plain(id) << ": " << counted(run.lines, "event");
    const auto found = result.check.sequence().runs().find(id);
    if (found != result.check.sequence().runs().end()) {
      const auto& numbers = found->second;
      std::cout << ", numbers " << grouped(numbers.first) << " to " << grouped(numbers.last);
      if (numbers.missing() > 0) {
        std::cout << ", " << grouped(numbers.missing()) << " missing ("
                  << grouped(numbers.told_lost) << " told as lost)";
      }
    }
    std::cout << chain_of(run) << '\n';
  }
  std::cout << (result.problems() == 0 ? coloured("ok", "1;32", STDOUT_FILENO)
                                       : coloured("not as it was written", "1;31", STDOUT_FILENO))
            << ": " << counted(result.check.events(), "event") << ", "
            << counted(result.problems(), "problem") << '\n';
}

int verify(Options options) {
  if (options.logs.empty()) {
    auto logs = logs_of_policy("verify", options.config, true);
    if (!logs) {
      return exit_cannot;
    }
    options.logs = std::move(*logs);
  }
  Result result;
  for (const std::string& value : options.kept) {
    result.check.keep(value);
  }
  try {
    read(options.logs, result);
  } catch (const logs::FileError& e) {
    std::cerr << "nearmiss verify: " << plain(e.what()) << '\n';
    return exit_cannot;
  }
  for (const std::string& file : result.damage.files()) {
    std::cerr << "nearmiss verify: " << plain(file) << ": not one of its lines was understood\n";
  }
  if (result.check.events() == 0) {
    std::cerr << "nearmiss verify: no event of nearmiss in these logs\n";
    return exit_cannot;
  }
  if (options.json) {
    print_json(options, result);
  } else {
    print_text(result);
  }
  if (!result.damage.files().empty()) {
    return exit_cannot; // that file is no log of nearmiss's, or all of it was changed
  }
  return result.problems() == 0 ? exit_fine : exit_no;
}

} // namespace

Command add_verify(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "verify", "Find lines of a log that were removed, changed, moved or inserted");
  command->add_flag("--json", options->json, "print the result as JSON");
  command
      ->add_option("--kept", options->kept,
                   "a value that an earlier verify printed: a line of the log must state it")
      ->allow_extra_args(false)
      ->check(CLI::Validator(
          [](std::string& text) {
            const bool is_value = text.size() == LogChain::value_size &&
                                  text.find_first_not_of("0123456789abcdef") == std::string::npos;
            return is_value ? std::string()
                            : "a value of the chain is 64 hex digits, in lower case; not " + text;
          },
          "VALUE"));
  command->add_option(
      "LOG", options->logs,
      "nearmiss's events, as written or from a syslog file; gzip, xz, zstd and bzip2 too; "
      "- is standard input; several are put in the order of time; none: the file that the "
      "policy names, with its rotated ones");
  add_config_option(*command, options->config);
  command->footer(
      "Example: nearmiss verify /var/log/unbound/nearmiss.jsonl*\n"
      "With `log: {chain: true}` every line is checked against the one before, over restarts and\n"
      "rotation; without, only the numbers of event.sequence. The chain has no key, and lines cut\n"
      "off at the end of a log leave no trace in it: keep the value that the chain ends in on\n"
      "another machine, each day say, and give it to --kept later on.\n"
      "Exit codes: 0 the log is as it was written, 1 it is not, 2 a log cannot be read or holds "
      "no\n"
      "event.");
  return {command, [options] { return verify(*options); }};
}

} // namespace nearmiss::cli
