// A policy file, read and checked.
//
// load() reads the YAML and the lists it names and either returns a Config, with warnings, or no
// Config and every error of the file at once. It never returns half a policy.
#pragma once

#include "rules/policy.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

enum class Severity { error, warning, note }; // a note asks for nothing

std::string_view to_string(Severity severity) noexcept; // "error"

struct Diagnostic {
  Severity severity;
  std::string file;
  std::size_t line = 0;   // from 1; 0: the whole file
  std::size_t column = 0; // from 1
  std::string message;    // what is wrong, and what to write instead
};

// "FILE:LINE:COLUMN: error: message"
std::string to_text(const Diagnostic& diagnostic);

// Where blocked clients are sent by `action: sinkhole`.
struct Sinkhole {
  std::optional<ClientAddress> ipv4, ipv6;
  std::optional<Name> mx; // absent: the name that was asked
};

struct LogSettings {
  std::filesystem::path file; // empty: no file
  friend bool operator==(const LogSettings&, const LogSettings&) = default;
};

// Where the running module answers `nearmiss status`.
struct ControlSettings {
  std::filesystem::path socket; // a Unix socket; never empty after load()
};

// A list as it was loaded: what the next load compares its size with.
struct LoadedList {
  std::filesystem::path file;
  std::size_t names = 0; // those that came again counted again
};

// What the module runs on. Immutable after load().
struct Config {
  Policy policy;
  Sinkhole sinkhole;
  LogSettings log;
  ControlSettings control;
  std::optional<ClientAddress> first_client; // of the first group of clients; absent: no groups
  std::string ruleset;                       // the policy file's name, as printable() text
  std::string digest;                        // SHA-256 of the policy file and its lists, hex
  std::vector<std::filesystem::path> files;  // the policy file, then each list it read
  std::vector<LoadedList> lists;             // in the policy's order
};

struct LoadResult {
  std::shared_ptr<const Config> config;     // null if there is any error
  std::vector<Diagnostic> diagnostics;      // in the file's order
  bool readable = false;                    // the policy file could be read, right or wrong
  std::vector<std::filesystem::path> files; // those asked for, the policy first, right or wrong
};

// Reads `file`; relative paths inside it are relative to its folder. `today` decides which rules
// have expired. `previous`: the policy in force, or null; a list that has shrunk since then by more
// than its `max_shrink` is an error. Throws std::bad_alloc only.
LoadResult load(const std::filesystem::path& file, std::chrono::sys_days today,
                const Config* previous = nullptr);

} // namespace nearmiss
