// The event encoder: any query name and any texts must make one line of valid JSON that says the
// same.
#include "config/diagnostics.hpp"
#include "module/answer.hpp"
#include "module/events/format.hpp"
#include "module/events/maker.hpp"
#include "rules/policy_builder.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>

using namespace nearmiss;
using Json = nlohmann::json;

namespace {

Json parsed(std::string_view line) {
  PROMISE(line.find('\n') == std::string::npos);
  Json event = Json::parse(line, nullptr, false);
  PROMISE(!event.is_discarded() && event.is_object());
  return event;
}

void check_field(const Json& event, const char* key, const std::string& text,
                 bool optional = true) {
  const auto field = event.find(key);
  if (text.empty() && optional) {
    PROMISE(field == event.end());
    return;
  }
  PROMISE(field != event.end() && field->is_string());
  PROMISE(field->get<std::string>() == text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const EventOrigin origin = EventOrigin::here();
  static const auto ecs = make_ecs_format(origin);
  static const auto ocsf = make_ocsf_format(origin);
  static const auto journal = make_journal_format(origin);
  static EventQueue queue;
  static EventMaker maker;
  static EventQueue::Batch batch;
  fuzz::Input input(data, size);
  const auto wire = input.field();
  const auto qname = Name::from_wire(wire);
  const auto listed = Name::from_wire(input.field());
  if (!qname || !listed) {
    return 0;
  }
  const unsigned bits = input.octet();
  const auto action = static_cast<Action>(input.octet() % 8);
  const std::uint16_t qtype = input.number();
  // Any text the loader lets through: UTF-8, controls and all.
  const auto text = [&input] {
    std::string octets = input.text();
    for (std::size_t at = 0; at < octets.size();) {
      const std::size_t length = utf8_length(std::string_view(octets).substr(at));
      if (length == 0) {
        octets[at] = '?';
      }
      at += std::max<std::size_t>(length, 1);
    }
    return octets;
  };
  Rule rule;
  rule.id = text();
  rule.category = text();
  rule.reason = text();
  rule.reference = text();
  rule.owner = text();
  rule.ticket = text();
  rule.confusable_class = text();
  const std::string group = text();
  const std::string intended = text().substr(0, Name::max_text);
  PolicyBuilder builder;
  builder.add_rule(rule);
  auto config = std::make_shared<Config>();
  config->policy = std::move(builder).build();
  config->ruleset = text();
  config->digest = "0123456789abcdef0123456789abcdef";
  const auto policy = std::make_shared<const EventPolicy>(config, bits);
  const Notice notice{.action = "policy-refused", .success = false, .message = text()};

  // Half of the names in the order of a real verdict, half with a match that stands elsewhere.
  const bool by_qname = (bits & 16U) != 0;
  Verdict verdict;
  verdict.rule = config->policy.rules().data();
  verdict.action = action;
  verdict.enforced = blocks(action);
  verdict.matched = by_qname ? qname->last_labels(qname->label_count() / 2) : *listed;
  verdict.client_group = (bits & 1U) != 0 ? &group : nullptr;
  const ClientAddress client = ClientAddress::v4({192, 0, 2, static_cast<std::uint8_t>(bits)});
  const ClientAddress sinkhole = ClientAddress::v6({0x20, 1, 0xd, 0xb8});
  const auto now = Timestamp::Clock::time_point(std::chrono::microseconds(1'700'000'000'000'001));
  queue.push({.verdict = verdict,
              .matched_by = by_qname ? MatchedBy::qname : MatchedBy::cname,
              .matched_address = nullptr,
              .qname = *qname,
              .intended = intended,
              .qtype = qtype,
              .id = qtype,
              .client = client,
              .client_port = qtype,
              .tcp = (bits & 2U) != 0,
              .rcode = (bits & 4U) != 0 ? static_cast<int>(rcode_for(verdict)) : -1,
              .resolved_ip = (bits & 8U) != 0 ? &sinkhole : nullptr},
             policy, now);
  queue.push(std::make_shared<const Notice>(notice), policy, now);
  batch.clear();
  queue.close(); // take() waits for nothing
  queue.take(batch, std::chrono::milliseconds(0));
  PROMISE(batch.records.size() == 2);
  PROMISE(batch.records[1].sequence == batch.records[0].sequence + 1);

  LineBuffer line;
  ecs->append(maker.make(batch.records[0], batch), line);
  const Json event = parsed(line.text());
  check_field(event, "dns.question.name", qname->to_text());
  check_field(event, "dns.question.type", type_to_text(qtype));
  check_field(event, "nearmiss.matched_name", verdict.matched.to_text());
  check_field(event, "nearmiss.intended_domain", intended);
  check_field(event, "nearmiss.confusable_class", rule.confusable_class);
  check_field(event, "rule.id", rule.id, false);
  check_field(event, "rule.category", rule.category);
  check_field(event, "rule.description", rule.reason);
  check_field(event, "rule.reference", rule.reference);
  check_field(event, "rule.ruleset", config->ruleset, false);
  check_field(event, "event.action", std::string(to_string(action)));
  check_field(event, "source.ip", client.to_text());
  check_field(event, "nearmiss.client_group", verdict.client_group != nullptr ? group : "");
  PROMISE(event.at("nearmiss.enforced") == verdict.enforced);
  PROMISE(event.at("@timestamp") == "2023-11-14T22:13:20.000001Z");

  line.clear();
  ocsf->append(maker.make(batch.records[0], batch), line);
  const Json activity = parsed(line.text());
  PROMISE(activity.at("query").at("hostname") == qname->to_text());
  PROMISE(activity.at("firewall_rule").at("uid") == rule.id);

  line.clear();
  journal->append(maker.make(batch.records[0], batch), line);
  PROMISE(line.text().ends_with('\n'));

  for (const auto* format : {&ecs, &ocsf}) {
    line.clear();
    (*format)->append(maker.make(batch.records[1], batch), line);
    check_field(parsed(line.text()), "message", notice.message, false);
  }
  return 0;
}
