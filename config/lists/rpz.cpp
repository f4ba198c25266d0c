#include "config/lists/rpz.hpp"

#include "config/lists/rdata.hpp"
#include "config/lists/rpz_apex.hpp"
#include "config/lists/rpz_zone.hpp"
#include "config/names.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

constexpr std::string_view other_prefix = "rpz-";

constexpr std::array<std::pair<std::string_view, Action>, 3> policy_targets{{
    {"rpz-passthru", Action::allow},
    {"rpz-drop", Action::drop},
    {"rpz-tcp-only", Action::tcp_only},
}};

// Records that say something about the zone, not about the trigger.
bool is_about_the_zone(std::uint16_t type) noexcept {
  switch (type) {
  case type_rrsig:
  case type_nsec:
  case type_nsec3:
  case type_nsec3param:
  case type_dnskey:
  case type_zonemd:
    return true;
  default:
    return false;
  }
}

// As Unbound, PowerDNS and Knot have it: a delegation is no data to answer with.
bool is_passed_over(std::uint16_t type) noexcept {
  return type == type_ns || type == type_soa || type == type_ds;
}

// The action that a CNAME to this name is, if any.
std::optional<Action> action_of(const Name& target) noexcept {
  if (target.is_root()) {
    return Action::nxdomain;
  }
  if (target.label_count() > 1) {
    return std::nullopt;
  }
  if (target.label(0) == "*") {
    return Action::nodata;
  }
  const auto* const policy = std::ranges::find(policy_targets, target.label(0),
                                               &decltype(policy_targets)::value_type::first);
  return policy != policy_targets.end() ? std::optional(policy->second) : std::nullopt;
}

bool starts_as_a_trigger_kind(std::string_view label) noexcept {
  return label.starts_with(other_prefix);
}

} // namespace

bool RpzZone::begins(const ZoneRecord& record) {
  if (!begun_ && record.type == type_soa) {
    begun_ = true;
    begin(record);
  }
  if (!begun_ && !load_.settings().zone && !out_of_place_) {
    out_of_place_ = true;
    broken(record.line, "the zone must begin with its SOA, whose owner is the zone's name; write "
                        "one as `@ SOA localhost. hostmaster.localhost. 1 3600 600 86400 60`");
  }
  return begun_ || load_.settings().zone;
}

void RpzZone::begin(const ZoneRecord& soa) {
  take_apex(soa);
  std::string problem;
  const auto data = rdata_of(soa.type, soa.data, file_.origin(), problem);
  constexpr std::size_t numbers = 20; // octets: serial, refresh, retry, expire, minimum
  if (!data || data->size() < numbers) {
    broken(soa.line, "the SOA cannot be read: " + problem);
    return;
  }
  const auto number = [&](std::size_t index) {
    std::uint32_t value = 0;
    for (std::size_t at = data->size() - numbers + 4 * index, i = 0; i < 4; ++i) {
      value = value << 8U | (*data)[at + i];
    }
    return value;
  };
  rules_.serial = number(0);
  rules_.expire = std::chrono::seconds(number(3));
  usual_ttl_ = number(4);
}

void RpzZone::take_apex(const ZoneRecord& soa) {
  const std::optional<Name>& written = load_.settings().zone;
  const Name& origin = file_.origin();
  if (soa.owner_below == Below::zone && soa.owner.is_root()) {
    const auto guess = apex_from_owners(file_.ahead());
    if (!guess) {
      return; // relative names need none
    }
    apex_ = guess->apex;
    const auto trigger = guess->owner.with_suffix(apex_, Name());
    load_.warning({soa.line, 1}, "the file does not say the zone's name; by its owners it is " +
                                     shown(apex_.to_text()) + ", so that " +
                                     shown(guess->owner.to_text() + '.') + " matches " +
                                     shown(trigger->to_text()) + "; write `zone: " +
                                     apex_.to_text() + "` in `list`, or `$ORIGIN` before the SOA");
  } else {
    apex_ = soa.owner_below == Below::origin ? *soa.owner.with_suffix(Name(), origin) : soa.owner;
  }
  if (written && apex_ != *written) {
    broken(soa.line, "the SOA is that of the zone " + shown(apex_.to_text()) +
                         ", and `zone` in `list` says " + shown(written->to_text()) +
                         "; write that zone's name there, or fetch the right zone");
    apex_ = *written;
  }
  apex_known_ = true;
  if (!file_.origin_known()) {
    // An SOA whose owner has no final dot: such names are whole ones everywhere in the file.
    file_.set_origin(soa.owner_below == Below::zone && !soa.owner.is_root() ? Name() : apex_);
  }
}

// The root: it is the zone's own name. nullopt: it is none of the zone, which is reported.
std::optional<Name> RpzZone::trigger_of(const ZoneRecord& record) {
  if (record.owner_below == Below::zone ||
      (record.owner_below == Below::origin && apex_known_ && file_.origin() == apex_)) {
    return record.owner;
  }
  const bool relative = record.owner_below == Below::origin;
  const Name owner = relative ? *record.owner.with_suffix(Name(), file_.origin()) : record.owner;
  if (!apex_known_) {
    broken(record.line, shown(owner.to_text() + '.') +
                            " is a whole name, and the file does not say what of it is the zone's "
                            "name; write `zone: NAME` in `list`, or `$ORIGIN NAME.` before the "
                            "SOA");
    return std::nullopt;
  }
  if (!owner.is_at_or_below(apex_)) {
    broken(record.line,
           shown(owner.to_text()) + " is not in the zone " + shown(apex_.to_text()) +
               (relative ? ", as names without a final dot are below " +
                               shown(file_.origin().to_text()) + " here; write `$ORIGIN " +
                               apex_.to_text() + ".` before it"
                         : "; take the final dot away, or take the record out"));
    return std::nullopt;
  }
  return owner.with_suffix(apex_, Name());
}

void RpzZone::take(const ZoneRecord& record) {
  const bool first = !begun_;
  if (!begins(record) || (first && begun_)) {
    return;
  }
  auto name = trigger_of(record);
  if (!name || name->is_root() || is_about_the_zone(record.type)) {
    return;
  }
  const std::string_view kind = name->label(name->label_count() - 1);
  if (starts_as_a_trigger_kind(kind)) {
    others_[std::string(kind)](record.line);
    return;
  }
  if (is_passed_over(record.type)) {
    passed_over_[record.type](record.line);
    return;
  }
  const bool wildcard = name->label(0) == "*";
  const Trigger trigger{wildcard ? name->parent() : *name, wildcard ? Scope::below : Scope::exact};
  if (record.type == type_cname) {
    take_cname(trigger, record);
  } else {
    take_local(trigger, record);
  }
}

void RpzZone::take_cname(const Trigger& trigger, const ZoneRecord& record) {
  bool relative = false;
  if (record.data.size() != 1) {
    broken(record.line, "no record of a zone file: a CNAME has one name behind it; write one as "
                        "`name CNAME .`");
    return;
  }
  const auto word = record.data[0];
  const auto written = zone_name(word, relative);
  if (!written) {
    broken(record.line, "no record of a zone file: " + shown(word) + " is no domain name");
    return;
  }
  if (relative && written->label_count() == 1 &&
      (written->label(0) == "*" || starts_as_a_trigger_kind(written->label(0)))) {
    broken(record.line, "the CNAME leads to " + shown(word) + ", a name of this zone; write " +
                            shown(std::string(word) + '.') + " with its final dot");
    return;
  }
  const auto target = relative ? written->with_suffix(Name(), file_.origin()) : written;
  if (!target) {
    broken(record.line, "no record of a zone file: " + shown(word) + " is too long a name");
    return;
  }
  if (const auto action = relative ? std::nullopt : action_of(*target)) {
    take_policy(trigger, *action, record.line);
    return;
  }
  if (trigger.scope == Scope::exact && *target == trigger.name) { // as the first zones wrote it
    take_policy(trigger, Action::allow, record.line);
    return;
  }
  const std::string_view top =
      target->is_root() ? std::string_view() : target->label(target->label_count() - 1);
  if (starts_as_a_trigger_kind(top)) {
    broken(record.line, shown(target->to_text() + '.') +
                            " is no action of a response policy zone; write one of: ., *., "
                            "rpz-passthru., rpz-drop., rpz-tcp-only.");
    return;
  }
  if (apex_known_ && !apex_.is_root() && target->is_at_or_below(apex_)) {
    if (starts_as_a_trigger_kind(target->label(0)) || target->label(0) == "*") {
      const std::string label(target->label(0));
      if (target->label_count() == apex_.label_count() + 1) {
        broken(record.line, "the CNAME leads to " + shown(target->to_text() + '.') +
                                ", a name of this zone; write " + shown(label + '.'));
        return;
      }
    }
    inside_target_ = inside_.count == 0 ? target->to_text() + '.' : inside_target_;
    inside_(record.line);
  }
  take_local(trigger, record);
}

bool RpzZone::may_list(const Trigger& trigger, bool blocks, std::size_t line) {
  if (trigger.scope != Scope::below || !blocks || load_.settings().public_suffixes ||
      !is_public_suffix(trigger.name)) {
    return true;
  }
  if (is_private_suffix(trigger.name)) {
    load_.private_suffix(trigger.name, {line, 1});
  } else {
    broken(line, public_suffix_problem(trigger.name.to_text()));
  }
  return false;
}

bool RpzZone::may_have(const Trigger& trigger, unsigned action, std::size_t line) {
  const auto before = seen_.see(trigger.name, trigger.scope == Scope::below, action, line);
  if (before.action != action) {
    broken(line, "the trigger has another action in line " + std::to_string(before.line) +
                     ", which holds; take one out");
  }
  return before.action == action;
}

void RpzZone::listed(const Trigger& trigger) noexcept {
  if (first_.is_root()) {
    first_ = trigger.name;
  }
  one_top_ =
      one_top_ && !trigger.name.is_root() &&
      trigger.name.label(trigger.name.label_count() - 1) == first_.label(first_.label_count() - 1);
}

void RpzZone::take_policy(const Trigger& trigger, Action action, std::size_t line) {
  const bool own = rules_.overrides() && action != Action::allow;
  if (may_list(trigger, action != Action::allow, line) &&
      may_have(trigger, own ? TriggerTable::any_block : static_cast<unsigned>(action), line)) {
    listed(trigger);
    if (is_first(trigger, action == Action::allow, line)) {
      load_.add(rules_.rule_for(action), trigger.name, trigger.scope);
    }
  }
}

bool RpzZone::is_first(const Trigger& trigger, bool allows, std::size_t line) {
  if (order_.mode() == ZoneOrder::Mode::off) {
    return true;
  }
  const std::filesystem::path* const earlier = order_.add(trigger.name, trigger.scope, allows);
  if (earlier == nullptr) {
    return true;
  }
  if (elsewhere_.count == 0) {
    elsewhere_trigger_ = shown_trigger(trigger);
    elsewhere_zone_ = earlier->native();
  }
  elsewhere_(line);
  if (order_.mode() == ZoneOrder::Mode::report) {
    return true;
  }
  load_.decided_elsewhere();
  return false;
}

void RpzZone::read() {
  if (load_.settings().zone) {
    apex_ = *load_.settings().zone;
    apex_known_ = true;
    file_.set_origin(apex_);
  }
  file_.read([&](const ZoneRecord& record) { take(record); },
             [&](std::size_t line, std::string problem) { broken(line, std::move(problem)); });
  if (!begun_ && !out_of_place_ && !load_.settings().zone && load_.settings().empty_allowed) {
    broken(1, "the zone has no SOA, which an empty one has too; fetch it again");
  }
  list_locals();
  report_left_out();
  report_strange_names();
}

void read_rpz_list(std::string_view content, RpzRules& rules, ZoneOrder& order, ListLoad& load) {
  RpzZone(content, rules, order, load).read();
}

} // namespace nearmiss
