#include "module/reload/switches.hpp"

#include "config/diagnostics.hpp"
#include "config/names.hpp"

#include <algorithm>
#include <stdexcept>
#include <system_error>

namespace nearmiss {

namespace {

using Time = Overrides::Time;
using std::chrono::seconds;

// Why a command is refused, for the admin.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string text_in(const Json& request, const char* key) {
  const auto found = request.find(key);
  if (found == request.end()) {
    return {};
  }
  if (!found->is_string()) {
    throw Refused(std::string("`") + key + "` is no text");
  }
  return found->get<std::string>();
}

std::optional<seconds> duration_in(const Json& request) {
  const auto found = request.find("for");
  if (found == request.end()) {
    return std::nullopt;
  }
  const auto longest = seconds(Overrides::max_duration).count();
  if (!found->is_number_integer() || *found < 1 || *found > longest) {
    throw Refused("`for` must be between 1 second and 31 days; for longer, write it into the "
                  "policy");
  }
  return seconds(found->get<std::int64_t>());
}

Name name_in(const Json& request) {
  const std::string text = text_in(request, "name");
  std::string problem;
  const auto name = read_listed_name(text, problem);
  if (!name) {
    throw Refused(problem.empty() ? shown(text) + " is no name" : problem);
  }
  return *name;
}

Time this_second() {
  return std::chrono::floor<seconds>(PolicyKeeper::Clock::now());
}

Json answer_of(const PolicyKeeper& keeper, const char* outcome) {
  Json answer{{"outcome", outcome}};
  answer.update(overrides_of(keeper));
  answer["generation"] = keeper.current().generation;
  return answer;
}

Json switch_mode(PolicyKeeper& keeper, bool enforcing, std::optional<seconds> duration,
                 uid_t user) {
  Overrides next = keeper.overrides();
  const auto before = next.mode;
  const Time now = this_second();
  next.mode.reset();
  if (duration) {
    next.mode = ModeOverride{enforcing, now, now + *duration};
  } else if (keeper.current().config->policy.enforcing() != enforcing) {
    next.mode = before && before->enforcing == enforcing && !before->until
                    ? before
                    : std::optional(ModeOverride{enforcing, now, std::nullopt});
  }
  if (next == keeper.overrides()) {
    return answer_of(keeper, "unchanged");
  }
  keeper.override_with(next);
  keeper.report({next.mode ? next.mode : before, {}},
                next.mode ? Switched::by_an_admin : Switched::taken_back, user);
  return answer_of(keeper, "changed");
}

Json allow(PolicyKeeper& keeper, const Json& request, uid_t user) {
  const Name name = name_in(request);
  const auto duration = duration_in(request);
  if (!duration) {
    throw Refused("say for how long, as in `--for 2h`; a name that may always pass belongs into "
                  "the policy");
  }
  if (name.is_root() || is_public_suffix(name)) {
    throw Refused(shown(name.to_text()) + " is a public suffix: everything below it would be let "
                                          "through; name the domain");
  }
  const Time now = this_second();
  AllowedName allowed{name, text_in(request, "client"), text_in(request, "ticket"), now,
                      now + *duration};
  const auto& groups = keeper.current().config->policy.clients().names();
  if (!allowed.client_group.empty() &&
      std::ranges::find(groups, allowed.client_group) == groups.end()) {
    throw Refused("the policy has no group " + shown(allowed.client_group) + " of clients");
  }
  if (allowed.ticket.size() > Overrides::max_ticket ||
      printable(allowed.ticket) != allowed.ticket) {
    throw Refused("a ticket has at most " + std::to_string(Overrides::max_ticket) +
                  " printable characters");
  }
  Overrides next = keeper.overrides();
  std::erase_if(next.allowed, [&](const AllowedName& other) { // it is extended, or cut short
    return other.name == name && other.client_group == allowed.client_group;
  });
  if (next.allowed.size() == Overrides::max_allowed) {
    throw Refused(std::to_string(Overrides::max_allowed) + " names are let through already; take "
                                                           "one back, or write it into the policy");
  }
  next.allowed.push_back(allowed);
  keeper.override_with(next);
  keeper.report({std::nullopt, {allowed}}, Switched::by_an_admin, user);
  return answer_of(keeper, "changed");
}

Json take_back(PolicyKeeper& keeper, const Json& request, uid_t user) {
  const Name name = name_in(request);
  const std::string group = text_in(request, "client");
  Overrides next = keeper.overrides();
  const auto first =
      std::stable_partition(next.allowed.begin(), next.allowed.end(), [&](const auto& allowed) {
        return allowed.name != name || (!group.empty() && allowed.client_group != group);
      });
  const Overrides taken{std::nullopt, {first, next.allowed.end()}};
  next.allowed.erase(first, next.allowed.end());
  if (taken.allowed.empty()) {
    throw Refused(shown(name.to_text()) + " is not let through by a command; `nearmiss allow "
                                          "--list` shows what is");
  }
  keeper.override_with(next);
  keeper.report(taken, Switched::taken_back, user);
  return answer_of(keeper, "changed");
}

Json carry_out(PolicyKeeper& keeper, const std::string& command, const Json& request, uid_t user) {
  try {
    if (command == "observe" || command == "enforce") {
      return switch_mode(keeper, command == "enforce", duration_in(request), user);
    }
    return command == "allow" ? allow(keeper, request, user) : take_back(keeper, request, user);
  } catch (const Refused& e) {
    return {{"outcome", "refused"}, {"error", e.what()}};
  } catch (const std::system_error& e) {
    return {{"outcome", "refused"},
            {"error", std::string(e.what()) +
                          "; nothing was switched, as it could not be kept over "
                          "a restart"}};
  }
}

} // namespace

std::optional<Json> switch_by(PolicyKeeper& keeper, std::string_view command, uid_t user) {
  const Json request = Json::parse(command, nullptr, false);
  const std::string word =
      request.is_object() && request.contains("command") && request["command"].is_string()
          ? request["command"].get<std::string>()
          : std::string();
  if (word != "observe" && word != "enforce" && word != "allow" && word != "take-back") {
    return std::nullopt;
  }
  // What has ended is no part of what is switched now.
  keeper.end_overrides(PolicyKeeper::Clock::now());
  return carry_out(keeper, word, request, user);
}

} // namespace nearmiss
