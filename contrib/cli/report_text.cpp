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

constexpr std::size_t label_columns = 34;
constexpr std::size_t widest_label = 60; // a longer one moves its row alone
constexpr std::size_t number_columns = 10;

std::string bold(const std::string& text) {
  return coloured(text, "1", STDOUT_FILENO);
}

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  if (whole < 120) {
    return std::to_string(whole) + " s";
  }
  if (whole < 7200) {
    return std::to_string((whole + 30) / 60) + " min";
  }
  if (whole < 2 * 86400) {
    return std::to_string((whole + 1800) / 3600) + " h";
  }
  return std::to_string((whole + 43200) / 86400) + " days";
}

const char* colour_of(logs::Outcome outcome) {
  switch (outcome) {
  case logs::Outcome::let_through:
    return "1;31";
  case logs::Outcome::queued:
    return "33";
  case logs::Outcome::sinkhole:
    return "36";
  case logs::Outcome::bounced:
    return "32";
  }
  return "0";
}

void print_head(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  std::cout << bold("Delivery attempts to look-alike domains") << '\n';
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
    if (count > 0) {
      std::cout << "  " << right(grouped(count), number_columns) << "  "
                << coloured(padded(to_string(outcome), 12), colour_of(outcome), STDOUT_FILENO)
                << ' ' << meaning(outcome) << '\n';
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

template<typename Value>
void print_list_head(const std::string& title, const logs::Frequent<Value>& keys, std::size_t shown,
                     std::size_t columns, const std::string& more) {
  std::string head = title;
  if (shown < keys.size()) {
    head +=
        " (" + grouped(shown) + " of " + (keys.exact() ? "" : "over ") + grouped(keys.size()) + ')';
  }
  std::cout << '\n'
            << bold(padded(head, columns + 2) + right("attempts", number_columns) +
                    right("lookups", number_columns) + "  " + more)
            << '\n';
}

void print_row(const std::string& label, std::size_t columns, const logs::Tally& tally,
               const std::string& more) {
  std::cout << "  " << padded(label, columns) << right(grouped(tally.attempts), number_columns)
            << right(grouped(tally.lookups), number_columns) << "  " << plain(more) << '\n';
}

// A row for each of the first keys; `label` and `more_text` make its texts.
template<typename Value, typename Label, typename More>
void print_list(const std::string& title, const ReportInput& input,
                const logs::Frequent<Value>& keys, const std::string& more_head, Label label,
                More more_text) {
  const auto top = keys.top(input.top, logs::more);
  if (top.empty()) {
    return;
  }
  std::vector<std::string> labels;
  std::size_t columns = label_columns;
  for (const auto& [key, entry] : top) {
    labels.push_back(plain(label(key, entry->value)));
    columns = std::max(columns, std::min(width(labels.back()), widest_label));
  }
  print_list_head(title, keys, top.size(), columns, more_head);
  for (std::size_t index = 0; index < top.size(); ++index) {
    print_row(labels[index], columns, top[index].second->value,
              more_text(top[index].second->value));
  }
  if (!keys.exact()) {
    std::cout << "  rare ones were dropped; no count is short by more than "
              << grouped(keys.undercount()) << '\n';
  }
}

std::string rhythm(const logs::Pair& pair) {
  if (const auto interval = pair.regular_interval()) {
    return "every " + duration(*interval) + ": a program?";
  }
  return pair.retries == 0   ? ""
         : pair.retries == 1 ? "1 retry"
                             : grouped(pair.retries) + " retries";
}

void print_lists(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  const auto key_itself = [](std::string_view key, const logs::Tally&) { return std::string(key); };
  const auto last = [](const logs::Tally& tally) { return "last " + logs::to_text(tally.last); };
  print_list("Mail servers", input, summary.clients, "group, last attempt", key_itself,
             [&](const logs::Tally& tally) {
               return (tally.client_group.empty() ? "" : tally.client_group + ", ") + last(tally);
             });
  print_list("Domains", input, summary.domains, "meant, class, rule", key_itself,
             [](const logs::Tally& tally) {
               std::string text = tally.intended.empty() ? "?" : tally.intended;
               for (const std::string& part : {tally.confusable_class, tally.rule}) {
                 text += part.empty() ? "" : ", " + part;
               }
               return text;
             });
  print_list(
      "Who sends where", input, summary.pairs, "rhythm",
      [](std::string_view, const logs::Pair& pair) { return pair.client + " → " + pair.domain; },
      rhythm);
  print_list("Intended domains", input, summary.intended, "", key_itself, last);
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
    return;
  }
  std::vector<std::pair<logs::Instant, std::string_view>> fresh;
  for (const auto& [domain, entry] : summary.domains.entries()) {
    if (summary.is_new(domain) == true) {
      fresh.emplace_back(entry.value.first, domain);
    }
  }
  std::ranges::sort(fresh);
  std::cout << '\n'
            << bold("New domains") << ", not asked for before the period: " << grouped(fresh.size())
            << '\n';
  for (std::size_t index = 0; index < std::min(fresh.size(), input.top); ++index) {
    std::cout << "  " << padded(plain(fresh[index].second), label_columns) << "  first "
              << logs::to_text(fresh[index].first) << '\n';
  }
  if (fresh.size() > input.top) {
    std::cout << "  and " << grouped(fresh.size() - input.top) << " more\n";
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
    std::cout << "  " << padded(plain(client), label_columns)
              << right(grouped(entry->value.events), number_columns) << "  last "
              << logs::to_text(entry->value.last) << ", for " << plain(entry->value.name) << '\n';
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
  if (missing == 0 && summary.events_lost == 0 && input.stream.damage().count() == 0) {
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

void print_report(const ReportInput& input) {
  print_head(input);
  if (input.summary.attempts > 0) {
    print_timeline(input.summary.timeline);
    print_lists(input);
    print_new_domains(input);
  }
  print_discovered(input);
  print_notices(input);
  print_missing(input);
}

} // namespace nearmiss::cli
