#include "config/lists/rpz.hpp"

#include "config/lists/zone_file.hpp"
#include "config/names.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <ldns/ldns.h>

namespace nearmiss {

namespace {

constexpr std::array<std::pair<std::string_view, Action>, 5> policy_targets{{
    {".", Action::nxdomain},
    {"*.", Action::nodata},
    {"rpz-passthru.", Action::allow},
    {"rpz-drop.", Action::drop},
    {"rpz-tcp-only.", Action::tcp_only},
}};

// What a trigger is for, by the label below the apex.
constexpr std::array<std::string_view, 4> other_triggers{"rpz-client-ip", "rpz-ip", "rpz-nsdname",
                                                         "rpz-nsip"};

// Records that say something about the zone, not about the trigger.
bool is_about_the_zone(std::uint16_t type) noexcept {
  switch (type) {
  case LDNS_RR_TYPE_RRSIG:
  case LDNS_RR_TYPE_NSEC:
  case LDNS_RR_TYPE_NSEC3:
  case LDNS_RR_TYPE_NSEC3PARAM:
  case LDNS_RR_TYPE_DNSKEY:
  case LDNS_RR_TYPE_ZONEMD:
    return true;
  default:
    return false;
  }
}

// The action that a CNAME to this target stands for, if any.
std::optional<Action> action_of(std::string_view target) noexcept {
  const auto* const policy =
      std::ranges::find(policy_targets, target, &decltype(policy_targets)::value_type::first);
  return policy != policy_targets.end() ? std::optional(policy->second) : std::nullopt;
}

// A trigger, and what it lists.
struct Trigger {
  Name name;
  Scope scope = Scope::exact;
};

// What the zone says, as it is read.
class Zone {
 public:
  Zone(RpzRules& rules, ListLoad& load) : rules_(rules), load_(load) {}

  void take(const ZoneRecord& record);
  void broken(std::size_t line, std::string problem) {
    load_.broken({line, 1}, std::move(problem));
  }
  void finish();

 private:
  struct Local {
    std::size_t line = 0;
    Trigger trigger;
    LocalData data;
  };
  // For conflicts: a trigger, and the rule it went to. The hash only sorts: it has no key, so a
  // feed can hold names that come to the same.
  struct Seen {
    std::size_t hash;
    std::size_t at; // of the trigger's octets in seen_octets_
    std::size_t rule;
    std::size_t line;
  };

  bool begins(const ZoneRecord& record);
  void take_policy(const Trigger& trigger, Action action, std::size_t line);
  void take_local(const Trigger& trigger, const ZoneRecord& record);
  bool may_list(const Trigger& trigger, bool blocks, std::size_t line);
  void see(const Trigger& trigger, std::size_t rule, std::size_t line);
  std::string_view octets_of(const Seen& seen) const noexcept;
  void add_chain(const Trigger& trigger, LocalData& data) const;
  void report_conflicts();
  void report_other_triggers();

  RpzRules& rules_;
  ListLoad& load_;
  bool begun_ = false;
  bool out_of_place_ = false; // it does not begin with an SOA, which was said
  Name apex_;
  std::vector<Local> locals_; // in the file's order
  std::unordered_map<std::string, std::size_t> local_at_;
  std::vector<Seen> seen_;
  std::string seen_octets_; // of each: the size of the name, its wire form, the scope
  struct Others {
    std::size_t count = 0;
    std::size_t first_line = 0;
  };
  std::map<std::string, Others> others_; // by the label
};

// The wire form of a name as a key; a wildcard has its `*` label again.
std::string key_of(const Name& name, Scope scope) {
  const auto wire = name.wire();
  return std::string(scope == Scope::below ? "\1*" : "") + std::string(wire.begin(), wire.end());
}

std::string shown_trigger(const Trigger& trigger) {
  return shown((trigger.scope == Scope::below ? "*." : "") + trigger.name.to_text());
}

bool Zone::begins(const ZoneRecord& record) {
  if (begun_) {
    return true;
  }
  if (record.type == LDNS_RR_TYPE_SOA) {
    begun_ = true;
    apex_ = record.owner;
    return true;
  }
  if (!out_of_place_) {
    out_of_place_ = true;
    broken(record.line, "the zone must begin with its SOA, whose owner is the zone's name; write "
                        "one as `@ SOA localhost. hostmaster.localhost. 1 3600 600 86400 60`");
  }
  return false;
}

void Zone::take(const ZoneRecord& record) {
  if (!begins(record)) {
    return;
  }
  if (!record.owner.is_at_or_below(apex_)) {
    broken(record.line, shown(record.owner.to_text()) + " is not in the zone " +
                            shown(apex_.to_text()) +
                            "; take the final dot away, or take the record out");
    return;
  }
  if (record.owner.label_count() == apex_.label_count() || is_about_the_zone(record.type)) {
    return;
  }
  Trigger trigger{*record.owner.with_suffix(apex_, Name()), Scope::exact};
  const std::string_view kind = trigger.name.label(trigger.name.label_count() - 1);
  if (kind.starts_with("rpz-")) {
    Others& others = others_[std::string(kind)];
    if (others.count++ == 0) {
      others.first_line = record.line;
    }
    return;
  }
  if (trigger.name.label(0) == "*") {
    trigger = {trigger.name.parent(), Scope::below};
  }
  std::string target(record.target);
  if (record.rr != nullptr && record.type == LDNS_RR_TYPE_CNAME) {
    const Name name = name_of(ldns_rr_rdf(record.rr, 0));
    target = name.is_root() ? "." : name.to_text() + '.';
    const bool to_itself = trigger.scope == Scope::exact && name == trigger.name;
    if (to_itself) { // how the first zones wrote a passthru
      take_policy(trigger, Action::allow, record.line);
      return;
    }
    const bool relative = !apex_.is_root() && name.is_at_or_below(apex_) &&
                          name.label_count() == apex_.label_count() + 1;
    if (relative && name.label(0).starts_with("rpz-")) {
      const std::string written(name.label(0));
      broken(record.line, "the CNAME leads to " + shown(target) + ", a name of this zone; write " +
                              shown(written + '.') + " with its final dot");
      return;
    }
  }
  if (record.type == LDNS_RR_TYPE_CNAME) {
    if (const auto action = action_of(target)) {
      take_policy(trigger, *action, record.line);
      return;
    }
    if (target.starts_with("rpz-") && target.find('.') == target.size() - 1) {
      broken(record.line, shown(target) + " is no action of a response policy zone; write one of: "
                                          "., *., rpz-passthru., rpz-drop., rpz-tcp-only.");
      return;
    }
  }
  take_local(trigger, record);
}

bool Zone::may_list(const Trigger& trigger, bool blocks, std::size_t line) {
  const bool everybodys = trigger.scope == Scope::below && blocks &&
                          !load_.settings().public_suffixes && is_public_suffix(trigger.name);
  if (everybodys) {
    broken(line, public_suffix_problem(trigger.name.to_text()));
  }
  return !everybodys;
}

void Zone::see(const Trigger& trigger, std::size_t rule, std::size_t line) {
  const auto wire = trigger.name.wire();
  const std::size_t at = seen_octets_.size();
  seen_octets_ += static_cast<char>(wire.size());
  seen_octets_.append(reinterpret_cast<const char*>(wire.data()), wire.size());
  seen_octets_ += static_cast<char>(trigger.scope);
  seen_.push_back({0, at, rule, line});
  seen_.back().hash = std::hash<std::string_view>()(octets_of(seen_.back()));
}

std::string_view Zone::octets_of(const Seen& seen) const noexcept {
  const auto wire_size = static_cast<unsigned char>(seen_octets_[seen.at]);
  return std::string_view(seen_octets_).substr(seen.at + 1, wire_size + std::size_t{1});
}

void Zone::take_policy(const Trigger& trigger, Action action, std::size_t line) {
  if (may_list(trigger, action != Action::allow, line)) {
    const std::size_t rule = rules_.rule_for(action);
    see(trigger, rule, line);
    load_.add(rule, trigger.name, trigger.scope);
  }
}

void Zone::take_local(const Trigger& trigger, const ZoneRecord& record) {
  if (record.type == LDNS_RR_TYPE_DNAME) {
    broken(record.line, "a DNAME is no policy; write a CNAME of `*.` and the name");
    return;
  }
  if (!rules_.can_answer(record.type)) {
    broken(record.line, "local data of the type " + type_to_text(record.type) +
                            ", which only `types: all` in the rule can cover; write that, or take "
                            "the record out");
    return;
  }
  const std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)> buffer(
      ldns_buffer_new(LDNS_MAX_PACKETLEN), ldns_buffer_free);
  if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), record.rr) != LDNS_STATUS_OK) {
    throw std::bad_alloc();
  }
  const std::uint8_t* const begin = ldns_buffer_begin(buffer.get());
  LocalRecord local{std::nullopt, record.type, {begin, begin + ldns_buffer_position(buffer.get())}};

  const auto [at, fresh] = local_at_.emplace(key_of(trigger.name, trigger.scope), locals_.size());
  if (fresh) {
    if (!may_list(trigger, true, record.line)) {
      local_at_.erase(at);
      return;
    }
    locals_.push_back({record.line, trigger, {}});
  }
  LocalData& data = locals_[at->second].data;
  std::size_t octets = octets_in_answer(local);
  for (const LocalRecord& other : data) {
    octets += octets_in_answer(other);
    if (other == local) {
      return; // an RRset is a set (RFC 2181 section 5)
    }
    if ((other.type == LDNS_RR_TYPE_CNAME) != (local.type == LDNS_RR_TYPE_CNAME) ||
        other.type == LDNS_RR_TYPE_CNAME) {
      broken(record.line, shown_trigger(trigger) +
                              " has a CNAME and another record, and a CNAME stands alone (RFC 1034 "
                              "section 3.6.2); take one out");
      return;
    }
  }
  if (octets > max_local_data) {
    broken(record.line, shown_trigger(trigger) + " has more local data than an answer holds (" +
                            std::to_string(max_local_data) + " octets); take records out");
    return;
  }
  const auto last_of_its_type =
      std::ranges::find(data.rbegin(), data.rend(), local.type, &LocalRecord::type);
  data.insert(last_of_its_type == data.rend() ? data.end() : last_of_its_type.base(),
              std::move(local));
}

// Behind a CNAME the records that this zone has for its target.
void Zone::add_chain(const Trigger& trigger, LocalData& data) const {
  std::size_t octets = octets_in_answer(data.front());
  while (data.back().type == LDNS_RR_TYPE_CNAME && !is_wildcard_cname(data.back())) {
    const auto target = Name::from_wire(data.back().rdata);
    const auto at = target ? local_at_.find(key_of(*target, Scope::exact)) : local_at_.end();
    if (at == local_at_.end() || locals_[at->second].data.empty()) {
      return;
    }
    const bool leads_back = (trigger.scope == Scope::exact && *target == trigger.name) ||
                            std::ranges::find(data, target, &LocalRecord::owner) != data.end();
    if (leads_back) {
      return;
    }
    for (LocalRecord record : locals_[at->second].data) {
      record.owner = *target;
      octets += octets_in_answer(record);
      if (octets > max_local_data) {
        return; // the client may ask for the target itself
      }
      data.push_back(std::move(record));
    }
  }
}

// A trigger that has two actions has none: which one was meant?
void Zone::report_conflicts() {
  const bool several =
      std::ranges::any_of(seen_, [&](const Seen& one) { return one.rule != seen_.front().rule; });
  if (!several) {
    return;
  }
  std::ranges::sort(seen_, [this](const Seen& a, const Seen& b) {
    if (a.hash != b.hash) {
      return a.hash < b.hash;
    }
    const int order = octets_of(a).compare(octets_of(b));
    return order != 0 ? order < 0 : a.line < b.line;
  });
  for (std::size_t at = 1; at < seen_.size(); ++at) {
    const Seen& before = seen_[at - 1];
    if (seen_[at].hash == before.hash && seen_[at].rule != before.rule &&
        octets_of(seen_[at]) == octets_of(before)) {
      broken(seen_[at].line, "the trigger has another action in line " +
                                 std::to_string(before.line) + "; take one out");
    }
  }
}

void Zone::report_other_triggers() {
  for (const auto& [label, others] : others_) {
    const bool known = std::ranges::find(other_triggers, label) != other_triggers.end();
    load_.warning(
        {others.first_line, 1},
        std::to_string(others.count) + ' ' + shown(label) +
            (others.count == 1 ? " trigger is left out: " : " triggers are left out: ") +
            (known ? "lists match the asked name alone" : "there is no such kind of trigger") +
            (label == "rpz-ip" ? "; for addresses in answers write `answer_ip` in a rule" : ""));
  }
}

void Zone::finish() {
  for (const Local& local : locals_) {
    if (local.data.empty()) {
      continue; // its only record was broken
    }
    LocalData data = local.data;
    if (data.front().type == LDNS_RR_TYPE_CNAME) {
      add_chain(local.trigger, data);
    }
    const std::size_t rule = rules_.rule_for(data);
    see(local.trigger, rule, local.line);
    load_.add(rule, local.trigger.name, local.trigger.scope);
  }
  report_conflicts();
  report_other_triggers();
}

} // namespace

void read_rpz_list(std::string_view content, RpzRules& rules, ListLoad& load) {
  if (!content.empty()) {
    Zone zone(rules, load);
    ZoneFile(content, [](std::string_view target) { return action_of(target).has_value(); })
        .read(
            [&](const ZoneRecord& record) { zone.take(record); },
            [&](std::size_t line, std::string problem) { zone.broken(line, std::move(problem)); });
    zone.finish();
  }
}

} // namespace nearmiss
