#include "config/names.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/policy_logs.hpp"
#include "contrib/cli/text.hpp"
#include "contrib/logs/attempts.hpp"
#include "contrib/logs/event.hpp"
#include "contrib/logs/follow.hpp"
#include "contrib/logs/log_file.hpp"
#include "rules/client.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iostream>
#include <memory>
#include <optional>

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

namespace {

constexpr std::uint64_t lookback_octets = 16U << 20U;
constexpr std::chrono::milliseconds interval{200};

struct Options {
  std::string config; // whose log is read where `log` is empty
  std::string log;
  std::vector<std::string> clients, rules, domains;
  std::size_t lines = 10;
  std::string color = "auto";
  bool json = false;
  bool no_follow = false;
};

// Which events to show. All of those given must hold; of several values of one, any.
class Filter {
 public:
  // Nullopt after saying what is wrong.
  static std::optional<Filter> from(const Options& options) {
    Filter filter;
    std::vector<Prefix> prefixes;
    for (const std::string& text : options.clients) {
      Prefix prefix;
      if (parse_prefix(text, prefix) != PrefixError::none) {
        std::cerr << "nearmiss tail: --client: `" << plain(text)
                  << "` is no address or prefix; write one as 192.0.2.25, 192.0.2.0/24 or "
                     "2001:db8::/32\n";
        return std::nullopt;
      }
      prefixes.push_back(prefix);
    }
    for (const std::string& text : options.domains) {
      std::string problem;
      const auto name = read_name(text, problem);
      if (!name) {
        std::cerr << "nearmiss tail: --domain: " << problem << '\n';
        return std::nullopt;
      }
      filter.domains_.push_back(*name);
    }
    filter.by_client_ = !prefixes.empty();
    filter.clients_.add("wanted", prefixes);
    filter.clients_.seal();
    filter.rules_ = options.rules;
    return filter;
  }

  bool shows(const logs::Event& event) const {
    if (by_client_) {
      const auto client = ClientAddress::from_text(event.client);
      if (!client || clients_.groups_of(*client) == 0) {
        return false;
      }
    }
    if (!rules_.empty() && std::ranges::find(rules_, event.rule) == rules_.end()) {
      return false;
    }
    return domains_.empty() || at_or_below(event.qname) || at_or_below(event.intended);
  }

 private:
  bool at_or_below(std::string_view text) const {
    const auto name = text.empty() ? std::nullopt : Name::from_text(text);
    return name && std::ranges::any_of(
                       domains_, [&](const Name& domain) { return name->is_at_or_below(domain); });
  }

  ClientGroups clients_;
  bool by_client_ = false;
  std::vector<std::string> rules_;
  std::vector<Name> domains_;
};

const char* colour_of_event(const logs::Event& event) {
  if (event.is_lookup()) {
    return colour_of(logs::outcome_of(event));
  }
  return event.failed() ? "1;31" : "1;34";
}

std::string in_colour(const std::string& text, const char* code, bool colour) {
  return colour ? "\x1b[" + std::string(code) + 'm' + text + "\x1b[0m" : text;
}

// "2026-11-23 22:23:28  nxdomain    192.0.2.25  army.ml MX  meant army.mil (tld-swap)  mil-ml"
std::string readable(const logs::Event& event, bool colour) {
  std::string text = logs::to_text(event.time) + "  " +
                     in_colour(padded(plain(event.action), 10), colour_of_event(event), colour) +
                     "  ";
  if (!event.is_lookup() && event.client.empty()) {
    return text + plain(event.message);
  }
  text += padded(plain(event.client), 15) + "  " + in_colour(plain(event.qname), "1", colour) +
          ' ' + plain(event.qtype);
  if (!event.intended.empty()) {
    text += "  meant " + plain(event.intended);
  }
  if (!event.confusable_class.empty()) {
    text += " (" + plain(event.confusable_class) + ')';
  }
  if (!event.rule.empty()) {
    text += "  " + plain(event.rule);
  }
  if (!event.matched_by.empty() && event.matched_by != "qname") {
    text += "  by its " + plain(event.matched_by) + ' ' + plain(event.matched_name);
  }
  return text;
}

class Tail {
 public:
  Tail(const Options& options, const Filter& filter)
      : options_(options), filter_(filter),
        colour_(options.color == "always" ||
                (options.color == "auto" && !coloured("", "0", STDOUT_FILENO).empty())) {}

  // What to print for a line of the log; nothing for one that is not wanted.
  std::optional<std::string> shown(std::string& line) {
    const std::size_t size = line.size();
    line.append(logs::LogFile::padding, ' ');
    logs::Event event;
    const auto result = reader_.read({std::string_view(line).substr(0, size), 0}, event);
    std::optional<std::string> text;
    understood_ = understood_ || result == logs::EventReader::Result::event;
    other_ = other_ || result == logs::EventReader::Result::foreign;
    if (result == logs::EventReader::Result::damaged) {
      if (following_) {
        std::cerr << "nearmiss tail: a damaged line left out: " << plain(reader_.why()) << '\n';
      }
      ++damaged_;
    } else if (result == logs::EventReader::Result::event && filter_.shows(event)) {
      text = options_.json ? line.substr(0, size) : readable(event, colour_);
    }
    return text;
  }

  // From now on each damaged line is told as it comes; of those so far, how many there were.
  void follow() {
    if (damaged_ > 0) {
      std::cerr << "nearmiss tail: " << counted(damaged_, "damaged line") << " left out\n";
    }
    if (!understood_ && (other_ || damaged_ > 0)) {
      std::cerr << "nearmiss tail: " << plain(options_.log)
                << ": not one of its lines was understood\n";
    }
    following_ = true;
  }

 private:
  const Options& options_;
  const Filter& filter_;
  bool colour_;
  bool following_ = false;
  bool understood_ = false, other_ = false; // a line of ours, of another's
  std::uint64_t damaged_ = 0;
  logs::EventReader reader_;
};

int tail(Options options) {
  if (options.log.empty()) {
    const auto logs = logs_of_policy("tail", options.config, false);
    if (!logs) {
      return exit_cannot;
    }
    options.log = logs->back();
  }
  const auto filter = Filter::from(options);
  if (!filter) {
    return exit_cannot;
  }
  try {
    Tail tail(options, *filter);
    logs::Follow log(options.log);
    std::deque<std::string> last;
    for (std::string& line : log.tail(lookback_octets)) {
      if (auto text = tail.shown(line)) {
        last.push_back(std::move(*text));
        if (last.size() > options.lines) {
          last.pop_front();
        }
      }
    }
    for (const std::string& text : last) {
      std::cout << text << '\n';
    }
    std::cout.flush();
    tail.follow();
    while (!options.no_follow && std::cout && !nobody_reads_on(interval)) {
      std::vector<std::string> lines = log.more();
      if (log.lost_lines()) {
        std::cerr << "nearmiss tail: " << plain(options.log)
                  << " was cut, and no copy of it is beside it: events may be missing here\n";
      }
      for (std::string& line : lines) {
        if (const auto text = tail.shown(line)) {
          std::cout << *text << '\n';
        }
      }
      std::cout.flush();
    }
  } catch (const logs::FileError& e) {
    std::cerr << "nearmiss tail: " << plain(e.what()) << '\n';
    return exit_cannot;
  }
  return exit_fine;
}

} // namespace

Command add_tail(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("tail", "Show events as they come, a readable line each");
  command
      ->add_option("-n,--lines", options->lines,
                   "first show so many of the last ones (looked for in the log's last 16 MiB)")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command
      ->add_option("--client", options->clients,
                   "only of this address or prefix (192.0.2.0/24); may be given several times")
      ->allow_extra_args(false);
  command->add_option("--rule", options->rules, "only by the rule of this id; repeatable")
      ->allow_extra_args(false);
  command
      ->add_option("--domain", options->domains,
                   "only for this domain or a name below it, asked for or meant; repeatable")
      ->allow_extra_args(false);
  command
      ->add_option("--color", options->color,
                   "colour by what became of the lookup; auto: on a terminal, unless NO_COLOR is "
                   "set")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  command->add_flag("--json", options->json, "the log's own lines in place of readable ones");
  command->add_flag("--no-follow", options->no_follow, "end after the last lines");
  command->add_option("LOG", options->log,
                      "the file nearmiss writes its events to; none: that of the policy");
  add_config_option(*command, options->config);
  command->footer(
      "Example: nearmiss tail --client 192.0.2.0/24 --domain army.mil nearmiss.jsonl\n"
      "Goes on across a rotation of the log, until it is interrupted.\n"
      "Exit codes: 0 ended by --no-follow or because the reader has gone, 2 the log cannot "
      "be read.");
  return {command, [options] { return tail(*options); }};
}

} // namespace nearmiss::cli
