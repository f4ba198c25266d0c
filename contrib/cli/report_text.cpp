#include "contrib/cli/commands.hpp"
#include "contrib/cli/report.hpp"
#include "contrib/cli/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>

#include <unistd.h>

namespace nearmiss::cli {

namespace {

constexpr std::size_t narrowest_label = 24;
constexpr std::size_t widest_label = 60; // a longer one moves its row alone
constexpr std::size_t number_columns = 10;

std::string bold(const std::string& text) {
  return coloured(text, "1", STDOUT_FILENO);
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 60 || (whole < 120 && whole % 60 != 0)) {
    return counted(static_cast<std::uint64_t>(whole), "second");
  }
  if (whole < 3600 || (whole < 7200 && whole % 3600 != 0)) {
    return counted(static_cast<std::uint64_t>((whole + 30) / 60), "minute");
  }
  if (whole < 86400 || (whole < 172800 && whole % 86400 != 0)) {
    return counted(static_cast<std::uint64_t>((whole + 1800) / 3600), "hour");
  }
  return counted(static_cast<std::uint64_t>((whole + 43200) / 86400), "day");
}

// The parts that are not empty. What does not fit in the rest of the terminal's line is left out,
// but the first `essential` ones, which go on a line of their own; a pipe or a file gets all.
std::string fitting(const std::vector<std::string>& parts, std::size_t essential,
                    std::size_t used) {
  static const bool terminal = isatty(STDOUT_FILENO) != 0;
  std::string text;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const std::string part = plain(parts[index]);
    if (part.empty()) {
      continue;
    }
    std::string longer = text;
    longer.append(text.empty() ? "" : ", ").append(part);
    if (!terminal || text.empty() || used + width(longer) <= terminal_width()) {
      text = longer;
    } else if (index < essential) {
      return text + "\n      " +
             fitting({parts.begin() + static_cast<std::ptrdiff_t>(index), parts.end()},
                     essential - index, 6);
    } else {
      break;
    }
  }
  return text;
}

void print_head(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  std::cout << bold(plain(title_of(input))) << '\n';
  for (const std::string& warning : warnings_of(input)) {
    std::cout << coloured("! " + plain(warning), "1;31", STDOUT_FILENO) << '\n';
  }
  if (summary.first) {
    std::cout << logs::to_text(*summary.first) << " to " << logs::to_text(*summary.last)
              << " UTC, ";
  }
  std::cout << counted(summary.lookups, "lookup") << " in " << counted(input.logs.size(), "log")
            << "\n\n  " << bold(counted(summary.attempts, "attempt")) << " by "
            << counted(summary.clients.size(), "mail server") << " for "
            << counted(summary.domains.size(), "domain") << ", " << grouped(summary.intended.size())
            << " intended\n";
  for (std::size_t index = 0; index < logs::outcome_count; ++index) {
    const auto outcome = static_cast<logs::Outcome>(index);
    const std::uint64_t count = summary.outcomes[index];
    if (count > 0 || outcome == logs::Outcome::let_through) {
      const char* const colour = count > 0 ? colour_of(outcome) : "0";
      std::cout << "  " << right(grouped(count), number_columns) << "  "
                << coloured(padded(to_string(outcome), 12), colour, STDOUT_FILENO) << ' '
                << meaning(outcome) << '\n';
    }
  }
}

// One bar a bin: its height in eighths of a character, the part let through in red below.
void print_timeline(const logs::Timeline& timeline) {
  static constexpr std::array blocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::size_t rows = 4;
  const std::size_t columns = std::clamp<std::size_t>(terminal_width() - 14, 24, 120);
  const logs::Instant width = timeline.width_for(columns);
  const auto bins = timeline.bins(width);
  if (bins.empty()) {
    return;
  }
  std::uint64_t highest = 0;
  for (const auto& [start, bin] : bins) {
    highest = std::max(highest, bin.stopped + bin.let_through);
  }
  const auto from = bins.begin()->first;
  const auto count = static_cast<std::size_t>((bins.rbegin()->first - from) / width) + 1;
  std::cout << '\n'
            << bold("Timeline") << ": attempts, a column is "
            << duration(static_cast<double>(width) / static_cast<double>(logs::one_second)) << '\n';
  for (std::size_t row = rows; row-- > 0;) {
    std::string line;
    for (std::size_t column = 0; column < count; ++column) {
      const auto bin = bins.find(from + static_cast<logs::Instant>(column) * width);
      if (bin == bins.end()) {
        line += ' ';
        continue;
      }
      const auto eighths = [&](std::uint64_t part) { // rounded up: one attempt is to be seen
        return static_cast<std::size_t>((part * rows * 8 + highest - 1) / highest);
      };
      const std::size_t height = eighths(bin->second.stopped + bin->second.let_through);
      const std::size_t red = eighths(bin->second.let_through);
      const std::size_t here = std::clamp<std::size_t>(height, row * 8, row * 8 + 8) - row * 8;
      const std::string block = blocks[here];
      line += red > row * 8 && here > 0 ? coloured(block, "31", STDOUT_FILENO) : block;
    }
    std::cout << right(row == rows - 1 ? grouped(highest) : "", number_columns) << " │" << line
              << '\n';
  }
  const std::string begin = logs::to_text(from).substr(0, 16);
  const std::string end = logs::to_text(bins.rbegin()->first).substr(0, 16);
  std::cout << right("0", number_columns) << " └" << begin;
  if (count > begin.size() + end.size() + 1) {
    std::cout << std::string(count - begin.size() - end.size(), ' ') << end;
  }
  std::cout << '\n';
}

using Labels = std::vector<std::string>;

std::size_t columns_for(const Labels& labels) {
  std::size_t columns = narrowest_label;
  for (const std::string& label : labels) {
    columns = std::max(columns, std::min(width(label), widest_label));
  }
  return columns;
}

void print_list_head(const std::string& title, std::size_t columns, const std::string& more) {
  std::cout << '\n'
            << bold(padded(title, columns + 2) + right("attempts", number_columns) +
                    right("through", number_columns) + "  " + more)
            << '\n';
}

void print_row(const std::string& label, std::size_t columns, const logs::Tally& tally,
               const std::vector<std::string>& more, std::size_t essential = 1) {
  const std::string through = right(grouped(tally.let_through), number_columns);
  std::cout << "  " << padded(label, columns) << right(grouped(tally.attempts), number_columns)
            << (tally.let_through > 0 ? coloured(through, "1;31", STDOUT_FILENO) : through) << "  "
            << fitting(more, essential, std::max(width(label), columns) + 2 * number_columns + 4)
            << '\n';
}

// A row for each of the first keys; `label` and `more_text` make its texts.
template<typename Value, typename Label, typename More>
void print_list(const std::string& title, const ReportInput& input,
                const logs::Frequent<Value>& keys, const std::string& more_head, Label label,
                More more_text, std::size_t essential = 1) {
  const auto top = keys.top(input.top, logs::more);
  if (top.empty()) {
    return;
  }
  Labels labels;
  for (const auto& [key, entry] : top) {
    labels.push_back(plain(label(key, entry->value)));
  }
  std::string head = title;
  if (top.size() < keys.size()) {
    head += " (" + grouped(top.size()) + " of " + (keys.exact() ? "" : "over ") +
            grouped(keys.size()) + ')';
  }
  const std::size_t columns = std::max(columns_for(labels), width(head));
  print_list_head(head, columns, more_head);
  for (std::size_t index = 0; index < top.size(); ++index) {
    print_row(labels[index], columns, top[index].second->value,
              more_text(top[index].first, top[index].second->value), essential);
  }
  if (!keys.exact()) {
    std::cout << "  rare ones were dropped; no count is short by more than "
              << grouped(keys.undercount()) << '\n';
  }
}

std::string label_of(const logs::Pair& pair) {
  return pair.client + " → " + pair.domain;
}

std::string last_seen(const logs::Tally& tally) {
  return "last " + logs::to_text(tally.last).substr(0, 16);
}

// What was meant, and what the name looks like to the reader of a mail.
std::vector<std::string> meant(const std::string& intended, const std::string& domain) {
  const std::string read = as_read(domain);
  return {intended.empty() ? "?" : intended, read.empty() ? "" : "reads " + read};
}

std::string rhythm(const logs::Pair& pair) {
  if (const auto interval = pair.rhythm.interval()) {
    return "every " + duration(*interval) + ": a program?";
  }
  if (const auto hours = pair.rhythm.hours()) {
    return hours->round_the_clock() ? "round the clock: a program?"
                                    : "from " + std::to_string(hours->from) + " to " +
                                          std::to_string(hours->to) + " h UTC: people?";
  }
  return pair.retries == 0   ? ""
         : pair.retries == 1 ? "1 retry"
                             : grouped(pair.retries) + " retries";
}

// Whose mail left, first of all.
void print_let_through(const ReportInput& input) {
  const auto pairs = input.summary.let_through();
  if (pairs.empty()) {
    return;
  }
  Labels labels;
  for (const auto& [key, entry] : pairs) {
    labels.push_back(plain(label_of(entry->value)));
  }
  const std::size_t columns = columns_for(labels);
  print_list_head("Let through", columns, "meant, first, last");
  for (std::size_t index = 0; index < pairs.size(); ++index) {
    const logs::Pair& pair = pairs[index].second->value;
    auto more = meant(pair.intended, pair.domain);
    more.push_back("first " + logs::to_text(pair.first).substr(0, 16));
    more.push_back(last_seen(pair));
    print_row(labels[index], columns, pair, more);
  }
}

void print_lists(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  const logs::Fanout fanout = summary.fanout();
  const auto of = [](const logs::Fanout::Counts& counts, std::string_view key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  };
  const auto key_itself = [](std::string_view key, const logs::Tally&) { return std::string(key); };
  const auto last = [](std::string_view, const logs::Tally& tally) {
    return std::vector{last_seen(tally)};
  };
  print_list(
      "Who sends where", input, summary.pairs, "meant, rhythm",
      [](std::string_view, const logs::Pair& pair) { return label_of(pair); },
      [](std::string_view, const logs::Pair& pair) {
        auto more = meant(pair.intended, pair.domain);
        more.insert(more.begin() + 1, rhythm(pair));
        return more;
      },
      2);
  print_list("Mail servers", input, summary.clients, "domains, group, last", key_itself,
             [&](std::string_view client, const logs::Tally& tally) {
               return std::vector{counted(of(fanout.domains_of_client, client), "domain"),
                                  tally.client_group, last_seen(tally)};
             });
  print_list("Domains", input, summary.domains, "meant, class, rule, mail servers", key_itself,
             [&](std::string_view domain, const logs::Tally& tally) {
               auto more = meant(tally.intended, std::string(domain));
               more.insert(more.begin() + 1,
                           {tally.confusable_class, tally.rule,
                            counted(of(fanout.clients_of_domain, domain), "mail server")});
               return more;
             });
  print_list("Intended domains", input, summary.intended, "asked for as", key_itself,
             [&](std::string_view intended, const logs::Tally& tally) {
               return std::vector{counted(of(fanout.domains_of_intended, intended), "domain"),
                                  last_seen(tally)};
             });
  print_list("Classes", input, summary.classes, "", key_itself, last);
  print_list("Rules", input, summary.rules, "", key_itself, last);
  std::cout << '\n' << bold("Types") << "  ";
  for (const auto& [type, count] : summary.types) {
    std::cout << plain(type) << ' ' << grouped(count) << "  ";
  }
  std::cout << '\n';
}

void print_new_domains(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  if (!summary.knows_before()) {
    if (summary.period.since != logs::Period().since) {
      std::cout << '\n'
                << bold("New domains") << "  not known: "
                << (summary.before_full() ? "there are too many before the period"
                                          : "these logs hold no lookup from before the period")
                << '\n';
    }
    return;
  }
  const auto fresh = summary.new_domains();
  std::cout << '\n'
            << bold("New domains") << ", not asked for before the period: " << grouped(fresh.size())
            << '\n';
  Labels labels;
  for (std::size_t index = 0; index < std::min(fresh.size(), input.top); ++index) {
    labels.push_back(plain(fresh[index].first));
  }
  const std::size_t columns = columns_for(labels);
  for (std::size_t index = 0; index < labels.size(); ++index) {
    const logs::Tally& tally = *fresh[index].second;
    auto more = meant(tally.intended, std::string(fresh[index].first));
    more.insert(more.begin(), "first " + logs::to_text(tally.first).substr(0, 16));
    std::cout << "  " << padded(labels[index], columns) << "  " << fitting(more, 1, columns + 4)
              << '\n';
  }
  if (fresh.size() > labels.size()) {
    std::cout << "  and " << grouped(fresh.size() - labels.size()) << " more\n";
  }
}

void print_discovered(const ReportInput& input) {
  const auto& discovered = input.summary.discovered;
  if (discovered.size() == 0) {
    return;
  }
  std::cout << '\n'
            << coloured("Clients that ask for MX and are in no client group", "1;33", STDOUT_FILENO)
            << ": " << grouped(discovered.size()) << '\n';
  const auto by_events = [](const auto& a, const auto& b) { return a.events > b.events; };
  for (const auto& [client, entry] : discovered.top(input.top, by_events)) {
    std::cout << "  " << padded(plain(client), narrowest_label)
              << right(grouped(entry->value.events), number_columns) << "  last "
              << logs::to_text(entry->value.last) << ", for " << plain(entry->value.name) << '\n';
  }
}

void print_resolvers(const ReportInput& input) {
  const auto& resolvers = input.summary.resolvers;
  if (resolvers.size() < 2) {
    return;
  }
  const auto by_events = [](const auto& a, const auto& b) { return a.events > b.events; };
  const std::string usual = input.summary.usual_policy();
  std::cout << '\n' << bold("Resolvers") << ": " << grouped(resolvers.size()) << '\n';
  for (const auto& [name, entry] : resolvers.top(input.top, by_events)) {
    const logs::Resolver& resolver = entry->value;
    std::cout << "  " << padded(plain(name), narrowest_label)
              << right(grouped(resolver.events), number_columns) << "  "
              << fitting({counted(resolver.lookups, "lookup"), "nearmiss " + resolver.version,
                          "policy " + resolver.policy +
                              (resolver.policy != usual ? " (another than most)" : ""),
                          std::string(input.summary.is_silent(resolver) ? "silent since "
                                                                        : "last event ") +
                              logs::to_text(resolver.last).substr(0, 16)},
                         4, narrowest_label + number_columns + 4)
              << '\n';
  }
}

void print_missing(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  const auto gaps = summary.gaps();
  std::uint64_t missing = 0;
  for (const auto& gap : gaps) {
    missing += gap.size();
  }
  std::cout << '\n' << bold("What may be missing") << '\n';
  if (summary.duplicates > 0) {
    std::cout << "  " << counted(summary.duplicates, "event") << " given twice, and counted once\n";
  }
  for (const std::string& file : input.stream.damage().files()) {
    std::cout << "  " << plain(file) << ": not one of its lines was understood\n";
  }
  if (missing == 0 && summary.events_lost == 0 && input.stream.damage().count() == 0) {
    if (!input.stream.damage().files().empty()) {
      return;
    }
    std::cout << "  nothing: event.sequence has no gap, no event was lost, no line is damaged\n";
    return;
  }
  std::cout << "  " << counted(missing, "event") << " missing by event.sequence, "
            << grouped(summary.events_lost) << " lost as the module told, "
            << counted(input.stream.damage().count(), "damaged line") << '\n';
  for (std::size_t index = 0; index < std::min(gaps.size(), input.top); ++index) {
    std::cout << "  number" << (gaps[index].size() == 1 ? " " : "s ") << grouped(gaps[index].from);
    if (gaps[index].size() > 1) {
      std::cout << " to " << grouped(gaps[index].to);
    }
    std::cout << ", before " << logs::to_text(gaps[index].time) << '\n';
  }
}

void print_notices(const ReportInput& input) {
  const auto& notices = input.summary.notices;
  if (notices.empty()) {
    return;
  }
  std::cout << '\n' << bold("The module itself") << '\n';
  const std::size_t skip = notices.size() - std::min(notices.size(), input.top);
  for (std::size_t index = skip; index < notices.size(); ++index) {
    const logs::Notice& notice = notices[index];
    std::cout << "  " << logs::to_text(notice.time) << "  "
              << coloured(plain(notice.action), notice.failure ? "1;31" : "0", STDOUT_FILENO)
              << "  " << plain(notice.message) << '\n';
  }
}

} // namespace

std::string title_of(const ReportInput& input) {
  const std::string filter = input.summary.filter.text();
  return (input.title.empty() ? "Delivery attempts to look-alike domains" : input.title) +
         (filter.empty() ? "" : " (only " + filter + ")");
}

std::vector<std::string> warnings_of(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  std::vector<std::string> warnings;
  std::uint64_t missing = 0;
  for (const auto& gap : summary.gaps()) {
    missing += gap.size();
  }
  if (missing > 0 || summary.events_lost > 0) {
    warnings.push_back(counted(std::max(missing, summary.events_lost), "event") +
                       " missing: what follows may lack attempts");
  }
  const std::string usual = summary.usual_policy();
  std::vector<std::string> silent, other;
  for (const auto& [name, entry] : summary.resolvers.entries()) {
    if (summary.is_silent(entry.value)) {
      silent.push_back(name);
    } else if (!entry.value.policy.empty() && entry.value.policy != usual) {
      other.push_back(name);
    }
  }
  const auto warn = [&](std::vector<std::string>& names, const std::string& what) {
    constexpr std::size_t most_named = 5;
    if (names.empty()) {
      return;
    }
    std::ranges::sort(names);
    std::string text = counted(names.size(), "resolver") + ' ' + what + ": ";
    for (std::size_t index = 0; index < std::min(names.size(), most_named); ++index) {
      text.append(index == 0 ? "" : ", ").append(names[index]);
    }
    warnings.push_back(text + (names.size() > most_named ? " ..." : ""));
  };
  warn(silent, "silent for over a day before the last event");
  warn(other, "with another policy than most");
  return warnings;
}

void print_report(const ReportInput& input) {
  print_head(input);
  if (input.summary.attempts > 0) {
    print_let_through(input);
    print_timeline(input.summary.timeline);
    print_lists(input);
    print_new_domains(input);
  }
  print_discovered(input);
  print_resolvers(input);
  print_notices(input);
  print_missing(input);
}

} // namespace nearmiss::cli
