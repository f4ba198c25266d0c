// Events read back from the log that the module writes: one JSON object a line.
//
// A header of syslog's before the object and a byte order mark are passed over.
// Both of its formats are read, ECS and OCSF. ECS keys may be flat, as they are written
// ("source.ip": ...), or nested ("source": {"ip": ...}), as many pipelines make them on the way.
// Which key is which field stands in one table, in event.cpp.
// A field that is absent is empty or zero. Where a field is there twice, the last one counts.
#pragma once

#include "contrib/logs/instant.hpp"
#include "contrib/logs/log_file.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace nearmiss::logs {

// The texts point into the line or its reader: valid until the reader's next event.
struct Event {
  Instant time = 0;
  std::string_view kind;   // event.kind, or OCSF's class_name; see is_lookup()
  std::string_view action; // "nxdomain", ..., "policy-loaded", "events-lost", ...
  std::string_view id, dataset, outcome, level, message;
  std::string_view client;                   // an IP address
  std::string_view qname, qtype, registered; // as in the DNS; `registered`: the registrable domain
  std::string_view matched_name, matched_by, rcode;
  std::string_view rule, category, policy_version;
  std::string_view intended, confusable_class, client_group;
  std::string_view resolver, version; // the host that wrote it, and its nearmiss
  std::string_view chain;             // the hash chain's value, 64 hex digits
  std::uint64_t sequence = 0;         // 0: none
  std::uint64_t events_lost = 0;
  bool enforced = false;

  // A lookup that a rule blocked or noted, as against what the module reports about itself, and
  // what a rule allowed.
  bool is_lookup() const noexcept {
    return (kind == "alert" || kind == "DNS Activity") && action != "allow";
  }
  bool failed() const noexcept { return outcome == "failure" || outcome == "Failure"; }
  // Which start of the module wrote it: `id` without the number after its last hyphen.
  std::string_view run() const noexcept { return id.substr(0, id.rfind('-')); }
};

// The JSON of a line: all of it, without a byte order mark, or what stands after syslog's header
// ("<134>1 2026-11-23T12:00:00Z mx nearmiss - - - {...", "Nov 23 12:00:00 mx nearmiss: {...");
// empty if there is none.
std::string_view json_of(std::string_view line) noexcept;

// Not safe for use by several threads.
class EventReader {
 public:
  EventReader();
  ~EventReader();
  EventReader(const EventReader&) = delete;
  EventReader& operator=(const EventReader&) = delete;

  enum class Result {
    event,
    foreign, // a JSON object that is no event of nearmiss's
    empty,   // nothing but white space
    damaged, // why() says what is wrong
  };
  Result read(const Line& line, Event& event);
  const std::string& why() const noexcept { return why_; }

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string why_;
};

} // namespace nearmiss::logs
