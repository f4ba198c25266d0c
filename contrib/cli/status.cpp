// `status` and `reload`: what the running module says on its control socket.
#include "contrib/cli/commands.hpp"
#include "contrib/cli/control.hpp"
#include "contrib/cli/text.hpp"

#include <iostream>
#include <memory>

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

namespace {

// "last_reload.outcome: loaded": names are those of --json.
void print_fields(const ControlAnswer& value, const std::string& name) {
  if (value.is_object() || (value.is_array() && !value.empty() && value.front().is_object())) {
    for (const auto& [key, part] : value.items()) {
      print_fields(part, name.empty() ? key : name + '.' + key);
    }
  } else if (value.is_array()) {
    for (const ControlAnswer& item : value) {
      std::cout << name << ": " << plain(text_of(item)) << '\n';
    }
  } else {
    std::cout << name << ": " << plain(text_of(value)) << '\n';
  }
}

bool refused(const ControlAnswer& reload) {
  return reload.value("outcome", "") == "refused";
}

void warn(const std::string& what) {
  std::cerr << "nearmiss: " << coloured("warning:", "1;35", STDERR_FILENO) << ' ' << plain(what)
            << '\n';
}

// What an admin should not overlook among the fields.
void print_warnings(const ControlAnswer& status) {
  const std::string module_version = status.value("version", "");
  if (module_version != NEARMISS_VERSION) {
    warn("the running module is version " + module_version +
         ", this command is version " NEARMISS_VERSION);
  }
  for (const ControlAnswer& what : status.value("restart_needed", ControlAnswer::array())) {
    warn(text_of(what));
  }
  if (status.contains("update_needed")) {
    warn(text_of(status["update_needed"]));
  }
  const ControlAnswer switched = status.value("switched", ControlAnswer::object());
  if (switched.value("mode", "") == "observe") {
    warn("nothing is blocked: the mode is observe" +
         (switched.contains("mode_until") ? " until " + text_of(switched["mode_until"])
                                          : std::string()) +
         (switched.value("mode_of_policy", "") == "observe" ? "" : ", by command"));
  }
  if (switched.contains("state_problem")) {
    warn("the state file was not taken: " + text_of(switched["state_problem"]));
  }
}

int status(const ControlOptions& options) {
  const ControlAnswer answer = ask(options, "status");
  if (options.json) {
    std::cout << answer.dump(2) << '\n';
  } else {
    print_fields(answer, "");
    std::cout.flush();
    print_warnings(answer);
  }
  return answer.contains("last_reload") && refused(answer["last_reload"]) ? exit_no : exit_fine;
}

int reload(const ControlOptions& options) {
  const ControlAnswer answer = ask(options, "reload");
  if (options.json) {
    std::cout << answer.dump(2) << '\n';
  } else if (refused(answer)) {
    std::cerr << plain(answer.value("error", "")) << '\n'
              << coloured("refused", "1;31", STDERR_FILENO)
              << ": the last good policy stays in force\n";
  } else {
    std::cout << answer.value("outcome", "") << ", generation " << text_of(answer["generation"])
              << '\n';
  }
  return refused(answer) ? exit_no : exit_fine;
}

Command add_control_command(CLI::App& app, const char* name, const char* description,
                            unsigned timeout, int (*run)(const ControlOptions&)) {
  const auto options = std::make_shared<ControlOptions>();
  options->timeout = timeout;
  CLI::App* command = app.add_subcommand(name, description);
  add_control_options(*command, *options);
  command->footer("Exit codes: 0 success, 1 the last reload was refused, 2 the module cannot be "
                  "asked.");
  return {command, [options, run] { return run(*options); }};
}

} // namespace

Command add_status(CLI::App& app) {
  constexpr unsigned patience = 10;
  return add_control_command(app, "status", "Say how the running module is", patience, status);
}

Command add_reload(CLI::App& app) {
  constexpr unsigned patience = 600; // large lists are read in idle time
  return add_control_command(app, "reload", "Make the running module read its policy again",
                             patience, reload);
}

} // namespace nearmiss::cli
