// The journal's native protocol (systemd, "Native Journal Protocol"): a datagram an event, of lines
// KEY=value; a value that holds a newline stands with its length in front.
#include "module/answer.hpp"
#include "module/events/format.hpp"
#include "module/events/json.hpp"

#include <array>

namespace nearmiss {

namespace {

void append(LineBuffer& out, std::string_view key, std::string_view value) {
  out += key;
  if (value.find('\n') == std::string_view::npos) {
    out += '=';
  } else {
    out += '\n';
    for (std::size_t octet = 0; octet < 8; ++octet) { // the length, least octet first
      out += static_cast<char>(value.size() >> (8 * octet) & 0xff);
    }
  }
  out += value;
  out += '\n';
}

void append_optional(LineBuffer& out, std::string_view key, std::string_view value) {
  if (!value.empty()) {
    append(out, key, value);
  }
}

void append_number(LineBuffer& out, std::string_view key, std::uint64_t value) {
  out += key;
  out += '=';
  out.append_number(value);
  out += '\n';
}

// "nearmiss.rules_added" -> "NEARMISS_RULES_ADDED", "file.path" -> "NEARMISS_FILE_PATH".
std::string journal_key(std::string_view name) {
  constexpr std::string_view own = "nearmiss.";
  std::string key = "NEARMISS_";
  for (const char c : name.substr(name.starts_with(own) ? own.size() : 0)) {
    key += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : (c == '.' ? '_' : c);
  }
  return key;
}

std::string plain_text(const Notice::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* number = std::get_if<std::uint64_t>(&value)) {
    return std::to_string(*number);
  }
  std::string all;
  for (const std::string& item : std::get<std::vector<std::string>>(value)) {
    all += (all.empty() ? "" : " ") + item;
  }
  return all;
}

class JournalFormat : public EventFormat {
 public:
  explicit JournalFormat(const EventOrigin& origin) : id_prefix_(origin.id_prefix) {}

  void append(const Event& event, LineBuffer& out) const override {
    out += "SYSLOG_IDENTIFIER=nearmiss\nNEARMISS_EVENT_ID=";
    out += id_prefix_;
    out += '-';
    out.append_number(event.sequence);
    out += '\n';
    append_number(out, "NEARMISS_SEQUENCE", event.sequence);
    nearmiss::append(out, "NEARMISS_TIMESTAMP", event.timestamp);
    if (event.policy != nullptr) {
      append_number(out, "NEARMISS_POLICY_GENERATION", event.policy->generation());
      nearmiss::append(out, "NEARMISS_POLICY_VERSION", event.policy->version());
      nearmiss::append(out, "NEARMISS_RULESET", event.policy->config().ruleset);
    }
    if (event.notice != nullptr) {
      append_notice(*event.notice, out);
    } else {
      append_attempt(event, out);
    }
  }

 private:
  static void append_attempt(const Event& event, LineBuffer& out) {
    const Rule& rule = *event.rule;
    out +=
        event.enforced ? "PRIORITY=4\nNEARMISS_ENFORCED=1\n" : "PRIORITY=5\nNEARMISS_ENFORCED=0\n";
    std::string message(event.client);
    message += " asked for ";
    message += event.qname;
    message += ' ';
    message += event.type;
    if (!event.intended.empty()) {
      message += ", meant ";
      message += event.intended;
    }
    message += event.enforced                  ? ": blocked ("
               : event.action == Action::allow ? ": let through ("
                                               : ": observed (";
    message += to_string(event.action);
    message += ", rule ";
    message += rule.id;
    message += ')';
    nearmiss::append(out, "MESSAGE", message);
    nearmiss::append(out, "NEARMISS_ACTION", to_string(event.action));
    nearmiss::append(out, "NEARMISS_CLIENT", event.client);
    append_number(out, "NEARMISS_CLIENT_PORT", event.client_port);
    append_optional(out, "NEARMISS_CLIENT_GROUP", event.client_group);
    nearmiss::append(out, "NEARMISS_TRANSPORT", event.tcp ? "tcp" : "udp");
    nearmiss::append(out, "NEARMISS_QNAME", event.qname);
    nearmiss::append(out, "NEARMISS_QTYPE", event.type);
    append_optional(out, "NEARMISS_REGISTERED_DOMAIN", event.registered_domain);
    if (event.rcode >= 0) {
      nearmiss::append(out, "NEARMISS_RCODE", to_string(static_cast<Rcode>(event.rcode)));
    }
    append_optional(out, "NEARMISS_RESOLVED_IP", event.resolved_ip);
    nearmiss::append(out, "NEARMISS_RULE_ID", rule.id);
    append_optional(out, "NEARMISS_RULE_CATEGORY", rule.category);
    append_optional(out, "NEARMISS_RULE_DESCRIPTION", rule.reason);
    append_optional(out, "NEARMISS_RULE_REFERENCE", rule.reference);
    append_optional(out, "NEARMISS_RULE_OWNER", rule.owner);
    append_optional(out, "NEARMISS_TICKET", rule.ticket);
    append_optional(out, "NEARMISS_INTENDED_DOMAIN", event.intended);
    append_optional(out, "NEARMISS_CONFUSABLE_CLASS", event.confusable_class);
    nearmiss::append(out, "NEARMISS_MATCHED_NAME", event.matched);
    nearmiss::append(out, "NEARMISS_MATCHED_BY", to_string(event.matched_by));
  }

  static void append_notice(const Notice& notice, LineBuffer& out) {
    out += notice.success ? "PRIORITY=6\n" : "PRIORITY=3\n";
    nearmiss::append(out, "MESSAGE", notice.message);
    nearmiss::append(out, "NEARMISS_ACTION", notice.action);
    for (const Notice::Field& field : notice.fields) {
      nearmiss::append(out, journal_key(field.name), plain_text(field.value));
    }
  }

  std::string id_prefix_;
};

} // namespace

std::unique_ptr<const EventFormat> make_journal_format(const EventOrigin& origin) {
  return std::make_unique<JournalFormat>(origin);
}

} // namespace nearmiss
