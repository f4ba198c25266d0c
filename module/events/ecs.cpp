// The Elastic Common Schema, 8.11. tests/data/ecs_fields.csv has the names and types in use.
#include "module/answer.hpp"
#include "module/events/format.hpp"
#include "module/events/json.hpp"
#include "module/version.hpp"

namespace nearmiss {

namespace {

using json::append_field;
using json::append_optional;
using json::append_string;

// One or two values, the second if it is not empty.
void append_pair(LineBuffer& out, std::string_view key, std::string_view first,
                 std::string_view second) {
  out += key;
  out += '[';
  append_string(out, first);
  if (!second.empty()) {
    out += ',';
    append_string(out, second);
  }
  out += ']';
}

void append_ruleset(LineBuffer& out, const EventPolicy& policy) {
  append_field(out, R"(,"rule.ruleset":)", policy.config().ruleset);
  append_field(out, R"(,"rule.version":)", policy.version());
  append_field(out, R"(,"nearmiss.policy_generation":)", policy.generation());
}

class EcsFormat : public EventFormat {
 public:
  explicit EcsFormat(const EventOrigin& origin) : id_prefix_(origin.id_prefix) {
    LineBuffer observer;
    observer +=
        R"(,"ecs.version":"8.11.0","event.dataset":"nearmiss.dns","event.module":"nearmiss")"
        R"(,"observer.product":"nearmiss","observer.vendor":"nearmiss")"
        R"(,"observer.type":"dns-firewall")";
    append_field(observer, R"(,"observer.version":)", version);
    append_optional(observer, R"(,"observer.hostname":)", origin.hostname);
    observer_ = observer.text();
  }

  void append(const Event& event, LineBuffer& out) const override {
    out += R"({"@timestamp":")";
    out += event.timestamp;
    out += R"(","event.sequence":)";
    out.append_number(event.sequence);
    out += R"(,"event.id":")";
    out += id_prefix_;
    out += '-';
    out.append_number(event.sequence);
    out += '"';
    out += observer_;
    if (event.notice != nullptr) {
      append_notice(event, out);
    } else {
      append_attempt(event, out);
    }
    out += '}';
  }

 private:
  static void append_attempt(const Event& event, LineBuffer& out) {
    constexpr std::string_view denied =
        R"(,"event.kind":"alert","event.category":["network","intrusion_detection"])"
        R"(,"event.type":["connection","denied"],"event.outcome":"success","event.severity":5)"
        R"(,"log.level":"warning","nearmiss.enforced":true,"network.protocol":"dns")"
        R"(,"dns.type":"answer","dns.question.class":"IN")";
    constexpr std::string_view allowed =
        R"(,"event.kind":"alert","event.category":["network","intrusion_detection"])"
        R"(,"event.type":["connection","allowed"],"event.outcome":"success","event.severity":3)"
        R"(,"log.level":"notice","nearmiss.enforced":false,"network.protocol":"dns")"
        R"(,"dns.type":"answer","dns.question.class":"IN")";
    // What a rule allows is no alert.
    constexpr std::string_view let_through =
        R"(,"event.kind":"event","event.category":["network"])"
        R"(,"event.type":["connection","allowed"],"event.outcome":"success","event.severity":1)"
        R"(,"log.level":"info","nearmiss.enforced":false,"network.protocol":"dns")"
        R"(,"dns.type":"answer","dns.question.class":"IN")";
    out += event.enforced ? denied : event.action == Action::allow ? let_through : allowed;
    append_field(out, R"(,"event.action":)", to_string(event.action));
    if (event.action == Action::allow) {
      append_field(out, R"(,"message":)", "a rule let a lookup through");
    }
    append_field(out, R"(,"source.ip":)", event.client);
    append_field(out, R"(,"source.port":)", event.client_port);
    append_optional(out, R"(,"destination.ip":)", event.server);
    if (event.server_port != 0) {
      append_field(out, R"(,"destination.port":)", event.server_port);
    }
    out += event.tcp ? R"(,"network.transport":"tcp")" : R"(,"network.transport":"udp")";
    out += R"(,"dns.id":")";
    out.append_number(event.id);
    out += '"';
    append_flags(out, R"(,"dns.header_flags":)", event.flags);
    append_field(out, R"(,"dns.question.name":)", event.qname);
    append_field(out, R"(,"dns.question.type":)", event.type);
    append_optional(out, R"(,"dns.question.registered_domain":)", event.registered_domain);
    append_optional(out, R"(,"dns.question.top_level_domain":)", event.top_level_domain);
    if (event.rcode >= 0) {
      append_field(out, R"(,"dns.response_code":)", to_string(static_cast<Rcode>(event.rcode)));
    }
    if (!event.resolved_ip.empty()) {
      append_pair(out, R"(,"dns.resolved_ip":)", event.resolved_ip, {});
    }
    out += event.policy->ecs(*event.rule);
    append_optional(out, R"(,"nearmiss.intended_domain":)", event.intended);
    append_optional(out, R"(,"nearmiss.confusable_class":)", event.confusable_class);
    append_field(out, R"(,"nearmiss.matched_name":)", event.matched);
    append_field(out, R"(,"nearmiss.matched_by":)", to_string(event.matched_by));
    if (event.wildcard) {
      out += R"(,"nearmiss.wildcard":true)";
    }
    append_optional(out, R"(,"nearmiss.led_to":)", event.led_to);
    append_optional(out, R"(,"nearmiss.client_group":)", event.client_group);
    append_pair(out, R"(,"related.ip":)", event.client, event.resolved_ip);
    append_pair(out, R"(,"related.hosts":)", event.qname, event.intended);
  }

  static void append_notice(const Event& event, LineBuffer& out) {
    const Notice& notice = *event.notice;
    out += R"(,"event.kind":"event")";
    append_pair(out, R"(,"event.category":)", notice.category, {});
    append_pair(out, R"(,"event.type":)", "info", {}); // ECS expects no `error` in these categories
    append_field(out, R"(,"event.action":)", notice.action);
    append_field(out, R"(,"event.outcome":)", notice.success ? "success" : "failure");
    append_field(out, R"(,"log.level":)", notice.success ? "info" : "error");
    append_field(out, R"(,"message":)", notice.message);
    for (const Notice::Field& field : notice.fields) {
      out += R"(,")";
      out += field.name;
      out += R"(":)";
      append_value(out, field.value);
    }
    if (event.policy != nullptr) {
      append_ruleset(out, *event.policy);
    }
  }

  std::string id_prefix_;
  std::string observer_; // with a comma in front
};

} // namespace

std::unique_ptr<const EventFormat> make_ecs_format(const EventOrigin& origin) {
  return std::make_unique<EcsFormat>(origin);
}

std::string ecs_rule(const Rule& rule, const EventPolicy& policy) {
  LineBuffer out;
  append_field(out, R"(,"rule.id":)", rule.id);
  append_optional(out, R"(,"rule.category":)", rule.category);
  append_optional(out, R"(,"rule.description":)", rule.reason);
  append_optional(out, R"(,"rule.reference":)", rule.reference);
  if (!rule.owner.empty()) {
    append_pair(out, R"(,"rule.author":)", rule.owner, {});
  }
  append_optional(out, R"(,"nearmiss.ticket":)", rule.ticket);
  if (const LoadedList* list = list_of(rule, policy)) {
    append_field(out, R"(,"nearmiss.list":)", list->file.native());
    if (list->serial) {
      append_field(out, R"(,"nearmiss.list_serial":)", std::uint64_t{*list->serial});
    }
  }
  append_ruleset(out, policy);
  return std::string(out.text());
}

} // namespace nearmiss
