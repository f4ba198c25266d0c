#include "contrib/logs/event.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace nearmiss::logs {

namespace {

namespace json = simdjson::ondemand;

enum class Form : std::uint8_t { text, number, flag, time, millis, object };

// One key, and where its value goes. `object` is a key whose value holds others of the table.
struct Field {
  std::string_view key;
  Form form = Form::object;
  std::string_view Event::*text = nullptr;
  std::uint64_t Event::*number = nullptr;
};

constexpr Field text(std::string_view key, std::string_view Event::*member) {
  return {key, Form::text, member, nullptr};
}
constexpr Field number(std::string_view key, std::uint64_t Event::*member) {
  return {key, Form::number, nullptr, member};
}
constexpr Field object(std::string_view key) {
  return {key};
}

constexpr std::array fields{
    Field{"@timestamp", Form::time},
    text("event.kind", &Event::kind),
    text("event.action", &Event::action),
    text("event.id", &Event::id),
    text("event.dataset", &Event::dataset),
    text("event.outcome", &Event::outcome),
    number("event.sequence", &Event::sequence),
    text("log.level", &Event::level),
    text("message", &Event::message),
    text("observer.hostname", &Event::resolver),
    text("observer.version", &Event::version),
    text("source.ip", &Event::client),
    text("dns.question.name", &Event::qname),
    text("dns.question.type", &Event::qtype),
    text("dns.question.registered_domain", &Event::registered),
    text("dns.response_code", &Event::rcode),
    text("rule.id", &Event::rule),
    text("rule.category", &Event::category),
    text("rule.version", &Event::policy_version),
    text("nearmiss.intended_domain", &Event::intended),
    text("nearmiss.confusable_class", &Event::confusable_class),
    text("nearmiss.matched_name", &Event::matched_name),
    text("nearmiss.matched_by", &Event::matched_by),
    text("nearmiss.client_group", &Event::client_group),
    Field{"nearmiss.enforced", Form::flag},
    number("nearmiss.events_lost", &Event::events_lost),
    text("nearmiss.chain", &Event::chain),
    // OCSF; what it has no field for, the module puts under "unmapped".
    Field{"time", Form::millis},
    text("class_name", &Event::kind),
    text("status", &Event::outcome),
    text("metadata.log_name", &Event::dataset),
    text("metadata.event_code", &Event::action),
    text("metadata.uid", &Event::id),
    number("metadata.sequence", &Event::sequence),
    text("dst_endpoint.hostname", &Event::resolver),
    text("metadata.product.version", &Event::version),
    text("src_endpoint.ip", &Event::client),
    text("query.hostname", &Event::qname),
    text("query.type", &Event::qtype),
    text("firewall_rule.uid", &Event::rule),
    text("firewall_rule.category", &Event::category),
    text("firewall_rule.version", &Event::policy_version),
    text("unmapped.registered_domain", &Event::registered),
    text("unmapped.intended_domain", &Event::intended),
    text("unmapped.confusable_class", &Event::confusable_class),
    text("unmapped.matched_name", &Event::matched_name),
    text("unmapped.matched_by", &Event::matched_by),
    text("unmapped.client_group", &Event::client_group),
    text("unmapped.source.ip", &Event::client),
    text("unmapped.dns.question.name", &Event::qname),
    Field{"unmapped.enforced", Form::flag},
    number("unmapped.nearmiss.events_lost", &Event::events_lost),
    object("event"),
    object("log"),
    object("source"),
    object("dns"),
    object("dns.question"),
    object("rule"),
    object("nearmiss"),
    object("metadata"),
    object("src_endpoint"),
    object("query"),
    object("firewall_rule"),
    object("unmapped"),
};

// The table by key: open addressing, built once. A line has some fifty keys, so this is where the
// time goes.
class Keys {
 public:
  Keys() {
    for (const Field& field : fields) {
      std::size_t at = slot(field.key);
      while (slots_[at] != nullptr) {
        at = (at + 1) % slots_.size();
      }
      slots_[at] = &field;
    }
  }

  const Field* find(std::string_view key) const noexcept {
    for (std::size_t at = slot(key); slots_[at] != nullptr; at = (at + 1) % slots_.size()) {
      if (slots_[at]->key == key) {
        return slots_[at];
      }
    }
    return nullptr;
  }

 private:
  static std::size_t slot(std::string_view key) noexcept {
    if (key.empty()) {
      return 0;
    }
    const auto octet = [&](std::size_t at) -> std::size_t {
      return static_cast<unsigned char>(key[at]);
    };
    return (key.size() * 31 + octet(key.size() - 1) * 7 + octet(key.size() / 2) * 131) % 256;
  }

  std::array<const Field*, 256> slots_{};
};

constexpr std::size_t longest_key = 64;

// The key as it stands in the line. One with an escape in it is none of ours.
std::string_view key_of(json::field& field) {
  const char* begin = field.key().raw();
  const auto* end = static_cast<const char*>(std::memchr(begin, '"', longest_key));
  return end == nullptr ? std::string_view() : std::string_view(begin, std::size_t(end - begin));
}

constexpr std::int64_t latest_millis = 253'402'300'800'000; // the end of the year 9999

struct Walk {
  const Keys& keys;
  Event& event;
  bool has_time = false;
  const Field* wrong = nullptr; // a field whose value is of the wrong kind
};

// Puts the value where its field says. One of the wrong kind is remembered and passed over: the
// line may yet prove to be somebody else's.
simdjson::error_code take(json::value value, const Field& field, Walk& walk) {
  simdjson::error_code error = simdjson::SUCCESS;
  std::string_view written;
  std::int64_t millis = 0;
  switch (field.form) {
  case Form::text:
    error = value.get_string().get(walk.event.*field.text);
    break;
  case Form::number:
    error = value.get_uint64().get(walk.event.*field.number);
    break;
  case Form::flag:
    error = value.get_bool().get(walk.event.enforced);
    break;
  case Form::time:
    error = value.get_string().get(written);
    if (error == simdjson::SUCCESS) {
      const auto time = instant_from_rfc3339(written);
      walk.event.time = time.value_or(0);
      walk.has_time = time.has_value();
      error = time ? simdjson::SUCCESS : simdjson::INCORRECT_TYPE;
    }
    break;
  case Form::millis:
    error = value.get_int64().get(millis);
    walk.has_time = error == simdjson::SUCCESS && millis > -latest_millis && millis < latest_millis;
    walk.event.time = walk.has_time ? millis * (one_second / 1000) : 0;
    break;
  case Form::object:
    break;
  }
  const bool wrong_kind = error == simdjson::INCORRECT_TYPE || error == simdjson::NUMBER_ERROR ||
                          error == simdjson::NUMBER_OUT_OF_RANGE;
  if (!wrong_kind) {
    return error;
  }
  bool null = false; // as good as absent
  if (field.form == Form::time || value.is_null().get(null) != simdjson::SUCCESS || !null) {
    walk.wrong = &field;
  }
  return simdjson::SUCCESS;
}

// `prefix`: the keys around this object, each with a dot behind it.
simdjson::error_code walk_object(json::object& object, std::string_view prefix, Walk& walk) {
  std::array<char, 2 * longest_key> path{};
  std::ranges::copy(prefix, path.begin());
  for (auto result : object) {
    json::field field;
    if (const auto error = std::move(result).get(field)) {
      return error;
    }
    std::string_view key = key_of(field);
    if (!prefix.empty()) {
      std::memcpy(path.data() + prefix.size(), key.data(), key.size());
      key = {path.data(), prefix.size() + key.size()};
    }
    const Field* known = walk.keys.find(key);
    if (known == nullptr) {
      continue;
    }
    if (known->form != Form::object) {
      if (const auto error = take(field.value(), *known, walk)) {
        return error;
      }
      continue;
    }
    json::object inner;
    if (const auto error = field.value().get_object().get(inner)) {
      if (error == simdjson::INCORRECT_TYPE) {
        continue; // somebody else's "log": "text"
      }
      return error;
    }
    std::array<char, longest_key + 1> longer{};
    std::memcpy(longer.data(), known->key.data(), known->key.size());
    longer[known->key.size()] = '.';
    if (const auto error = walk_object(inner, {longer.data(), known->key.size() + 1}, walk)) {
      return error;
    }
  }
  return simdjson::SUCCESS;
}

} // namespace

struct EventReader::Parser {
  json::parser parser;
  Keys keys;
};

std::string_view json_of(std::string_view line) noexcept {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (line.starts_with(mark)) {
    line.remove_prefix(mark.size());
  }
  const std::size_t start = line.find_first_not_of(" \t");
  if (start == std::string_view::npos || line[start] == '{') {
    return start == std::string_view::npos ? std::string_view() : line;
  }
  // Octets of an event whose start was cut off are no header: what stands before the object must
  // end in a way that no JSON does.
  constexpr std::size_t longest_header = 2048;
  const std::size_t object = line.substr(0, longest_header).find("{\"");
  if (object == std::string_view::npos) {
    return {};
  }
  const std::string_view header = line.substr(0, object);
  return header.ends_with(' ') || header.ends_with(mark) || header.ends_with("@cee:")
             ? line.substr(object)
             : std::string_view();
}

EventReader::EventReader() : parser_(std::make_unique<Parser>()) {}
EventReader::~EventReader() = default;

EventReader::Result EventReader::read(const Line& line, Event& event) {
  event = Event();
  json::document document;
  json::object object;
  Walk walk{parser_->keys, event};
  if (line.text.find_first_not_of(" \t\r") == std::string_view::npos) {
    return Result::empty;
  }
  const std::string_view text = json_of(line.text);
  if (text.empty()) {
    why_ = "no JSON object";
    return Result::damaged;
  }
  auto error = parser_->parser
                   .iterate(simdjson::padded_string_view(text.data(), text.size(),
                                                         text.size() + LogFile::padding))
                   .get(document);
  if (!error) {
    error = document.get_object().get(object);
  }
  if (!error) {
    error = walk_object(object, {}, walk);
  }
  const char* behind = nullptr;
  if (!error && document.current_location().get(behind) == simdjson::SUCCESS) {
    error = simdjson::TRAILING_CONTENT;
  }
  if (error) {
    why_ = "no JSON object";
    return Result::damaged;
  }
  if (event.dataset != "nearmiss.dns") {
    return Result::foreign;
  }
  if (walk.wrong != nullptr) {
    why_ = std::string(walk.wrong->key) + " has a value of the wrong kind";
    return Result::damaged;
  }
  if (!walk.has_time) {
    why_ = "no @timestamp, or time";
    return Result::damaged;
  }
  if (event.is_lookup() && (event.client.empty() || event.qname.empty())) {
    why_ = event.client.empty() ? "no client's address" : "no name that was asked";
    return Result::damaged;
  }
  return Result::event;
}

} // namespace nearmiss::logs
