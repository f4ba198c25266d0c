// A policy file, read and checked.
//
// load() reads the YAML and the lists it names and either returns a Config, with warnings, or no
// Config and every error of the file at once. It never returns half a policy.
#pragma once

#include "config/file_state.hpp"
#include "rules/policy.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
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

enum class LogFormat : std::uint8_t { ecs, ocsf };

// One place that events are written to.
struct LogSink {
  enum class Kind : std::uint8_t { file, syslog_local, syslog_tcp, journald };
  Kind kind = Kind::file;
  std::filesystem::path file;        // Kind::file
  bool chain = false;                // Kind::file: a hash chain over the lines
  ClientAddress host;                // Kind::syslog_tcp
  std::uint16_t port = 0;            // Kind::syslog_tcp
  LogFormat format = LogFormat::ecs; // not of Kind::journald, which has fields of its own
  bool operator==(const LogSink&) const = default;
};

struct LogSettings {
  std::vector<LogSink> sinks; // empty: no events are written
  bool discover = false;      // tell of mail servers that are in no group of clients
  bool allowed = false;       // write an event for what an `allow` lets through, too
  std::filesystem::path file; // of the first sink that is a file; empty: there is none
  bool operator==(const LogSettings&) const = default;
};

struct MetricsSettings {
  std::filesystem::path file;  // empty: none
  std::uint32_t interval = 15; // seconds
  bool operator==(const MetricsSettings&) const = default;
};

// How the running module is asked and switched.
struct ControlSettings {
  std::filesystem::path socket; // a Unix socket; never empty after load()
  // Keeps what `nearmiss observe`, `enforce` and `allow` switched over a restart; never empty after
  // load(), and never where a restart of the machine loses it.
  std::filesystem::path state;
};

enum class ListFormat : std::uint8_t { domains, hosts, rpz, adblock, dnsmasq };

// A list as it was loaded: what the next load compares its size with, what events say of where a
// name comes from, and what metrics say of its age.
struct LoadedList {
  using Clock = std::chrono::system_clock;
  std::filesystem::path file;
  std::string rule; // the id of the rule that names it
  ListFormat format = ListFormat::domains;
  std::size_t names = 0;                        // including duplicates
  std::optional<std::uint32_t> serial{};        // of an rpz list: its SOA's
  std::optional<std::chrono::seconds> expire{}; // likewise
  Clock::time_point modified{};                 // when the file was last written
  Clock::time_point read{};                     // when it was read
  // From then on the list is too old: its file was not written for so long. Absent: never. Its
  // names stay in force.
  std::optional<Clock::time_point> stale_from{};
  // Why the list is not in force as it should be; empty: it is. Only LoadFor::start lets such a
  // list be, and a later load while it stays so.
  std::string problem{};
};

// What a policy is loaded for.
enum class LoadFor : std::uint8_t {
  check, // every mistake is one, and no policy comes of it
  // The resolver has to come up: what is wrong with a list that is not `required` is reported as an
  // error, and the policy has what could be read of it.
  start,
};

// What the module runs on. Immutable after load().
// Who blocks, for the programs of blocked clients to show (structured DNS errors).
struct Contact {
  std::string organisation;      // may be empty
  std::vector<std::string> uris; // may be empty
  std::string language = "en";   // BCP 47, of `organisation` and the rules' reasons
};

struct Config {
  Policy policy;
  Sinkhole sinkhole;
  LogSettings log;
  MetricsSettings metrics;
  ControlSettings control;
  Contact contact;
  std::optional<ClientAddress> first_client; // of the first group of clients; absent: no groups
  std::map<std::string, ClientAddress> group_clients; // the first one of each group
  std::string ruleset;                                // the policy file's name, as printable() text
  std::string digest;            // SHA-256 of the policy file and its lists, hex
  std::vector<SourceFile> files; // the policy file, then each list it read
  std::vector<LoadedList> lists; // in the policy's order
};

struct LoadResult {
  std::shared_ptr<const Config> config; // null if there is any error
  std::vector<Diagnostic> diagnostics;  // in the file's order
  bool readable = false;                // the policy file could be read, right or wrong
  std::vector<SourceFile> files;        // those asked for, the policy first, right or wrong
};

// Reads `file`; relative paths inside it are relative to its folder. `today` decides which rules
// have expired. `previous`: the policy in force, or null; a list that has shrunk since then by more
// than its `max_shrink` is an error. Throws std::bad_alloc only.
LoadResult load(const std::filesystem::path& file, std::chrono::sys_days today,
                const Config* previous = nullptr, LoadFor purpose = LoadFor::check);

// Where that policy has the control socket, right or wrong as the rest of it may be; its lists are
// not read. nullopt: the file cannot be read, or is not YAML. Throws std::bad_alloc.
std::optional<std::filesystem::path> control_socket_of(const std::filesystem::path& file);

} // namespace nearmiss
