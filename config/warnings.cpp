#include "config/warnings.hpp"

#include "config/names.hpp"
#include "config/provider_warnings.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace nearmiss {

namespace {

// The lookups that lead a mail server to a host (RFC 5321 section 5.1).
constexpr std::array<std::uint16_t, 3> mail_types{15, 1, 28}; // MX, A, AAAA
constexpr std::uint16_t address_type = mail_types[1];

class Warnings {
 public:
  Warnings(const Policy& policy, const PolicySource& source, std::chrono::sys_days today,
           Report& report)
      : policy_(policy), source_(source), today_(today), report_(report) {}

  void all() {
    if (source_.mode.line > 0) {
      warn(source_.mode, "`mode: observe` blocks nothing, it only writes events; write `mode: "
                         "enforce` to block");
    }
    check_groups();
    check_sinkhole();
    check_nodata();
    for (const RuleSource& rule : source_.rules) {
      check_types(rule);
      check_queueing(rule);
      check_intended(rule);
      check_protected(rule);
      check_exceptions(rule);
      check_dead(rule);
    }
    warn_of_blocked_providers(policy_, source_, today_, report_);
  }

 private:
  void warn(Place place, std::string message) {
    report_.warning(source_.file, place, std::move(message));
  }
  const Rule& rule_of(const RuleSource& source) const { return policy_.rules()[source.index]; }
  // The rule and its variants: those of them that names belong to.
  std::span<const Rule> rules_of(const RuleSource& source) const {
    const std::size_t first = source.index + (source.zone_decides ? 1 : 0);
    return std::span(policy_.rules()).subspan(first, source.last + 1 - first);
  }

  void check_groups() {
    GroupSet used = 0;
    bool every_client = false;
    for (const Rule& rule : policy_.rules()) {
      used |= rule.groups;
      every_client = every_client || rule.every_client;
    }
    for (std::size_t i = 0; i < source_.groups.size() && !every_client; ++i) {
      if ((used & (GroupSet{1} << i)) == 0) {
        warn(source_.groups[i].place, "no rule is for the clients " +
                                          shown(source_.groups[i].name) +
                                          ", so nothing is blocked for them; name the group in "
                                          "`clients` of a rule or take it out");
      }
    }
  }

  void check_sinkhole() {
    const SinkholeSource& written = source_.sinkhole;
    const bool used = std::any_of(policy_.rules().begin(), policy_.rules().end(),
                                  [](const Rule& rule) { return rule.action == Action::sinkhole; });
    if (!used) {
      return;
    }
    const auto& ipv4 = written.sinkhole.ipv4;
    const auto& ipv6 = written.sinkhole.ipv6;
    if (ipv4.has_value() != ipv6.has_value()) {
      const char* missing = ipv4 ? "ipv6" : "ipv4";
      warn(written.place, std::string("the sinkhole has no ") + shown(missing) +
                              ": a mail server that has only that family queues for days instead "
                              "of bouncing; write both");
    }
    for (const RuleSource& source : source_.rules) {
      if (source.matches_exchanges && rule_of(source).action == Action::sinkhole &&
          !written.sinkhole.mx) {
        warn(source.place, "the rule " + shown(rule_of(source).id) +
                               " matches by exchange, and the sinkhole has no `mx` to name "
                               "instead: such domains get a null MX; write `mx` in `sinkhole`");
      }
    }
    check_sinkhole_name();
    if (ipv4 && (ipv4->octets()[12] == 0 || ipv4->octets()[12] == 127)) {
      warn(written.ipv4, "the sinkhole " + shown(ipv4->to_text()) +
                             " is the mail server itself: it delivers to itself, loops or freezes "
                             "the message; write the address of a server that refuses mail");
    }
    if (ipv6) {
      auto octets = ipv6->octets();
      octets[15] &= 0xFEU;
      if (ClientAddress::v6(octets) == ClientAddress()) { // :: and ::1
        warn(written.ipv6, "the sinkhole " + shown(ipv6->to_text()) +
                               " is the mail server itself: it delivers to itself, loops or "
                               "freezes the message; write the address of a server that refuses "
                               "mail");
      }
    }
  }

  // Whoever is sent to it asks for its address.
  void check_sinkhole_name() {
    const std::optional<Name>& mx = source_.sinkhole.sinkhole.mx;
    for (const RuleSource& source : source_.rules) {
      const Rule& rule = rule_of(source);
      const bool leads_there = mx && rule.action == Action::sinkhole;
      const Rule* blocking = leads_there ? blocked_by(*mx, rule, address_type) : nullptr;
      if (blocking != nullptr && blocking->action != Action::sinkhole) {
        warn(source_.sinkhole.mx, "the rule " + shown(blocking->id) + " blocks the sinkhole's " +
                                      "name " + shown(mx->to_text()) + ", so who the rule " +
                                      shown(rule.id) + " sends there gets no address; write " +
                                      "another name, or an `except` in " + shown(blocking->id));
        return;
      }
    }
  }

  void check_nodata() {
    const RuleSource* first = nullptr;
    for (const RuleSource& source : source_.rules) {
      for (const Rule& rule : rules_of(source)) {
        if (blocks(rule.action) && rule.action != Action::nodata) {
          return;
        }
        first = first == nullptr && blocks(rule.action) ? &source : first;
      }
    }
    if (first != nullptr) {
      warn(first->place, "every block of this policy is `nodata`: OpenSMTPD then queues for four "
                         "days instead of bouncing; write `nxdomain` or `null-mx`");
    }
  }

  void check_types(const RuleSource& source) {
    const Rule& rule = rule_of(source);
    std::string covered;
    std::string open;
    for (const std::uint16_t type : mail_types) {
      std::string& list = rule.types.contains(type) ? covered : open;
      list += (list.empty() ? "" : ", ") + type_to_text(type);
    }
    if (blocks(rule.action) && !open.empty()) {
      warn(source.place,
           "the rule " + shown(rule.id) + " blocks " +
               (covered.empty() ? "neither MX nor addresses" : covered + " but not " + open) +
               ": mail servers that get no MX go on to A and AAAA and deliver there; "
               "write `types: delivery`");
    }
  }

  void check_queueing(const RuleSource& source) {
    for (const Rule& rule : rules_of(source)) {
      const std::string subject = "the rule " + shown(rule.id) +
                                  (rule.variant ? " has entries with " : " answers ") +
                                  shown(to_string(rule.action));
      if (rule.action == Action::servfail || rule.action == Action::refused ||
          rule.action == Action::drop) {
        warn(source.place, subject + ": mail servers queue for days instead of bouncing, and may "
                                     "ask another resolver; write `nxdomain` or `null-mx`");
      } else if (rule.action == Action::tcp_only) {
        warn(source.place, subject + ": a mail server's resolver asks again over TCP and gets the "
                                     "real answer; write `nxdomain` or `null-mx` to block");
      }
    }
  }

  void check_intended(const RuleSource& source) {
    const Rule& rule = rule_of(source);
    if (!rule.intended || !blocks(rule.action)) {
      return;
    }
    if (const Rule* blocking = blocked_by(*rule.intended, rule)) {
      warn(source.place, "the rule " + shown(rule.id) + " names " +
                             shown(rule.intended->to_text()) + " as meant, and the rule " +
                             shown(blocking->id) + " blocks that; check `intended`");
    }
  }

  void check_protected(const RuleSource& source) {
    const Rule& rule = rule_of(source);
    for (const WrittenName& written : source.protects) {
      if (const Rule* blocking = blocked_by(written.name, rule)) {
        warn(written.place, "the rule " + shown(rule.id) + " protects " +
                                shown(written.name.to_text()) + ", and the rule " +
                                shown(blocking->id) + " blocks that; take one out");
      }
    }
  }

  // The rule that blocks the name for a client of `rule`; null if none does.
  const Rule* blocked_by(const Name& name, const Rule& rule,
                         std::uint16_t type = mail_types[0]) const {
    const Verdict verdict = policy_.decide({name, type, client_of(rule), today_});
    return verdict.rule != nullptr && blocks(verdict.action) ? verdict.rule : nullptr;
  }

  void check_exceptions(const RuleSource& source) {
    if (source.matches_more) {
      return; // what that is can not be told here
    }
    for (const WrittenName& exception : source.exceptions) {
      const bool applies =
          excepts_lookalike(source, exception.name) ||
          std::any_of(source.names.begin(), source.names.end(), [&](const WrittenName& written) {
            return written.scope == Scope::subtree ? exception.name.is_at_or_below(written.name)
                                                   : written.name.is_at_or_below(exception.name);
          });
      if (!applies) {
        warn(exception.place,
             "the exception " + shown(exception.name.to_text()) +
                 " takes nothing out of the rule " + shown(rule_of(source).id) +
                 (source.protects.empty() ? ", which lists no such name"
                                          : ", which does not take it for a look-alike") +
                 "; take it out or check its spelling");
      }
    }
  }

  // Would the rule take the name for a look-alike? What is below a suffix nobody can tell.
  bool excepts_lookalike(const RuleSource& source, const Name& name) const {
    if (source.protects.empty()) {
      return false;
    }
    std::vector<Runner> lost;
    policy_.explain({name, mail_types[0], client_of(rule_of(source)), today_}, lost);
    return is_public_suffix(name) ||
           std::any_of(lost.begin(), lost.end(), [&](const Runner& runner) {
             return runner.rule == &rule_of(source) && runner.why == Runner::Lost::excepted;
           });
  }

  // A client that the rule is for.
  ClientAddress client_of(const Rule& rule) const {
    for (std::size_t i = 0; i < source_.groups.size() && !rule.every_client; ++i) {
      if ((rule.groups & (GroupSet{1} << i)) != 0 && !source_.groups[i].prefixes.empty()) {
        return source_.groups[i].prefixes.front().address;
      }
    }
    return {};
  }

  // The clients that tell rules apart: one of each of the rule's groups, or one of no group.
  std::vector<ClientAddress> clients_of(const Rule& rule) const {
    std::vector<ClientAddress> clients;
    for (std::size_t i = 0; i < source_.groups.size(); ++i) {
      if (rule.every_client || (rule.groups & (GroupSet{1} << i)) != 0) {
        for (const Prefix& prefix : source_.groups[i].prefixes) {
          clients.push_back(prefix.address);
        }
      }
    }
    if (rule.every_client) {
      clients.emplace_back();
    }
    return clients;
  }

  // The rule that decides instead of `rule` wherever it was asked; null if `rule` ever decides.
  // Asks for each written name and, where the rule takes in what is below, for a name below it.
  // `excepted`: it was the rule's own exceptions.
  const Rule* winner_over(const RuleSource& source, bool& excepted) const {
    const Rule& rule = rule_of(source);
    const Rule* winner = nullptr;
    excepted = false;
    for (const WrittenName& written : source.names) {
      std::vector<Name> names{written.name};
      if (written.scope == Scope::subtree) {
        const std::string below = "nearmiss-check." + written.name.to_text();
        if (const auto name = Name::from_text(written.name.is_root() ? "nearmiss-check" : below)) {
          names.push_back(*name);
        }
      }
      for (const Name& name : names) {
        for (const ClientAddress& client : clients_of(rule)) {
          for (std::uint16_t type = 1; type < TypeSet::limit; ++type) {
            if (!rule.types.contains(type)) {
              continue;
            }
            std::vector<Runner> lost;
            const Verdict verdict = policy_.explain({name, type, client, today_}, lost);
            if (verdict.rule == &rule) {
              return nullptr;
            }
            winner = verdict.rule != nullptr ? verdict.rule : winner;
            excepted = excepted || verdict.rule == nullptr;
          }
        }
      }
    }
    return winner;
  }

  void check_dead(const RuleSource& source) {
    if (source.matches_more || source.names.empty()) {
      return;
    }
    const Rule& rule = rule_of(source);
    bool excepted = false;
    const Rule* winner = winner_over(source, excepted);
    const std::string never = "the rule " + shown(rule.id) + " never decides: ";
    if (winner != nullptr && winner->action == Action::allow) {
      warn(source.place, never + shown(winner->id) +
                             " allows the same names; take one out, or "
                             "allow narrower ones");
    } else if (winner != nullptr) {
      warn(source.place,
           never + "the rule " + shown(winner->id) + " decides the same names first; take one out");
    } else if (excepted) {
      warn(source.place, never + "its own `except` takes every name out; check the exceptions");
    }
  }

  const Policy& policy_;
  const PolicySource& source_;
  std::chrono::sys_days today_;
  Report& report_;
};

} // namespace

void warn_of_open_ways(const Policy& policy, const PolicySource& source,
                       std::chrono::sys_days today, Report& report) {
  Warnings(policy, source, today, report).all();
}

} // namespace nearmiss
