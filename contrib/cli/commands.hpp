// The commands of `nearmiss`, each a function from its options to the exit code.
#pragma once

#include "config/config.hpp"

#include <array>
#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}
namespace nearmiss::logs {
class Damage;
}

namespace nearmiss::cli {

inline constexpr int exit_fine = 0;
inline constexpr int exit_no = 1;     // the answer is no: a wrong policy, a name that is no name
inline constexpr int exit_cannot = 2; // no answer: no such file, wrong options

struct CheckOptions {
  std::string file;
  bool json = false;
};
int check(const CheckOptions& options);

struct ExplainOptions {
  std::string config;
  std::string client; // empty: chosen from the policy
  std::string type = "MX";
  bool tcp = false;
  bool json = false;
  std::vector<std::string> names;
};
int explain(const ExplainOptions& options);

// The options of `generate` that are words; the first is the default.
inline constexpr std::array<const char*, 4> generate_formats{"domains", "rpz", "yaml", "postfix"};

struct GenerateOptions {
  std::vector<std::string> domains;
  std::string format = generate_formats[0];
  std::vector<std::string> classes{"default"}; // names of classes, `default`, `all`
  bool json = false;                           // instead of a format
};
int generate(const GenerateOptions& options);

struct ControlOptions {
  std::string config; // the policy, which names the socket
  std::string socket; // empty: that one
  bool json = false;
};
int status(const ControlOptions& options);
int reload(const ControlOptions& options);

// A command that brings its own options: `run` is what to do if `app` was named.
struct Command {
  CLI::App* app;
  std::function<int()> run;
};
Command add_simulate(CLI::App& app);
Command add_report(CLI::App& app);
Command add_tail(CLI::App& app);
Command add_verify(CLI::App& app);

// To stderr, as compilers print them, in colour on a terminal.
void print(const std::vector<Diagnostic>& diagnostics);

// Wraps `text` in the SGR `code` if `descriptor` is a terminal and NO_COLOR is not set.
std::string coloured(const std::string& text, const char* code, int descriptor);

// To stderr: how many lines of the logs could not be read, and which the first of them are.
void print_damage(const std::string& command, const logs::Damage& damage);

std::chrono::sys_days today();

} // namespace nearmiss::cli
