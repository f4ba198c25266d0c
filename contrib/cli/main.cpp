#include "contrib/cli/commands.hpp"
#include "contrib/cli/text.hpp"
#include "contrib/logs/log_file.hpp"

#include <cstdlib>
#include <exception>
#include <iostream>

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

void print(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) {
    const std::string text = to_text(diagnostic);
    const std::string word = std::string(to_string(diagnostic.severity)) + ':';
    const char* const colour = diagnostic.severity == Severity::error     ? "1;31"
                               : diagnostic.severity == Severity::warning ? "1;35"
                                                                          : "1;36";
    // The last thing before the message, so nothing in the file's name is taken for it.
    const std::size_t at = text.size() - diagnostic.message.size() - word.size() - 1;
    std::cerr << text.substr(0, at) << coloured(word, colour, STDERR_FILENO)
              << text.substr(at + word.size()) << '\n';
  }
}

void print_damage(const std::string& command, const logs::Damage& damage) {
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

std::chrono::sys_days today() {
  return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
}

} // namespace nearmiss::cli

namespace {

constexpr const char* default_policy = "/etc/unbound/nearmiss.yaml";

// A command that talks to the running module.
CLI::App* add_control_command(CLI::App& app, const char* name, const char* description,
                              nearmiss::cli::ControlOptions& options) {
  options.config = default_policy;
  CLI::App* command = app.add_subcommand(name, description);
  command
      ->add_option("--config", options.config,
                   "the policy, which names the socket; else $NEARMISS_CONFIG, else the default")
      ->envname("NEARMISS_CONFIG")
      ->capture_default_str();
  command->add_option("--socket", options.socket, "the module's control socket; else the policy's");
  command->add_flag("--json", options.json, "print the answer as JSON");
  command->set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  command->footer("Exit codes: 0 fine, 1 the last reload was refused, 2 the module cannot be "
                  "asked.");
  return command;
}

int run(int argc, char** argv) {
  using namespace nearmiss::cli;
  CLI::App app{"nearmiss: keep mail from leaving for look-alike domains", "nearmiss"};
  app.set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  app.require_subcommand(1);
  app.footer("Exit codes: 0 fine, 1 the answer is no, 2 cannot.");

  CheckOptions check_options;
  CLI::App* check_command =
      app.add_subcommand("check", "Check a policy: all its errors, and warnings where it leaves a "
                                  "way open for mail");
  check_command->add_option("FILE", check_options.file, "the policy")->required();
  check_command->add_flag("--json", check_options.json, "print the result as JSON");
  check_command->set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  check_command->footer("Exit codes: 0 no error (there may be warnings), 1 errors, 2 the file "
                        "cannot be read.\nErrors and warnings go to stderr, the summary to "
                        "stdout.");

  ExplainOptions explain_options;
  explain_options.config = default_policy;
  CLI::App* explain_command = app.add_subcommand(
      "explain",
      "Say what the policy decides about names, by which rule, why, and which rules lost");
  explain_command
      ->add_option("--config", explain_options.config,
                   "the policy; else $NEARMISS_CONFIG, else the default")
      ->envname("NEARMISS_CONFIG")
      ->capture_default_str();
  explain_command->add_option("--client", explain_options.client,
                              "the address that asks; else the first one of the policy's first "
                              "group of clients");
  explain_command->add_option("--type", explain_options.type, "the RR type asked for")
      ->capture_default_str();
  explain_command->add_flag("--tcp", explain_options.tcp,
                            "the client asks over TCP, TLS or HTTPS; else UDP");
  explain_command->add_flag("--json", explain_options.json, "print the verdicts as JSON");
  explain_command->add_option("NAME", explain_options.names, "domain names")->required();
  explain_command->set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  explain_command->footer("Exit codes: 0 every name was explained, whether it is blocked or not; "
                          "1 one of them is no\ndomain name; 2 the policy cannot be used, or an "
                          "option is wrong.");

  GenerateOptions generate_options;
  CLI::App* generate_command = app.add_subcommand(
      "generate", "Write out the look-alikes of domains, a line each with its class");
  generate_command
      ->add_option("--format", generate_options.format,
                   "domains: a list for a rule of the policy; rpz: records of a response policy "
                   "zone; yaml: a policy; postfix: an access(5) table")
      ->check(
          CLI::IsMember(std::vector<std::string>(generate_formats.begin(), generate_formats.end())))
      ->capture_default_str();
  generate_command
      ->add_option("--classes", generate_options.classes,
                   "the classes, with commas between: `default` (what `protect` takes), `all`, or "
                   "names such as omission,homoglyph")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  generate_command->add_flag("--json", generate_options.json,
                             "print them as JSON, with their classes, in place of a format");
  generate_command->add_option("DOMAIN", generate_options.domains, "domain names")->required();
  generate_command->set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  generate_command->footer("Exit codes: 0 the look-alikes of every domain were written; 1 a DOMAIN "
                           "has none or is\nno domain name; 2 an option is wrong.");

  ControlOptions control_options;
  const CLI::App* status_command =
      add_control_command(app, "status", "Say how the running module is", control_options);
  const CLI::App* reload_command = add_control_command(
      app, "reload", "Make the running module read its policy again", control_options);

  std::vector<Command> commands{add_simulate(app), add_report(app), add_tail(app), add_verify(app)};
  for (const Command& command : commands) {
    command.app->set_version_flag("--version", "nearmiss " NEARMISS_VERSION);
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? exit_fine : exit_cannot;
  }
  if (*check_command) {
    return check(check_options);
  }
  if (*status_command) {
    return status(control_options);
  }
  if (*reload_command) {
    return reload(control_options);
  }
  for (const Command& command : commands) {
    if (*command.app) {
      return command.run();
    }
  }
  return *explain_command ? explain(explain_options) : generate(generate_options);
}

} // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "nearmiss: " << e.what() << '\n';
    return nearmiss::cli::exit_cannot;
  }
}
