#include "config/local_data.hpp"
#include "config/names.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/text.hpp"

#include <algorithm>
#include <iostream>
#include <memory>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

struct Options {
  std::string config;
  std::string client; // empty: chosen from the policy
  std::string type = "MX";
  bool tcp = false;
  bool json = false;
  std::vector<std::string> names;
};

using Json = nlohmann::ordered_json;

// Why a rule lost, as a sentence goes on after "the rule lists ... and does not decide: ".
std::string why(Runner::Lost lost) {
  switch (lost) {
  case Runner::Lost::less_specific:
    return "another rule matches a more specific name";
  case Runner::Lost::allow_wins:
    return "at the same name an allow beats it";
  case Runner::Lost::earlier_rule:
    return "at the same name an earlier rule wins";
  case Runner::Lost::observe_yields:
    return "it only observes, and another rule decides";
  case Runner::Lost::client:
    return "it is not for this client";
  case Runner::Lost::type:
    return "it is not for this type";
  case Runner::Lost::expired:
    return "it has expired";
  case Runner::Lost::excepted:
    return "it excepts this name";
  case Runner::Lost::listed_name_wins:
    return "another rule matches the name or one above it, and so beats a look-alike";
  case Runner::Lost::likelier_lookalike:
    return "another rule's look-alike has a higher score, or as high a one and comes first";
  }
  return "";
}

std::string_view outcome(const Verdict& verdict) {
  if (verdict.rule == nullptr || verdict.action == Action::allow) {
    return "passes";
  }
  return verdict.enforced ? "blocked" : "observed";
}

// "lists `ml`", "takes `arrny.mil` for a look-alike of `army.mil`"
std::string matching(const Name& matched, const Likeness& likeness) {
  const std::string text = '`' + matched.to_text() + '`';
  return likeness.domain == nullptr
             ? "lists " + text
             : "takes " + text + " for a look-alike of `" + likeness.domain->to_text() + '`';
}

// Could a rule block what the query's answer leads to?
bool has_blocking_rule(const Policy& policy, const Query& query) {
  const GroupSet groups = policy.clients().groups_of(query.client);
  return std::ranges::any_of(policy.rules(), [&](const Rule& rule) {
    return blocks(rule.action) && (rule.every_client || (rule.groups & groups) != 0) &&
           rule.types.contains(query.type) && !(rule.expires && *rule.expires < query.today);
  });
}

std::string reason(const Policy& policy, const Verdict& verdict, const Query& query) {
  if (verdict.rule == nullptr) {
    if (!has_blocking_rule(policy, query)) {
      return "no rule blocks anything for this client and type, whatever the answer leads to";
    }
    return std::string("no rule applies to it; its answer is ") +
           (policy.enforcing() ? "blocked" : "observed") +
           " all the same if it leads to something that a rule matches (alias, MX host, address)";
  }
  std::string text =
      "the rule `" + verdict.rule->id + "` " + matching(verdict.matched, verdict.likeness);
  if (!(verdict.matched == query.name)) {
    text += verdict.likeness.domain == nullptr ? " and everything below it"
                                               : ", with everything below it,";
  }
  text += verdict.client_group != nullptr ? " for the clients `" + *verdict.client_group + '`'
                                          : std::string(" for every client");
  text += ", with the action `" + std::string(to_string(verdict.rule->action)) + '`';
  if (verdict.action != verdict.rule->action) {
    text += ", which lets TCP through";
  }
  if (blocks(verdict.action) && !policy.enforcing()) {
    text += ", but the policy's mode is `observe`";
  }
  return text;
}

// What the client gets, as a zone file would write it.
std::vector<std::string> local_data(const Verdict& verdict) {
  std::vector<std::string> texts;
  if (verdict.action == Action::local_data) {
    for (const LocalRecord& record : *verdict.rule->local_data) {
      texts.push_back((record.owner ? record.owner->to_text() + ". " : "") + to_text(record));
    }
  }
  return texts;
}

// By its class in points; or weighed, in hundredths of the logarithm of odds.
Json score_parts(const LookalikeScore& score) {
  if (!score.weighed) {
    return {{"class", score.base},
            {"short_label", -int{score.short_label}},
            {"further_changes", -int{score.changes}}};
  }
  Json parts{{"slip", score.slip},
             {"ending", score.ending},
             {"length", score.length},
             {"provider", score.provider},
             {"odds", score.odds()}};
  parts["threshold"] = score.threshold == no_threshold ? Json() : Json(score.threshold);
  return parts;
}

// Why a name that no rule takes for a look-alike is none, though it is near a protected domain.
struct Passing {
  std::optional<Lookalike> nearest;
  bool known = false;
  std::optional<Sensitivity> from; // that would take it for one
};

Passing why_it_passes(const Policy& policy, const Name& name) {
  Passing passing{policy.nearest_slip(name), policy.knows(name), {}};
  if (passing.nearest && passing.nearest->score.weighed) {
    for (const auto one : {Sensitivity::high, Sensitivity::normal, Sensitivity::low}) {
      if (passing.nearest->score.odds() >= threshold_of(one)) {
        passing.from = one;
      }
    }
  }
  return passing;
}

std::string_view word_of(Sensitivity sensitivity) {
  return sensitivity == Sensitivity::low      ? "low"
         : sensitivity == Sensitivity::normal ? "default"
                                              : "high";
}

std::string sentence(const Policy& policy, const Passing& passing) {
  const Lookalike& nearest = *passing.nearest;
  const Name& domain = policy.protected_domains()[nearest.domain].domain;
  std::string text = "near " + domain.to_text() + ": " + explain(nearest.kind, nearest.score);
  if (passing.known) {
    return text + "; but the name is among the known ones, and so meant as itself";
  }
  if (passing.from) {
    return text + "; `sensitivity: " + std::string(word_of(*passing.from)) +
           "` takes it for a look-alike";
  }
  return text + "; no sensitivity takes it for a look-alike";
}

void add_likeness(Json& json, const Likeness& likeness) {
  if (likeness.domain != nullptr) {
    json["class"] = to_string(likeness.kind);
    json["score"] = likeness.score.value();
    json["score_parts"] = score_parts(likeness.score);
    json["looks_like"] = likeness.domain->to_text();
  }
}

// What to write so that the name passes; empty where it does.
std::string how_to_let_through(const Query& query, const Verdict& verdict) {
  if (verdict.rule == nullptr || !blocks(verdict.rule->action)) {
    return {};
  }
  const std::string name = query.name.to_text();
  return "write `except: [" + name + "]` in the " +
         (verdict.likeness.domain != nullptr ? "entry `" + verdict.rule->id + "` of `protect`"
                                             : "rule `" + verdict.rule->id + '`') +
         ", or for a while: nearmiss allow " + name + " --for 2h";
}

Json to_json(const Policy& policy, const Query& query, const Verdict& verdict,
             const std::vector<Runner>& lost, const std::string& asker) {
  Json json{{"name", query.name.to_text()},
            {"type", type_to_text(query.type)},
            {"client", asker},
            {"outcome", outcome(verdict)},
            {"why", reason(policy, verdict, query)},
            {"enforced", verdict.enforced}};
  if (verdict.rule != nullptr) {
    json["action"] = to_string(verdict.action);
    json["rule"] = verdict.rule->id;
    json["matched"] = verdict.matched.to_text();
    json["client_group"] = verdict.client_group != nullptr ? Json(*verdict.client_group) : Json();
    const std::string intended = Policy::intended_for(verdict, query.name);
    json["intended"] = intended.empty() ? Json() : Json(intended);
    const std::string_view kind = verdict.confusable_class();
    json["class"] = kind.empty() ? Json() : Json(kind);
    add_likeness(json, verdict.likeness);
    if (verdict.action == Action::local_data) {
      json["local_data"] = local_data(verdict);
    }
    json["reason"] = verdict.rule->reason;
    json["reference"] = verdict.rule->reference;
    json["ttl"] = verdict.rule->ttl;
    if (const std::string advice = how_to_let_through(query, verdict); !advice.empty()) {
      json["to_let_through"] = advice;
    }
  }
  if (verdict.rule == nullptr && lost.empty()) {
    if (const Passing passing = why_it_passes(policy, query.name); passing.nearest) {
      const Lookalike& nearest = *passing.nearest;
      json["near"] = {{"domain", policy.protected_domains()[nearest.domain].domain.to_text()},
                      {"class", to_string(nearest.kind)},
                      {"score", nearest.score.value()},
                      {"score_parts", score_parts(nearest.score)},
                      {"known", passing.known},
                      {"sensitivity", passing.from ? Json(word_of(*passing.from)) : Json()}};
    }
  }
  json["lost"] = Json::array();
  for (const Runner& runner : lost) {
    Json one{
        {"rule", runner.rule->id}, {"matched", runner.matched.to_text()}, {"why", why(runner.why)}};
    add_likeness(one, runner.likeness);
    json["lost"].push_back(std::move(one));
  }
  return json;
}

void print_text(const Policy& policy, const Query& query, const Verdict& verdict,
                const std::vector<Runner>& lost, const std::string& asker) {
  const std::string word(outcome(verdict));
  const char* colour = word == "blocked" ? "1;31" : word == "observed" ? "1;33" : "1;32";
  std::cout << query.name.to_text() << ' ' << type_to_text(query.type) << " from " << asker << ": "
            << coloured(word, colour, STDOUT_FILENO) << '\n';
  std::cout << "  because " << reason(policy, verdict, query) << '\n';
  if (verdict.rule != nullptr) {
    const std::string intended = Policy::intended_for(verdict, query.name);
    if (!intended.empty()) {
      std::cout << "  intended: " << intended << '\n';
    }
    if (const std::string_view kind = verdict.confusable_class(); !kind.empty()) {
      std::cout << "  class: " << kind << '\n';
    }
    if (verdict.likeness.domain != nullptr) {
      std::cout << "  score: " << explain(verdict.likeness.kind, verdict.likeness.score) << '\n';
    }
    for (const std::string& record : local_data(verdict)) {
      std::cout << "  local data: " << record << '\n';
    }
    if (!verdict.rule->reason.empty()) {
      std::cout << "  reason: " << verdict.rule->reason << '\n';
    }
    if (!verdict.rule->reference.empty()) {
      std::cout << "  reference: " << verdict.rule->reference << '\n';
    }
    if (const std::string advice = how_to_let_through(query, verdict); !advice.empty()) {
      std::cout << "  to let it through: " << advice << '\n';
    }
  }
  if (verdict.rule == nullptr && lost.empty()) {
    if (const Passing passing = why_it_passes(policy, query.name); passing.nearest) {
      std::cout << "  " << sentence(policy, passing) << '\n';
    }
  }
  for (const Runner& runner : lost) {
    const Likeness& likeness = runner.likeness;
    std::cout << "  the rule `" << runner.rule->id << "` " << matching(runner.matched, likeness)
              << (likeness.domain == nullptr
                      ? std::string()
                      : " (score " + explain(likeness.kind, likeness.score) + ')')
              << " and does not decide: " << why(runner.why) << '\n';
  }
}

int explain(const Options& options) {
  const auto type = type_from_text(options.type);
  if (!type) {
    std::cerr << "nearmiss explain: --type: `" << options.type
              << "` is no RR type; write a name such as MX, A or AAAA\n";
    return exit_cannot;
  }
  const LoadResult result = load_policy(options.config);
  if (!result.config) {
    print(result.diagnostics);
    std::cerr << "nearmiss explain: the policy " << options.config << " cannot be used\n";
    return exit_cannot;
  }
  const Policy& policy = result.config->policy;
  ClientAddress client = result.config->first_client.value_or(ClientAddress());
  if (!options.client.empty()) {
    const auto given = ClientAddress::from_text(options.client);
    const auto group = result.config->group_clients.find(options.client);
    if (!given && group == result.config->group_clients.end()) {
      std::cerr << "nearmiss explain: --client: `" << plain(options.client)
                << "` is no IP address and no group of the policy's clients; write one as "
                   "192.0.2.25 or 2001:db8::25\n";
      return exit_cannot;
    }
    client = given ? *given : group->second;
  } else if (result.config->first_client && !options.json) {
    std::cerr << "nearmiss explain: no --client given; taking " << client.to_text()
              << ", the first address of the group `" << policy.clients().names().front() << "`\n";
  }

  const bool any_client = options.client.empty() && !result.config->first_client;
  const std::string asker = any_client ? "any client" : client.to_text();
  Json all = Json::array();
  int exit_code = exit_fine;
  for (const std::string& text : options.names) {
    std::string problem;
    const std::size_t at = text.rfind('@'); // of a mail address the domain is meant
    const auto name = read_name(at == std::string::npos ? text : text.substr(at + 1), problem);
    if (!name) {
      std::cerr << "nearmiss explain: " << problem << '\n';
      exit_code = exit_no;
      continue;
    }
    const Query query{*name, *type, client, today(), options.tcp};
    std::vector<Runner> lost;
    const Verdict verdict = policy.explain(query, lost);
    if (options.json) {
      all.push_back(to_json(policy, query, verdict, lost, asker));
    } else {
      print_text(policy, query, verdict, lost, asker);
    }
  }
  if (options.json) {
    std::cout << all.dump(2) << '\n';
  }
  return exit_code;
}

} // namespace

Command add_explain(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "explain",
      "Say what the policy decides about names, by which rule, why, and which rules lost");
  add_config_option(*command, options->config);
  command->add_option("--client", options->client,
                      "the address that asks, or a group of clients, for its first one; else the "
                      "first one of the policy's first group");
  command->add_option("--type", options->type, "the RR type asked for")->capture_default_str();
  command->add_flag("--tcp", options->tcp, "the client asks over TCP, TLS or HTTPS; else UDP");
  command->add_flag("--json", options->json, "print the verdicts as JSON");
  command->add_option("NAME", options->names, "domain names, or mail addresses")->required();
  command->footer(
      "No server is asked: what the names lead to (aliases, MX hosts, addresses) is not "
      "judged here.\nExit codes: 0 every name was explained, whether it is blocked or "
      "not; 1 one of "
      "them is no\ndomain name; 2 the policy cannot be used, or an option is wrong.");
  return {command, [options] { return explain(*options); }};
}

} // namespace nearmiss::cli
