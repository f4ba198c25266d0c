// `observe`, `enforce` and `allow`: switch the running module, whatever the policy file says.
#include "contrib/cli/commands.hpp"
#include "contrib/cli/control.hpp"
#include "contrib/cli/text.hpp"

#include <charconv>
#include <iostream>
#include <memory>

#include <unistd.h>

#include <CLI/CLI.hpp>

namespace nearmiss::cli {

namespace {

struct SwitchOptions {
  ControlOptions control;
  std::string duration; // as written; empty: none
  std::string name, ticket, client;
  bool list = false;
  std::string take_back;
};

// "90m", "2h", "1h30m", "7d" in seconds. nullopt: not written like that, or none at all.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  constexpr std::int64_t most = 1'000'000;
  std::int64_t all = 0;
  while (!text.empty()) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto digits = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || number < 0 || number > most || digits == text.size()) {
      return std::nullopt;
    }
    const char unit = text[digits];
    const std::int64_t factor = unit == 's'   ? 1
                                : unit == 'm' ? 60
                                : unit == 'h' ? 3600
                                : unit == 'd' ? 86400
                                              : 0;
    if (factor == 0) {
      return std::nullopt;
    }
    all += number * factor;
    text.remove_prefix(digits + 1);
  }
  return all > 0 ? std::optional(all) : std::nullopt;
}

ControlAnswer request_for(const char* command, const SwitchOptions& options) {
  ControlAnswer request{{"command", command}};
  if (!options.duration.empty()) {
    const auto seconds = seconds_of(options.duration);
    if (!seconds) {
      throw std::runtime_error("--for " + plain(options.duration) +
                               ": no length of time; write 90m, 2h or 7d");
    }
    request["for"] = *seconds;
  }
  for (const auto& [key, value] :
       {std::pair("ticket", options.ticket), std::pair("client", options.client)}) {
    if (!value.empty()) {
      request[key] = value;
    }
  }
  return request;
}

void print_mode(const ControlAnswer& answer) {
  std::cout << answer.value("mode", "")
            << (answer.contains("mode_until") ? " until " + text_of(answer["mode_until"])
                                              : std::string())
            << (answer.contains("mode_since")
                    ? " (the policy says " + answer.value("mode_of_policy", "") + ")"
                    : std::string(", as the policy says"))
            << '\n';
}

void print_allowed(const ControlAnswer& answer) {
  for (const ControlAnswer& allowed : answer.value("allowed", ControlAnswer::array())) {
    std::cout << plain(allowed.value("name", "")) << " until " << allowed.value("until", "");
    for (const char* const key : {"client", "ticket"}) {
      if (allowed.contains(key)) {
        std::cout << ", " << key << ' ' << plain(text_of(allowed[key]));
      }
    }
    std::cout << '\n';
  }
}

// The exit code; what was refused goes to stderr.
int conclude(const ControlAnswer& answer, const ControlOptions& options,
             void (*print)(const ControlAnswer&)) {
  const bool refused = answer.contains("error");
  if (options.json) {
    std::cout << answer.dump(2) << '\n';
  } else if (refused) {
    std::cerr << coloured("refused: ", "1;31", STDERR_FILENO) << plain(answer.value("error", ""))
              << '\n';
  } else {
    print(answer);
    if (answer.contains("warning")) {
      std::cerr << "nearmiss: " << plain(answer.value("warning", "")) << '\n';
    }
  }
  return refused ? exit_no : exit_fine;
}

CLI::App* add_switch(CLI::App& app, SwitchOptions& options, const char* name,
                     const char* description) {
  CLI::App* command = app.add_subcommand(name, description);
  add_control_options(*command, options.control);
  command->add_option("--for", options.duration, "for how long, as 90m, 2h or 7d");
  command->footer("It is in force at once, whatever the policy file says, over reloads and "
                  "restarts.\nExit codes: 0 success, 1 refused, 2 the module cannot be asked.");
  return command;
}

Command add_mode(CLI::App& app, const char* mode, const char* description) {
  const auto options = std::make_shared<SwitchOptions>();
  CLI::App* command = add_switch(app, *options, mode, description);
  return {command, [options, mode] {
            const ControlAnswer request = request_for(mode, *options);
            return conclude(ask(options->control, request.dump()), options->control, print_mode);
          }};
}

int allow(const SwitchOptions& options) {
  if (options.list) {
    ControlAnswer answer = ask(options.control, "status");
    return conclude(answer.value("switched", ControlAnswer::object()), options.control,
                    print_allowed);
  }
  const bool takes_back = !options.take_back.empty();
  ControlAnswer request = request_for(takes_back ? "take-back" : "allow", options);
  request["name"] = takes_back ? options.take_back : options.name;
  return conclude(ask(options.control, request.dump()), options.control, print_allowed);
}

} // namespace

Command add_observe(CLI::App& app) {
  return add_mode(app, "observe", "Block nothing for a while, and log what would be blocked");
}

Command add_enforce(CLI::App& app) {
  return add_mode(app, "enforce", "Block again, after `observe` or though the policy observes");
}

Command add_allow(CLI::App& app) {
  const auto options = std::make_shared<SwitchOptions>();
  CLI::App* command =
      add_switch(app, *options, "allow", "Let a name, and what is below it, through for a while");
  auto* name = command->add_option("NAME", options->name, "the domain");
  auto* ticket = command->add_option("--ticket", options->ticket, "who wants it, for the events");
  command->add_option("--client", options->client, "for this group of clients alone");
  auto* list = command->add_flag("--list", options->list, "show what is let through");
  auto* back = command->add_option("--take-back", options->take_back,
                                   "let this name through no "
                                   "more");
  auto* duration = command->get_option("--for");
  list->excludes(name, back, duration, ticket);
  back->excludes(name, duration, ticket);
  return {command, [options] {
            if (!options->list && options->take_back.empty() &&
                (options->name.empty() || options->duration.empty())) {
              std::cerr << "nearmiss allow: write the name and for how long: nearmiss allow "
                           "partner.example --for 2h --ticket 4711\n";
              return exit_cannot;
            }
            return allow(*options);
          }};
}

} // namespace nearmiss::cli
