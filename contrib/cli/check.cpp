#include "contrib/cli/check_unbound.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/policed.hpp"
#include "contrib/cli/text.hpp"

#include <algorithm>
#include <iostream>
#include <iterator>
#include <memory>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

struct Options {
  std::string file, config;
  bool json = false, strict = false;
  std::string unbound;
  std::string module = installed_module;
};

void print_json(const Options& options, const LoadResult& result) {
  nlohmann::ordered_json json;
  json["file"] = options.file;
  json["ok"] = result.config != nullptr;
  if (result.config) {
    json["rules"] = result.config->policy.rule_count();
    json["names"] = result.config->policy.name_count();
    json["protected"] = result.config->policy.protected_count();
    json["digest"] = result.config->digest;
  }
  json["diagnostics"] = nlohmann::ordered_json::array();
  for (const Diagnostic& diagnostic : result.diagnostics) {
    json["diagnostics"].push_back({{"severity", to_string(diagnostic.severity)},
                                   {"file", diagnostic.file},
                                   {"line", diagnostic.line},
                                   {"column", diagnostic.column},
                                   {"message", diagnostic.message}});
  }
  // A file's name may hold any octet; JSON is UTF-8.
  std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

int check(const Options& options) {
  LoadResult result = load_policy(options.file);
  if (result.config) {
    std::ranges::copy(warn_of_clients(options.file, *result.config, has_local_mail_server()),
                      std::back_inserter(result.diagnostics));
  }
  const auto count = [&](Severity severity) {
    return static_cast<std::size_t>(
        std::ranges::count(result.diagnostics, severity, &Diagnostic::severity));
  };
  const std::size_t warnings = count(Severity::warning);
  const std::size_t errors = count(Severity::error);
  if (options.json) {
    print_json(options, result);
  } else {
    print(result.diagnostics);
  }
  if (result.config) {
    const std::size_t protects = result.config->policy.protected_count();
    if (!options.json) {
      std::cout << options.file << ": " << coloured("ok", "1;32", STDOUT_FILENO) << ", "
                << counted(result.config->policy.rule_count(), "rule") << ", "
                << counted(result.config->policy.name_count(), "name") << ", "
                << (protects == 0 ? "" : counted(protects, "protected domain") + ", ")
                << counted(warnings, "warning") << '\n';
    }
    return options.strict && warnings > 0 ? exit_no : exit_fine;
  }
  if (!options.json) {
    std::cout << options.file << ": "
              << coloured(result.readable ? "wrong" : "unreadable", "1;31", STDOUT_FILENO) << ", "
              << counted(errors, "error") << ", " << counted(warnings, "warning") << '\n';
  }
  return result.readable ? exit_no : exit_cannot;
}

int check_host(const Options& options) {
  const UnboundCheck result = check_unbound(options.unbound, options.module);
  const char* const word = !result.readable ? "unreadable" : result.fits ? "ok" : "wrong";
  if (options.json) {
    nlohmann::ordered_json json;
    json["unbound"] = options.unbound;
    json["module"] = options.module;
    json["ok"] = result.fits;
    json["built_for"] = result.built_for;
    json["found"] = result.found;
    json["message"] = result.what;
    std::cout << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    std::cout << coloured(word, result.fits ? "1;32" : "1;31", STDOUT_FILENO) << ": " << result.what
              << '\n';
  }
  return result.fits ? exit_fine : result.readable ? exit_no : exit_cannot;
}

} // namespace

Command add_check(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("check", "Check a policy: all its errors, and warnings where it leaves a "
                                  "way open for mail");
  CLI::Option* file =
      command->add_option("FILE", options->file, "the policy; else the one of --config");
  add_config_option(*command, options->config);
  command->add_flag("--json", options->json, "print the result as JSON");
  command->add_flag("--strict", options->strict, "warnings make the result negative too");
  CLI::Option* unbound = command->add_option(
      "--unbound", options->unbound,
      "instead of a policy, check whether this Unbound loads the module: it is built for one");
  command->add_option("--module", options->module, "that module")
      ->needs(unbound)
      ->capture_default_str();
  file->excludes(unbound);
  command->footer("Exit codes: 0 no error (there may be warnings, without --strict), 1 errors, 2 a "
                  "file cannot be read.\nErrors and warnings go to stderr, the summary to stdout.");
  return {command, [options, file] {
            if (!options->unbound.empty()) {
              return check_host(*options);
            }
            if (file->empty()) {
              options->file = options->config;
            }
            return check(*options);
          }};
}

} // namespace nearmiss::cli
