#include "contrib/cli/help.hpp"

#include "config/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

namespace {

constexpr std::size_t columns = 80;

// The text in lines of at most `width` columns, broken at spaces.
std::string wrapped(const std::string& text, std::size_t width) {
  std::string all;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::size_t length = end - at;
    if (used > 0 && used + 1 + length > width) {
      all += '\n';
      used = 0;
    } else if (used > 0) {
      all += ' ';
      ++used;
    }
    all.append(text, at, length);
    used += length;
    if (end < text.size() && text[end] == '\n') {
      all += '\n';
      used = 0;
    }
    at = end + 1;
  }
  return all;
}

class Columns : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    return wrapped(option->get_description(), columns - get_column_width());
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::ostringstream out;
    CLI::detail::format_help(out, command->get_name(),
                             wrapped(command->get_description(), columns - command_width),
                             command_width);
    return out.str();
  }
  std::string make_description(const CLI::App* app) const override {
    return wrapped(app->get_description(), columns) + '\n';
  }
  // The commands write their notes in lines; they are put together again, but for examples.
  std::string make_footer(const CLI::App* app) const override {
    std::istringstream lines(app->get_footer());
    std::string all;
    std::string note;
    const auto finish = [&] {
      all += note.starts_with("Example:") ? note + '\n' : wrapped(note, columns) + '\n';
      note.clear();
    };
    for (std::string line; std::getline(lines, line);) {
      const bool begins = line.starts_with("Exit codes:") || line.starts_with("Example:");
      if (!note.empty() && (begins || note.starts_with("Example:"))) {
        finish();
      }
      note += (note.empty() ? "" : " ") + line;
    }
    finish();
    return all;
  }

 private:
  static constexpr std::size_t command_width = 14;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 14> groups{{
    {"check", "The policy"},
    {"explain", "The policy"},
    {"generate", "The policy"},
    {"simulate", "The policy"},
    {"export", "The policy"},
    {"learn", "The policy"},
    {"status", "The running module"},
    {"reload", "The running module"},
    {"observe", "The running module"},
    {"enforce", "The running module"},
    {"allow", "The running module"},
    {"report", "The events"},
    {"tail", "The events"},
    {"verify", "The events"},
}};

} // namespace

void arrange_help(CLI::App& app) {
  const auto format = std::make_shared<Columns>();
  app.formatter(format);
  for (CLI::App* command : app.get_subcommands({})) {
    command->formatter(format);
    command->group("Other");
    for (const auto& [name, group] : groups) {
      if (command->get_name() == name) {
        command->group(std::string(group));
      }
    }
  }
}

std::string unknown_command(const CLI::App& app, std::string_view written) {
  std::vector<std::string_view> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.emplace_back(command->get_name());
  }
  if (written.starts_with('-') || std::ranges::find(names, written) != names.end()) {
    return {};
  }
  const std::string_view meant = closest(written, names);
  return "there is no command " + shown(written) +
         (meant.empty() ? "; nearmiss --help shows them" : ", did you mean " + shown(meant) + '?');
}

} // namespace nearmiss::cli
