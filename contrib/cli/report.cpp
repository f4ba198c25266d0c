#include "contrib/cli/report.hpp"

#include "contrib/cli/commands.hpp"
#include "contrib/cli/output.hpp"
#include "contrib/cli/policy_logs.hpp"
#include "contrib/cli/progress.hpp"
#include "contrib/cli/text.hpp"

#include <chrono>
#include <iostream>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

namespace {

struct Options {
  std::vector<std::string> logs; // empty: those of the policy
  std::string config;
  std::string since, until;
  unsigned window = 5; // minutes
  std::size_t top = 10;
  std::size_t attempts = 10000;
  logs::Filter filter;
  std::string title, outcome;
  bool json = false;
  std::string html; // the file to write; empty: none
};

// False after saying what is wrong.
bool read_instant(const std::string& option, const std::string& text, logs::Instant& instant) {
  if (text.empty()) {
    return true;
  }
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  const auto given = logs::instant_from_person(text, now);
  if (!given) {
    std::cerr << "nearmiss report: " << option << ": `" << plain(text)
              << "` is no time; write one as 2026-11-23, \"2026-11-23 22:30\", "
                 "2026-11-23T22:30:00Z (UTC), or 36h or 7d for that long ago\n";
    return false;
  }
  instant = *given;
  return true;
}

// False after saying why not.
bool write_page(const std::string& file, const std::string& page) {
  if (file == "-") {
    std::cout << page;
    return true;
  }
  if (const std::string why = write_whole(file, page); !why.empty()) {
    std::cerr << "nearmiss report: --html: " << plain(file) << " cannot be written: " << why
              << '\n';
    return false;
  }
  std::cerr << "written: " << plain(file) << '\n';
  return true;
}

int report(Options options) {
  if (options.logs.empty()) {
    auto logs = logs_of_policy("report", options.config, true);
    if (!logs) {
      return exit_cannot;
    }
    options.logs = std::move(*logs);
  }
  logs::Period period;
  if (!read_instant("--since", options.since, period.since) ||
      !read_instant("--until", options.until, period.until)) {
    return exit_cannot;
  }
  if (period.since >= period.until) {
    std::cerr << "nearmiss report: --since is not before --until\n";
    return exit_cannot;
  }
  logs::Filter filter = options.filter;
  for (std::size_t index = 0; index < logs::outcome_count; ++index) {
    if (options.outcome == to_string(static_cast<logs::Outcome>(index))) {
      filter.outcome = static_cast<logs::Outcome>(index);
    }
  }
  logs::Summary summary(period, options.window * logs::one_minute, options.attempts, filter);
  std::optional<logs::EventStream> stream;
  try {
    stream.emplace(options.logs);
    Progress progress;
    while (const logs::Event* event = stream->next()) {
      summary.add(*event);
      if (progress.due()) {
        progress.show(reading(stream->file(), stream->position(), stream->size(),
                              counted(stream->events(), "event")));
      }
    }
  } catch (const logs::FileError& e) {
    std::cerr << "nearmiss report: " << plain(e.what()) << '\n';
    return exit_cannot;
  }
  summary.finish();
  print_damage("report", stream->damage());
  if (stream->events() == 0) {
    std::cerr << "nearmiss report: no event of nearmiss in these logs; name the policy's `log: "
                 "{file: ...}`\n";
    return exit_cannot;
  }
  if (summary.lookups == 0 && summary.lookups_outside() > 0) {
    std::cerr << "nearmiss report: no lookup is between --since and --until; these logs hold "
              << counted(summary.lookups_outside(), "lookup") << " before or after\n";
  }
  const ReportInput input{options.logs, options.top, *stream, summary, options.title};
  if (options.json) {
    constexpr std::size_t bins = 200;
    // Logs and the policy's texts may hold any octet; JSON is UTF-8.
    std::cout
        << report_json(input, bins).dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
        << '\n';
  } else if (!options.html.empty()) {
    return write_page(options.html, report_html(input)) ? exit_fine : exit_cannot;
  } else {
    print_report(input);
  }
  return exit_fine;
}

} // namespace

Command add_report(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "report", "Say what happened: delivery attempts, by whom, to where, and what became of them");
  command->add_option("--since", options->since,
                      "from this time on; what comes before shows which domains are new");
  command->add_option("--until", options->until, "before this time");
  command->add_option("--client", options->filter.client, "only lookups of this client's address");
  command->add_option("--domain", options->filter.domain,
                      "only lookups of this name and what is below it");
  command->add_option("--rule", options->filter.rule, "only lookups that this rule matched");
  command->add_option("--resolver", options->filter.resolver,
                      "only lookups that this host reported (observer.hostname)");
  command->add_option("--outcome", options->outcome, "only attempts that ended so")
      ->check(CLI::IsMember({"let through", "queued", "sinkhole", "bounced"}));
  command->add_option("--title", options->title, "the report's title, as an organisation's name");
  command->add_option("--window", options->window, "minutes without a lookup that end an attempt")
      ->check(CLI::Range(1U, 1440U))
      ->capture_default_str();
  command->add_option("--top", options->top, "how many of each list")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command
      ->add_option("--attempts", options->attempts,
                   "how many of the latest attempts --json and --html list; 10,000 make a page of "
                   "some 3 MB")
      ->check(CLI::Range(0, 100000))
      ->capture_default_str();
  auto* json = command->add_flag("--json", options->json, "print the report as JSON");
  command
      ->add_option("--html", options->html,
                   "write it to this file as one page that needs no network, to attach to a "
                   "ticket; - is standard output")
      ->excludes(json);
  command->add_option(
      "LOG", options->logs,
      "nearmiss's events, as written or from a syslog file; gzip, xz, zstd and bzip2 too; "
      "- is standard input; several are put in the order of time; none: the file that the "
      "policy names, with its rotated ones");
  add_config_option(*command, options->config);
  command->footer("Example: nearmiss report --since 7d --html week.html nearmiss.jsonl*\n"
                  "Times are UTC. An attempt is all lookups of one client for one domain, each "
                  "within the window\nof the one before.\n"
                  "Exit codes: 0 the report was made, whatever it says; 2 a log cannot be read or "
                  "holds no event.");
  return {command, [options] { return report(*options); }};
}

} // namespace nearmiss::cli
