#include "contrib/cli/report.hpp"

#include "contrib/logs/instant.hpp"

#include <algorithm>
#include <memory>

#include <idn2.h>

namespace nearmiss::cli {

namespace {

using Json = nlohmann::ordered_json;
using logs::to_rfc3339;

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json time_or_null(const std::optional<logs::Instant>& time) {
  return time ? Json(to_rfc3339(*time)) : Json();
}

// What a name with A-labels looks like to a reader; null if it has none.
Json unicode_or_null(std::string_view name) {
  if (name.find("xn--") == std::string_view::npos) {
    return {};
  }
  char* converted = nullptr;
  const int status = idn2_to_unicode_8z8z(std::string(name).c_str(), &converted, 0);
  const std::unique_ptr<char, void (*)(void*)> owner(converted, idn2_free);
  return status == IDN2_OK && converted != name ? Json(converted) : Json();
}

Json tally_json(const char* what, std::string_view key, const logs::Tally& tally) {
  return {{what, key},
          {"attempts", tally.attempts},
          {"lookups", tally.lookups},
          {"let_through", tally.let_through},
          {"first", to_rfc3339(tally.first)},
          {"last", to_rfc3339(tally.last)}};
}

// {"count": distinct keys, "exact": whether none was dropped, "list": [...]}
template<typename Value, typename More>
Json list_json(const ReportInput& input, const logs::Frequent<Value>& keys, const char* what,
               More more_fields) {
  Json list = Json::array();
  for (const auto& [key, entry] : keys.top(input.top, logs::more)) {
    Json one = tally_json(what, key, entry->value);
    more_fields(one, key, entry->value);
    list.push_back(std::move(one));
  }
  return {{"count", keys.size()},
          {"exact", keys.exact()},
          {"short_by_at_most", keys.undercount()},
          {"list", std::move(list)}};
}

Json lists_json(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  const auto nothing = [](Json&, std::string_view, const logs::Tally&) {};
  Json json;
  json["clients"] = list_json(input, summary.clients, "client",
                              [](Json& one, std::string_view, const logs::Tally& tally) {
                                one["group"] = text_or_null(tally.client_group);
                              });
  json["domains"] = list_json(input, summary.domains, "domain",
                              [&](Json& one, std::string_view domain, const logs::Tally& tally) {
                                one["unicode"] = unicode_or_null(domain);
                                one["intended"] = text_or_null(tally.intended);
                                one["class"] = text_or_null(tally.confusable_class);
                                one["rule"] = text_or_null(tally.rule);
                                const auto fresh = summary.is_new(domain);
                                one["new"] = fresh ? Json(*fresh) : Json();
                              });
  json["intended"] = list_json(input, summary.intended, "intended", nothing);
  json["classes"] = list_json(input, summary.classes, "class", nothing);
  json["rules"] = list_json(input, summary.rules, "rule", nothing);
  json["pairs"] = list_json(input, summary.pairs, "pair",
                            [](Json& one, std::string_view, const logs::Pair& pair) {
                              one.erase("pair");
                              one["client"] = pair.client;
                              one["domain"] = pair.domain;
                              one["intended"] = text_or_null(pair.intended);
                              one["retries"] = pair.retries;
                              const auto interval = pair.regular_interval();
                              one["regular_interval_seconds"] = interval ? Json(*interval) : Json();
                            });
  json["types"] = Json::object();
  for (const auto& [type, count] : summary.types) {
    json["types"][type] = count;
  }
  return json;
}

Json attempt_json(const logs::Attempt& attempt) {
  Json types = Json::array();
  for (const std::string& type : attempt.types) {
    if (!type.empty()) {
      types.push_back(type);
    }
  }
  return {{"first", to_rfc3339(attempt.first)},
          {"last", to_rfc3339(attempt.last)},
          {"client", attempt.client},
          {"domain", attempt.domain},
          {"intended", text_or_null(attempt.intended)},
          {"class", text_or_null(attempt.confusable_class)},
          {"rule", text_or_null(attempt.rule)},
          {"lookups", attempt.lookups},
          {"types", std::move(types)},
          {"outcome", to_string(attempt.outcome)}};
}

Json timeline_json(const logs::Timeline& timeline, std::size_t most) {
  const logs::Instant width = timeline.width_for(most);
  Json bins = Json::array();
  for (const auto& [start, bin] : timeline.bins(width)) {
    bins.push_back(
        {{"start", to_rfc3339(start)}, {"stopped", bin.stopped}, {"let_through", bin.let_through}});
  }
  return {{"bin_seconds", width / logs::one_second}, {"bins", std::move(bins)}};
}

// Null if nothing is known of the time before the period.
Json new_domains_json(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  if (!summary.knows_before()) {
    return {};
  }
  std::vector<std::pair<logs::Instant, std::string_view>> fresh;
  for (const auto& [domain, entry] : summary.domains.entries()) {
    if (summary.is_new(domain) == true) {
      fresh.emplace_back(entry.value.first, domain);
    }
  }
  std::ranges::sort(fresh);
  Json list = Json::array();
  for (std::size_t index = 0; index < std::min(fresh.size(), input.top); ++index) {
    list.push_back({{"domain", fresh[index].second}, {"first", to_rfc3339(fresh[index].first)}});
  }
  return {{"count", fresh.size()}, {"list", std::move(list)}};
}

Json missing_json(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  Json gaps = Json::array();
  std::uint64_t missing = 0;
  for (const auto& gap : summary.gaps()) {
    missing += gap.size();
    if (gaps.size() < input.top) {
      gaps.push_back({{"from", gap.from}, {"to", gap.to}, {"before", to_rfc3339(gap.time)}});
    }
  }
  Json damaged = Json::array();
  for (const auto& place : input.stream.damage().places()) {
    damaged.push_back({{"file", place.file}, {"line", place.line}, {"why", place.why}});
  }
  return {{"events_missing", missing},
          {"gaps", std::move(gaps)},
          {"events_lost_as_told", summary.events_lost},
          {"damaged_lines", input.stream.damage().count()},
          {"damaged", std::move(damaged)},
          {"foreign_lines", input.stream.foreign()}};
}

} // namespace

Json report_json(const ReportInput& input, std::size_t bins) {
  const logs::Summary& summary = input.summary;
  Json json{{"logs", input.logs}};
  json["since"] = summary.period.since == logs::Period().since
                      ? Json()
                      : Json(to_rfc3339(summary.period.since));
  json["until"] = summary.period.until == logs::Period().until
                      ? Json()
                      : Json(to_rfc3339(summary.period.until));
  json["first"] = time_or_null(summary.first);
  json["last"] = time_or_null(summary.last);
  json["lookups"] = summary.lookups;
  json["attempts"] = summary.attempts;
  json["outcomes"] = Json::object();
  for (std::size_t index = 0; index < logs::outcome_count; ++index) {
    json["outcomes"][std::string(to_string(static_cast<logs::Outcome>(index)))] =
        summary.outcomes[index];
  }
  json.update(lists_json(input));
  json["new_domains"] = new_domains_json(input);
  json["timeline"] = timeline_json(summary.timeline, bins);
  json["discovered"] = Json::array();
  const auto by_events = [](const auto& a, const auto& b) { return a.events > b.events; };
  for (const auto& [client, entry] : summary.discovered.top(input.top, by_events)) {
    json["discovered"].push_back({{"client", client},
                                  {"events", entry->value.events},
                                  {"first", to_rfc3339(entry->value.first)},
                                  {"last", to_rfc3339(entry->value.last)},
                                  {"name", entry->value.name}});
  }
  json["missing"] = missing_json(input);
  json["notices"] = Json::array();
  for (const logs::Notice& notice : summary.notices) {
    json["notices"].push_back({{"time", to_rfc3339(notice.time)},
                               {"action", notice.action},
                               {"failure", notice.failure},
                               {"message", notice.message}});
  }
  json["notices_left_out"] = summary.notices_left_out;
  json["latest_attempts"] = Json::array();
  for (auto attempt = summary.latest.rbegin(); attempt != summary.latest.rend(); ++attempt) {
    json["latest_attempts"].push_back(attempt_json(*attempt));
  }
  return json;
}

} // namespace nearmiss::cli
