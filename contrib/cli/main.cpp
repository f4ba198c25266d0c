#include "contrib/cli/commands.hpp"
#include "contrib/cli/help.hpp"
#include "contrib/cli/progress.hpp"
#include "contrib/cli/text.hpp"
#include "contrib/logs/attempts.hpp"
#include "contrib/logs/log_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>

#include <poll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

std::string coloured(const std::string& text, const char* code, int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  if (isatty(descriptor) == 0 || (no_color != nullptr && *no_color != '\0')) {
    return text;
  }
  return "\x1b[" + std::string(code) + 'm' + text + "\x1b[0m";
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

void print(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    const char* const colour = diagnostic.severity == Severity::error     ? "1;31"
                               : diagnostic.severity == Severity::warning ? "1;35"
                                                                          : "1;36";
    const std::string text = to_text(diagnostic);
    const std::string word = std::string(to_string(diagnostic.severity)) + ':';
    // The last thing before the message, so nothing in the file's name is taken for it.
    const std::size_t at = text.size() - diagnostic.message.size() - word.size() - 1;
    std::cerr << text.substr(0, at) << coloured(word, colour, STDERR_FILENO)
              << text.substr(at + word.size()) << '\n';
  }
}

void print_damage(const std::string& command, const logs::Damage& damage) {
  for (const std::string& file : damage.files()) {
    std::cerr << "nearmiss " << command << ": "
              << coloured(plain(file) + ": not one of its lines was understood", "1;31",
                          STDERR_FILENO)
              << '\n';
  }
  if (damage.count() == 0) {
    return;
  }
  std::cerr << "nearmiss " << command << ": "
            << coloured(counted(damage.count(), "damaged line") + " left out", "1;35",
                        STDERR_FILENO)
            << '\n';
  for (const logs::Damage::Place& place : damage.places()) {
    std::cerr << "  " << plain(place.file) << ':' << place.line << ": " << plain(place.why) << '\n';
  }
  if (damage.count() > damage.places().size()) {
    std::cerr << "  and " << grouped(damage.count() - damage.places().size()) << " more\n";
  }
}

void add_config_option(CLI::App& command, std::string& config) {
  config = "/etc/unbound/nearmiss.yaml";
  command.add_option("--config", config, "the policy; else $NEARMISS_CONFIG, else the default")
      ->envname("NEARMISS_CONFIG")
      ->capture_default_str();
}

bool nobody_reads_on(std::chrono::milliseconds patience) {
  pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return poll(&output, 1, static_cast<int>(patience.count())) > 0 &&
         (output.revents & (POLLERR | POLLHUP)) != 0;
}

LoadResult load_policy(const std::string& file) {
  const Busy busy("reading " + file);
  return load(file, today());
}

std::chrono::sys_days today() {
  return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
}

} // namespace nearmiss::cli

namespace {

int run(int argc, char** argv) {
  using namespace nearmiss::cli;
  CLI::App app{"nearmiss: keep mail from leaving for look-alike domains", "nearmiss"};
  app.set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 success, 1 negative result, 2 error.");
  const std::vector<Command> commands{
      add_check(app),  add_explain(app),  add_generate(app), add_learn(app),   add_simulate(app),
      add_export(app), add_status(app),   add_reload(app),   add_report(app),  add_tail(app),
      add_verify(app), add_sinkhole(app), add_observe(app),  add_enforce(app), add_allow(app),
  };
  for (const Command& command : commands) {
    command.app->set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  }
  arrange_help(app);
  app.add_flag_callback(
         "--describe",
         [&] {
           std::cout << description(app) << '\n';
           throw CLI::Success();
         },
         "print the commands and options as JSON")
      ->group(""); // hidden: for the documents
  if (const std::string problem = argc > 1 ? unknown_command(app, argv[1]) : std::string();
      !problem.empty()) {
    std::cerr << "nearmiss: " << problem << '\n';
    return exit_cannot;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_fine : exit_cannot;
  }
  const auto named = std::find_if(commands.begin(), commands.end(),
                                  [](const Command& command) { return command.app->parsed(); });
  return named->run(); // one is required
}

// What was printed and did not arrive, on a full disk say, is no answer. A reader that has gone
// (nearmiss report ... | head) is no failure.
int delivered(int exit_code) {
  std::cout.flush();
  if (std::cout || nearmiss::cli::nobody_reads_on(std::chrono::milliseconds(0))) {
    return exit_code;
  }
  std::cerr << "nearmiss: the output cannot be written; is its disk full?\n";
  return nearmiss::cli::exit_cannot;
}

} // namespace

int main(int argc, char** argv) {
  try {
    return delivered(run(argc, argv));
  } catch (const std::exception& e) {
    std::cerr << "nearmiss: " << e.what() << '\n';
    return nearmiss::cli::exit_cannot;
  }
}
