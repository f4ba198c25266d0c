// OCSF 1.8: an attempt is DNS Activity (4003) with the security_control profile, a notice is
// Application Lifecycle (6002). What OCSF has no name for stands under `unmapped`.
// tests/data/ocsf_fields.csv has the names and types in use.
#include "module/answer.hpp"
#include "module/events/format.hpp"
#include "module/events/json.hpp"
#include "module/version.hpp"

namespace nearmiss {

namespace {

using json::append_field;
using json::append_optional;
using json::append_string;

std::string_view rcode_caption(Rcode rcode) {
  switch (rcode) {
  case Rcode::noerror:
    return "NoError";
  case Rcode::servfail:
    return "ServError";
  case Rcode::nxdomain:
    return "NXDomain";
  case Rcode::refused:
    return "Refused";
  }
  return "Other";
}

// What a notice did, as 6002 numbers it.
struct Activity {
  unsigned id;
  std::string_view name;
};

Activity activity_of(const Notice& notice) {
  if (notice.action == "module-started") {
    return {3, "Start"};
  }
  if (notice.action == "module-stopped") {
    return {4, "Stop"};
  }
  return {99, "Other"};
}

class OcsfFormat : public EventFormat {
 public:
  explicit OcsfFormat(const EventOrigin& origin) : id_prefix_(origin.id_prefix) {
    LineBuffer text;
    append_field(text, R"({"name":"nearmiss","vendor_name":"nearmiss","version":)", version);
    text += '}';
    product_ = text.text();
    text.clear();
    text += R"(,"dst_endpoint":{"svc_name":"dns")";
    append_optional(text, R"(,"hostname":)", origin.hostname);
    resolver_ = text.text();
  }

  void append(const Event& event, LineBuffer& out) const override {
    const auto since_1970 = event.time.time_since_epoch();
    const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
    append_field(out, R"({"time":)", static_cast<std::uint64_t>(millis));
    out += R"(,"metadata":{"version":"1.8.0","log_name":"nearmiss.dns")";
    if (event.notice == nullptr) {
      out += R"(,"profiles":["security_control"])";
    }
    out += R"(,"product":)";
    out += product_;
    append_field(out, R"(,"sequence":)", event.sequence);
    append_field(out, R"(,"event_code":)",
                 event.notice != nullptr ? event.notice->action : to_string(event.action));
    out += R"(,"uid":")";
    out += id_prefix_;
    out += '-';
    out.append_number(event.sequence);
    out += R"("})";
    if (event.notice != nullptr) {
      append_notice(event, out);
    } else {
      append_attempt(event, out);
    }
    out += '}';
  }

 private:
  void append_attempt(const Event& event, LineBuffer& out) const {
    constexpr std::string_view denied =
        R"(,"class_uid":4003,"class_name":"DNS Activity","category_uid":4)"
        R"(,"category_name":"Network Activity","activity_id":6,"activity_name":"Traffic")"
        R"(,"type_uid":400306,"type_name":"DNS Activity: Traffic","severity_id":3)"
        R"(,"severity":"Medium","action_id":2,"action":"Denied","disposition_id":2)"
        R"(,"disposition":"Blocked","is_alert":true)";
    constexpr std::string_view allowed =
        R"(,"class_uid":4003,"class_name":"DNS Activity","category_uid":4)"
        R"(,"category_name":"Network Activity","activity_id":6,"activity_name":"Traffic")"
        R"(,"type_uid":400306,"type_name":"DNS Activity: Traffic","severity_id":2)"
        R"(,"severity":"Low","action_id":3,"action":"Observed","disposition_id":17)"
        R"(,"disposition":"Logged","is_alert":true)";
    constexpr std::string_view let_through =
        R"(,"class_uid":4003,"class_name":"DNS Activity","category_uid":4)"
        R"(,"category_name":"Network Activity","activity_id":6,"activity_name":"Traffic")"
        R"(,"type_uid":400306,"type_name":"DNS Activity: Traffic","severity_id":1)"
        R"(,"severity":"Informational","action_id":1,"action":"Allowed","disposition_id":1)"
        R"(,"disposition":"Allowed","is_alert":false)";
    out += event.enforced ? denied : event.action == Action::allow ? let_through : allowed;
    append_field(out, R"(,"src_endpoint":{"ip":)", event.client);
    append_field(out, R"(,"port":)", event.client_port);
    out += '}';
    out += resolver_;
    append_optional(out, R"(,"ip":)", event.server);
    if (event.server_port != 0) {
      append_field(out, R"(,"port":)", event.server_port);
    }
    out += '}';
    out += event.tcp
               ? R"(,"connection_info":{"protocol_name":"tcp","protocol_num":6,"direction_id":1})"
               : R"(,"connection_info":{"protocol_name":"udp","protocol_num":17,"direction_id":1})";
    append_field(out, R"(,"query":{"hostname":)", event.qname);
    append_field(out, R"(,"type":)", event.type);
    append_field(out, R"(,"class":"IN","packet_uid":)", event.id);
    out += '}';
    if (event.rcode >= 0) {
      const auto rcode = static_cast<Rcode>(event.rcode);
      append_field(out, R"(,"rcode_id":)", static_cast<std::uint64_t>(event.rcode));
      append_field(out, R"(,"rcode":)", rcode_caption(rcode));
    }
    if (!event.resolved_ip.empty()) {
      append_field(out, R"(,"answers":[{"rdata":)", event.resolved_ip);
      append_field(out, R"(,"type":)", event.type);
      out += R"(,"class":"IN"}])";
    }
    out += event.policy->ocsf(*event.rule); // which leaves `unmapped` open
    append_field(out, R"(,"matched_name":)", event.matched);
    append_field(out, R"(,"matched_by":)", to_string(event.matched_by));
    if (event.wildcard) {
      out += R"(,"wildcard":true)";
    }
    append_optional(out, R"(,"led_to":)", event.led_to);
    out += event.enforced ? R"(,"enforced":true)" : R"(,"enforced":false)";
    append_flags(out, R"(,"header_flags":)", event.flags);
    append_optional(out, R"(,"intended_domain":)", event.intended);
    append_optional(out, R"(,"confusable_class":)", event.confusable_class);
    append_optional(out, R"(,"client_group":)", event.client_group);
    append_optional(out, R"(,"registered_domain":)", event.registered_domain);
    append_optional(out, R"(,"top_level_domain":)", event.top_level_domain);
    out += '}';
  }

  void append_notice(const Event& event, LineBuffer& out) const {
    const Notice& notice = *event.notice;
    const Activity activity = activity_of(notice);
    out += R"(,"class_uid":6002,"class_name":"Application Lifecycle","category_uid":6)"
           R"(,"category_name":"Application Activity")";
    append_field(out, R"(,"activity_id":)", activity.id);
    append_field(out, R"(,"activity_name":)", activity.name);
    append_field(out, R"(,"type_uid":)", 600200 + activity.id);
    out += notice.success ? R"(,"severity_id":1,"severity":"Informational","status_id":1)"
                            R"(,"status":"Success")"
                          : R"(,"severity_id":4,"severity":"High","status_id":2)"
                            R"(,"status":"Failure")";
    append_field(out, R"(,"message":)", notice.message);
    out += R"(,"app":)";
    out += product_;
    out += R"(,"unmapped":{)";
    std::string_view separator;
    for (const Notice::Field& field : notice.fields) {
      out += separator;
      separator = ",";
      append_string(out, field.name);
      out += ':';
      append_value(out, field.value);
    }
    if (event.policy != nullptr) {
      out += separator;
      append_field(out, R"("ruleset":)", event.policy->config().ruleset);
      append_field(out, R"(,"ruleset_version":)", event.policy->version());
      append_field(out, R"(,"policy_generation":)", event.policy->generation());
    }
    out += '}';
  }

  std::string id_prefix_;
  std::string product_;
  std::string resolver_; // with a comma in front; the object is still open
};

} // namespace

std::unique_ptr<const EventFormat> make_ocsf_format(const EventOrigin& origin) {
  return std::make_unique<OcsfFormat>(origin);
}

std::string ocsf_rule(const Rule& rule, const EventPolicy& policy) {
  LineBuffer out;
  append_field(out, R"(,"firewall_rule":{"uid":)", rule.id);
  append_optional(out, R"(,"category":)", rule.category);
  append_optional(out, R"(,"desc":)", rule.reason);
  append_field(out, R"(,"type":)", to_string(rule.action));
  append_field(out, R"(,"version":)", policy.version());
  append_field(out, R"(},"unmapped":{"ruleset":)", policy.config().ruleset);
  append_field(out, R"(,"policy_generation":)", policy.generation());
  append_optional(out, R"(,"rule_reference":)", rule.reference);
  append_optional(out, R"(,"rule_owner":)", rule.owner);
  append_optional(out, R"(,"ticket":)", rule.ticket);
  if (const LoadedList* list = list_of(rule, policy)) {
    append_field(out, R"(,"list":)", list->file.native());
    if (list->serial) {
      append_field(out, R"(,"list_serial":)", std::uint64_t{*list->serial});
    }
  }
  return std::string(out.text());
}

} // namespace nearmiss
