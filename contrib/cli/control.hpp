// What the commands have in common that ask the running module on its control socket.
#pragma once

#include "contrib/cli/commands.hpp"

#include <chrono>
#include <string>

#include <nlohmann/json.hpp>

namespace nearmiss::cli {

using ControlAnswer = nlohmann::ordered_json;

struct ControlOptions {
  std::string config; // the policy, which names the socket
  std::string socket; // empty: that one
  bool json = false;
  unsigned timeout = 10; // seconds, for the whole answer
};

// Adds the options that all of these commands have. `options` must outlive the parsing.
void add_control_options(CLI::App& command, ControlOptions& options);

// The answer to a command. Throws std::runtime_error if there is none in time.
ControlAnswer ask(const ControlOptions& options, const std::string& command);

// A value as text.
std::string text_of(const ControlAnswer& value);

} // namespace nearmiss::cli
