#include "config/provider_warnings.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace nearmiss {

namespace {

constexpr std::uint16_t type_mx = 15;
constexpr std::size_t most_shown = 5;

class ProviderWarnings {
 public:
  ProviderWarnings(const Policy& policy, const PolicySource& source, std::chrono::sys_days today,
                   Report& report)
      : policy_(policy), source_(source), today_(today), report_(report) {
    clients_.emplace_back(); // of no group
    for (const Group& group : source.groups) {
      if (!group.prefixes.empty()) {
        clients_.push_back(group.prefixes.front().address);
      }
    }
  }

  void all() {
    const Name anybody = *Name::from_text("nearmiss-check.invalid");
    for (const Name& provider : source_.mail_providers) {
      for (const ClientAddress& client : clients_) {
        note(policy_.decide({provider, type_mx, client, today_}), provider, By::name);
        note(policy_.decide_exchange({anybody, type_mx, client, today_}, provider), provider,
             By::exchange);
      }
    }
    for (const auto& [key, names] : blocked_) {
      report(source_.rules[key.first], key.second, names);
    }
  }

 private:
  enum class By { name, exchange };

  void note(const Verdict& verdict, const Name& provider, By by) {
    if (verdict.rule == nullptr || !blocks(verdict.action)) {
      return;
    }
    const auto rule = static_cast<std::size_t>(verdict.rule - policy_.rules().data());
    for (std::size_t i = 0; i < source_.rules.size(); ++i) {
      const RuleSource& source = source_.rules[i];
      if (rule < source.index || rule > source.last) {
        continue;
      }
      const bool meant = std::ranges::any_of(source.names, [&](const WrittenName& written) {
        return by == By::name && provider.is_at_or_below(written.name);
      });
      if (meant) {
        continue;
      }
      std::vector<Name>& names = blocked_[{i, by}];
      if (std::ranges::find(names, provider) == names.end()) {
        names.push_back(provider);
      }
    }
  }

  void report(const RuleSource& source, By by, const std::vector<Name>& names) {
    std::string some;
    for (std::size_t i = 0; i < std::min(names.size(), most_shown); ++i) {
      some += (i == 0 ? "" : ", ") + shown(names[i].to_text());
    }
    if (names.size() > most_shown) {
      some += " and " + std::to_string(names.size() - most_shown) + " more";
    }
    std::string list_name;
    for (const ListSource& list : source_.lists) {
      if (by == By::name && list.rule == source.index) {
        list_name = " (list " + shown(list.loaded.file.native()) + ")";
      }
    }
    const std::string rule = "the rule " + shown(policy_.rules()[source.index].id) + list_name;
    report_.warning(
        source_.file, source.place,
        by == By::name ? rule + " would block large mail providers: " + some +
                             "; mail to all of their users would end; write the names in `except`, "
                             "or, if it is meant, in `domains` of the rule"
                       : rule + " would block every domain whose mail goes to large mail " +
                             "providers: " + some + "; take them out of `mx_exchange`");
  }

  const Policy& policy_;
  const PolicySource& source_;
  std::chrono::sys_days today_;
  Report& report_;
  std::vector<ClientAddress> clients_;
  // By the rule's place in source_.rules.
  std::map<std::pair<std::size_t, By>, std::vector<Name>> blocked_;
};

} // namespace

void warn_of_blocked_providers(const Policy& policy, const PolicySource& source,
                               std::chrono::sys_days today, Report& report) {
  ProviderWarnings(policy, source, today, report).all();
}

} // namespace nearmiss
