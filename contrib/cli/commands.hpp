// The commands of `nearmiss`, a file each, and what they have in common.
#pragma once

#include "config/config.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}
namespace nearmiss::logs {
class Damage;
enum class Outcome : std::uint8_t;
} // namespace nearmiss::logs

namespace nearmiss::cli {

inline constexpr int exit_fine = 0;
inline constexpr int exit_no = 1;     // the answer is no: a wrong policy, a name that is no name
inline constexpr int exit_cannot = 2; // no answer: no such file, wrong options

// A command brings its own options: `run` is what to do if `app` was named, and gives the exit
// code.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};
Command add_allow(CLI::App& app);
Command add_check(CLI::App& app);
Command add_enforce(CLI::App& app);
Command add_explain(CLI::App& app);
Command add_export(CLI::App& app);
Command add_generate(CLI::App& app);
Command add_learn(CLI::App& app);
Command add_observe(CLI::App& app);
Command add_reload(CLI::App& app);
Command add_report(CLI::App& app);
Command add_simulate(CLI::App& app);
Command add_sinkhole(CLI::App& app);
Command add_status(CLI::App& app);
Command add_tail(CLI::App& app);
Command add_verify(CLI::App& app);

// The commands and options of `app` as JSON, for the documents.
std::string description(const CLI::App& app);

// `--config`, by which most commands are told the policy; `config` must outlive the parsing.
void add_config_option(CLI::App& command, std::string& config);

// config's load() as of today, with a line on a terminal while it takes over a second.
LoadResult load_policy(const std::string& file);

// To stderr, as compilers print them, in colour on a terminal.
void print(const std::vector<Diagnostic>& diagnostics);

// The SGR code of each outcome of a lookup or attempt, worst first: red, yellow, cyan, green.
const char* colour_of(logs::Outcome outcome);

// Wraps `text` in the SGR `code` if `descriptor` is a terminal and NO_COLOR is not set.
std::string coloured(const std::string& text, const char* code, int descriptor);

// Has the reader of stdout, a pipe, gone? Waits that long for it to go.
bool nobody_reads_on(std::chrono::milliseconds patience);

// To stderr: how many lines of the logs could not be read, and which the first of them are.
void print_damage(const std::string& command, const logs::Damage& damage);

std::chrono::sys_days today();

} // namespace nearmiss::cli
