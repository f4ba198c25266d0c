// `nearmiss --describe`: the commands and their options as JSON, from the parser's own description.
// The manual page and the shell completions are made of it (contrib/doc/documents.py).
#include "contrib/cli/commands.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

using Json = nlohmann::ordered_json;

Json description_of(const CLI::Option& option) {
  Json json;
  if (option.get_positional()) {
    json["name"] = option.get_name(true);
  } else {
    Json names = Json::array();
    for (const std::string& name : option.get_snames()) {
      names.push_back('-' + name);
    }
    for (const std::string& name : option.get_lnames()) {
      names.push_back("--" + name);
    }
    json["names"] = names;
  }
  json["description"] = option.get_description();
  json["takes"] = option.get_items_expected_max() == 0 ? "" : option.get_type_name();
  json["many"] = option.get_items_expected_max() > 1;
  json["required"] = option.get_required();
  json["default"] = option.get_default_str();
  json["environment"] = option.get_envname();
  return json;
}

Json description_of(const CLI::App& app) {
  Json json{{"name", app.get_name()},
            {"description", app.get_description()},
            {"footer", app.get_footer()}};
  json["options"] = Json::array();
  json["positionals"] = Json::array();
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) { // else it is hidden
      json[option->get_positional() ? "positionals" : "options"].push_back(description_of(*option));
    }
  }
  return json;
}

} // namespace

std::string description(const CLI::App& app) {
  Json json = description_of(app);
  json["commands"] = Json::array();
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) {
      Json one = description_of(*command);
      one["group"] = command->get_group();
      json["commands"].push_back(one);
    }
  }
  return json.dump(2);
}

} // namespace nearmiss::cli
