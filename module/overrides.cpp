#include "module/overrides.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace nearmiss {

namespace {

using Json = nlohmann::ordered_json;
using Time = Overrides::Time;
using std::chrono::seconds;

constexpr int file_version = 1;

std::int64_t to_number(Time time) {
  return std::chrono::floor<seconds>(time).time_since_epoch().count();
}

// A number that is no time, or so far away that it would overflow a clock, is thrown out.
Time time_from(const Json& number) {
  constexpr std::int64_t year_2200 = 7258118400; // the clock's nanoseconds end in 2262
  const auto value = number.get<std::int64_t>();
  if (value < 0 || value > year_2200) {
    throw std::invalid_argument("a time that is none");
  }
  return Time(seconds(value));
}

Json to_json(const AllowedName& allowed) {
  return {{"name", allowed.name.to_text()},
          {"client", allowed.client_group},
          {"ticket", allowed.ticket},
          {"since", to_number(allowed.since)},
          {"until", to_number(allowed.until)}};
}

AllowedName allowed_from(const Json& json) {
  const auto name = Name::from_text(json.at("name").get<std::string>());
  if (!name || name->is_root()) {
    throw std::invalid_argument("a name that is none");
  }
  return {*name, json.at("client").get<std::string>(), json.at("ticket").get<std::string>(),
          time_from(json.at("since")), time_from(json.at("until"))};
}

ModeOverride mode_from(const Json& json) {
  ModeOverride mode;
  const auto word = json.at("mode").get<std::string>();
  if (word != "observe" && word != "enforce") {
    throw std::invalid_argument("a mode that is none");
  }
  mode.enforcing = word == "enforce";
  mode.since = time_from(json.at("since"));
  if (json.contains("until")) {
    mode.until = time_from(json.at("until"));
  }
  return mode;
}

} // namespace

Time Overrides::next_end() const noexcept {
  Time end = mode && mode->until ? *mode->until : Time::max();
  for (const AllowedName& name : allowed) {
    end = std::min(end, name.until);
  }
  return end;
}

Overrides Overrides::take_ended(Time now) {
  Overrides ended;
  if (mode && mode->until && *mode->until <= now) {
    ended.mode = std::exchange(mode, std::nullopt);
  }
  const auto first = std::stable_partition(allowed.begin(), allowed.end(),
                                           [&](const auto& name) { return name.until > now; });
  ended.allowed.assign(first, allowed.end());
  allowed.erase(first, allowed.end());
  return ended;
}

std::string to_text(const Overrides& overrides) {
  Json json{{"nearmiss_state", file_version}};
  if (const auto& mode = overrides.mode) {
    json["mode"] = {{"mode", mode->enforcing ? "enforce" : "observe"},
                    {"since", to_number(mode->since)}};
    if (mode->until) {
      json["mode"]["until"] = to_number(*mode->until);
    }
  }
  json["allowed"] = Json::array();
  for (const AllowedName& allowed : overrides.allowed) {
    json["allowed"].push_back(to_json(allowed));
  }
  return json.dump(-1, ' ', true, Json::error_handler_t::replace) + '\n';
}

std::optional<Overrides> overrides_from_text(std::string_view text, std::string& problem) {
  try {
    const Json json = Json::parse(text);
    if (json.at("nearmiss_state").get<int>() != file_version) {
      problem = "it is of another version of nearmiss";
      return std::nullopt;
    }
    Overrides overrides;
    if (json.contains("mode")) {
      overrides.mode = mode_from(json.at("mode"));
    }
    for (const Json& allowed : json.at("allowed")) {
      overrides.allowed.push_back(allowed_from(allowed));
    }
    if (overrides.allowed.size() > Overrides::max_allowed) {
      problem = "it allows more names than nearmiss ever writes";
      return std::nullopt;
    }
    return overrides;
  } catch (const Json::exception&) {
    problem = "it is not what nearmiss writes";
  } catch (const std::invalid_argument& e) {
    problem = std::string("it holds ") + e.what();
  }
  return std::nullopt;
}

bool ActiveOverrides::enforcing(const Policy& policy, Time now) const noexcept {
  const auto& mode = overrides_.mode;
  return mode && (!mode->until || now < *mode->until) ? mode->enforcing : policy.enforcing();
}

const AllowedName* ActiveOverrides::allowing(const Policy& policy, const Name& name,
                                             const ClientAddress& client, Time now) const noexcept {
  const AllowedName* best = nullptr;
  for (const AllowedName& allowed : overrides_.allowed) {
    if (now >= allowed.until || !name.is_at_or_below(allowed.name) ||
        (best != nullptr && best->name.label_count() >= allowed.name.label_count())) {
      continue;
    }
    if (!allowed.client_group.empty()) {
      const auto& groups = policy.clients().names();
      const auto group = std::ranges::find(groups, allowed.client_group);
      const auto bit = static_cast<std::size_t>(group - groups.begin());
      if (group == groups.end() || (policy.clients().groups_of(client) >> bit & 1) == 0) {
        continue; // the policy has no such group any more, or the client is in another
      }
    }
    best = &allowed;
  }
  return best;
}

void ActiveOverrides::apply_mode(Verdict& verdict, const Policy& policy, Time now) const noexcept {
  if (overrides_.mode && verdict.rule != nullptr) {
    verdict.enforced = enforcing(policy, now) && blocks(verdict.action);
  }
}

void ActiveOverrides::apply(Verdict& verdict, const Policy& policy, const Name& name,
                            const ClientAddress& client, Time now) const noexcept {
  apply_mode(verdict, policy, now);
  const AllowedName* const allowed =
      overrides_.allowed.empty() ? nullptr : allowing(policy, name, client, now);
  if (allowed == nullptr) {
    return;
  }
  const bool is_listed = verdict.rule != nullptr && verdict.likeness.domain == nullptr;
  const bool more_specific =
      is_listed && verdict.matched.label_count() > allowed->name.label_count();
  if (!more_specific) {
    verdict = Verdict();
  }
  verdict.allowed = verdict.allowed || !verdict.enforced;
}

} // namespace nearmiss
