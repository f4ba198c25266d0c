#include "contrib/cli/report.hpp"

#include "contrib/cli/text.hpp"
#include "contrib/logs/instant.hpp"

#include <algorithm>
#include <map>

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

Json hours_json(const logs::Pair& pair) {
  const auto hours = pair.rhythm.hours();
  return hours ? Json{{"from", hours->from}, {"to", hours->to}} : Json();
}

Json lists_json(const ReportInput& input, const logs::Fanout& fanout) {
  const logs::Summary& summary = input.summary;
  const auto nothing = [](Json&, std::string_view, const logs::Tally&) {};
  const auto of = [](const logs::Fanout::Counts& counts, std::string_view key) {
    const auto found = counts.find(key);
    return found == counts.end() ? std::size_t{0} : found->second;
  };
  Json json;
  json["clients"] = list_json(input, summary.clients, "client",
                              [&](Json& one, std::string_view client, const logs::Tally& tally) {
                                one["domains"] = of(fanout.domains_of_client, client);
                                one["group"] = text_or_null(tally.client_group);
                              });
  json["domains"] = list_json(input, summary.domains, "domain",
                              [&](Json& one, std::string_view domain, const logs::Tally& tally) {
                                one["unicode"] = text_or_null(as_read(std::string(domain)));
                                one["intended"] = text_or_null(tally.intended);
                                one["class"] = text_or_null(tally.confusable_class);
                                one["rule"] = text_or_null(tally.rule);
                                one["clients"] = of(fanout.clients_of_domain, domain);
                                const auto fresh = summary.is_new(domain);
                                one["new"] = fresh ? Json(*fresh) : Json();
                              });
  json["intended"] = list_json(input, summary.intended, "intended",
                               [&](Json& one, std::string_view intended, const logs::Tally&) {
                                 one["domains"] = of(fanout.domains_of_intended, intended);
                               });
  json["classes"] = list_json(input, summary.classes, "class", nothing);
  json["rules"] = list_json(input, summary.rules, "rule", nothing);
  json["pairs"] = list_json(input, summary.pairs, "pair",
                            [](Json& one, std::string_view, const logs::Pair& pair) {
                              one.erase("pair");
                              one["client"] = pair.client;
                              one["domain"] = pair.domain;
                              one["unicode"] = text_or_null(as_read(pair.domain));
                              one["intended"] = text_or_null(pair.intended);
                              one["retries"] = pair.retries;
                              const auto interval = pair.rhythm.interval();
                              one["regular_interval_seconds"] = interval ? Json(*interval) : Json();
                              one["hours_utc"] = hours_json(pair);
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
  const auto fresh = summary.new_domains();
  Json list = Json::array();
  for (std::size_t index = 0; index < std::min(fresh.size(), input.top); ++index) {
    const auto& [domain, tally] = fresh[index];
    list.push_back({{"domain", domain},
                    {"unicode", text_or_null(as_read(std::string(domain)))},
                    {"intended", text_or_null(tally->intended)},
                    {"attempts", tally->attempts},
                    {"first", to_rfc3339(tally->first)}});
  }
  return {{"count", fresh.size()}, {"list", std::move(list)}};
}

// Which domains were asked for in place of which: of each intended one the most frequent, and how
// many there are in all. Few enough to be looked at, whatever --top is.
Json meant_json(const logs::Summary& summary, const logs::Fanout& fanout) {
  constexpr std::size_t most_intended = 10;
  constexpr std::size_t most_of_one = 6;
  constexpr std::size_t most_domains = 24;
  std::map<std::string_view, Json> asked;
  std::size_t domains = 0;
  const auto intended = summary.intended.top(most_intended, logs::more);
  for (const auto& [name, entry] : intended) {
    asked[name] = Json::array();
  }
  for (const auto& [domain, entry] : summary.domains.top(summary.domains.size(), logs::more)) {
    const auto of = asked.find(entry->value.intended);
    if (of == asked.end() || of->second.size() == most_of_one) {
      continue;
    }
    of->second.push_back({{"domain", domain},
                          {"unicode", text_or_null(as_read(std::string(domain)))},
                          {"attempts", entry->value.attempts},
                          {"let_through", entry->value.let_through},
                          {"class", text_or_null(entry->value.confusable_class)}});
    if (++domains == most_domains) {
      break;
    }
  }
  Json list = Json::array();
  for (const auto& [name, entry] : intended) {
    const auto count = fanout.domains_of_intended.find(name);
    list.push_back({{"intended", name},
                    {"attempts", entry->value.attempts},
                    {"let_through", entry->value.let_through},
                    {"domains", count == fanout.domains_of_intended.end() ? 0 : count->second},
                    {"asked", std::move(asked[name])}});
  }
  return list;
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
          {"duplicate_events", summary.duplicates},
          {"damaged_lines", input.stream.damage().count()},
          {"damaged", std::move(damaged)},
          {"files_not_understood", input.stream.damage().files()},
          {"foreign_lines", input.stream.foreign()}};
}

// Whose mail left: all of it.
Json let_through_json(const logs::Summary& summary) {
  Json list = Json::array();
  for (const auto& [key, entry] : summary.let_through()) {
    const logs::Pair& pair = entry->value;
    Json one = tally_json("client", pair.client, pair);
    one["domain"] = pair.domain;
    one["unicode"] = text_or_null(as_read(pair.domain));
    one["intended"] = text_or_null(pair.intended);
    list.push_back(std::move(one));
  }
  return list;
}

Json resolvers_json(const ReportInput& input) {
  const logs::Summary& summary = input.summary;
  const std::string usual = summary.usual_policy();
  const auto by_events = [](const auto& a, const auto& b) { return a.events > b.events; };
  Json list = Json::array();
  for (const auto& [name, entry] : summary.resolvers.top(input.top, by_events)) {
    const logs::Resolver& resolver = entry->value;
    list.push_back({{"resolver", name},
                    {"events", resolver.events},
                    {"lookups", resolver.lookups},
                    {"first", to_rfc3339(resolver.first)},
                    {"last", to_rfc3339(resolver.last)},
                    {"silent", summary.is_silent(resolver)},
                    {"version", resolver.version},
                    {"policy", resolver.policy},
                    {"other_policy", !resolver.policy.empty() && resolver.policy != usual}});
  }
  return {{"count", summary.resolvers.size()}, {"list", std::move(list)}};
}

} // namespace

Json report_json(const ReportInput& input, std::size_t bins) {
  const logs::Summary& summary = input.summary;
  Json json{{"title", title_of(input)},
            {"title_given", !input.title.empty() || !summary.filter.text().empty()},
            {"warnings", warnings_of(input)},
            {"logs", input.logs}};
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
  const logs::Fanout fanout = summary.fanout();
  json.update(lists_json(input, fanout));
  json["let_through"] = let_through_json(summary);
  json["meant"] = meant_json(summary, fanout);
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
  json["resolvers"] = resolvers_json(input);
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
  std::for_each(summary.latest.rbegin(), summary.latest.rend(), [&json](const auto& attempt) {
    json["latest_attempts"].push_back(attempt_json(attempt));
  });
  return json;
}

} // namespace nearmiss::cli
