// The forms of `nearmiss report`, each made of one Summary.
#pragma once

#include "contrib/logs/event_stream.hpp"
#include "contrib/logs/summary.hpp"

#include <iosfwd>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace nearmiss::cli {

struct ReportInput {
  std::vector<std::string> logs;
  std::size_t top; // how many of each list
  const logs::EventStream& stream;
  const logs::Summary& summary;
  std::string title{}; // empty: the usual one
};

// What the report is of, for its head: the title, and the filter if there is one.
std::string title_of(const ReportInput& input);
// What is not to be missed: events that are missing, resolvers that fell silent or have another
// policy than the most. A line each, as plain text.
std::vector<std::string> warnings_of(const ReportInput& input);

void print_report(const ReportInput& input);

// What --json prints and the page holds; `bins` of the timeline at most.
nlohmann::ordered_json report_json(const ReportInput& input, std::size_t bins);

// The page, complete. Nothing in the data can become markup or script.
std::string report_html(const ReportInput& input);

} // namespace nearmiss::cli
