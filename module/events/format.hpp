// An event in the words of a schema: ECS, OCSF, or the journal's fields.
//
// Text that comes from outside (names, the policy's texts) is escaped: no query can end a string, a
// field or a line.
#pragma once

#include "module/events/event.hpp"
#include "module/events/line_buffer.hpp"

#include <memory>
#include <string>

namespace nearmiss {

// For one thread.
class EventFormat {
 public:
  EventFormat() = default;
  virtual ~EventFormat() = default;
  EventFormat(const EventFormat&) = delete;
  EventFormat& operator=(const EventFormat&) = delete;

  // Appends the event, without a newline at its end. Throws std::bad_alloc.
  virtual void append(const Event& event, LineBuffer& out) const = 0;
};

// What the events of one start of the module have in common.
struct EventOrigin {
  std::string id_prefix; // unique to this start
  std::string hostname;  // may be empty
  static EventOrigin here();
};

std::unique_ptr<const EventFormat> make_ecs_format(const EventOrigin& origin);
std::unique_ptr<const EventFormat> make_ocsf_format(const EventOrigin& origin);
std::unique_ptr<const EventFormat> make_journal_format(const EventOrigin& origin);

// ,"key":["RD","CD","DO"], of what is set; nothing if none is. `key` as in append_field().
void append_flags(LineBuffer& out, std::string_view key, const HeaderFlags& flags);

// Appends the value as JSON.
void append_value(LineBuffer& out, const Notice::Value& value);

// For EventPolicy, see there.
std::string ecs_rule(const Rule& rule, const EventPolicy& policy);
std::string ocsf_rule(const Rule& rule, const EventPolicy& policy);

} // namespace nearmiss
