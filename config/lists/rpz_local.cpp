// The local data of a response policy zone.
#include "config/lists/rdata.hpp"
#include "config/lists/rpz_zone.hpp"

#include <algorithm>

namespace nearmiss {

namespace {

constexpr std::string_view wildcard = "\1*";

// The wire form of a name as a key; a wildcard has its `*` label again.
std::string key_of(const Name& name, Scope scope) {
  const auto wire = name.wire();
  std::string key(scope == Scope::below ? wildcard : "");
  return key.append(wire.begin(), wire.end());
}

} // namespace

RpzZone::Trigger RpzZone::Local::trigger() const {
  const std::string_view wire =
      std::string_view(*key).substr(scope == Scope::below ? wildcard.size() : 0);
  return {*Name::from_wire({reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()}),
          scope};
}

void RpzZone::take_local(const Trigger& trigger, const ZoneRecord& record) {
  if (record.type == type_dname) {
    broken(record.line, "a DNAME is no policy; write a CNAME of `*.` and the name");
    return;
  }
  if (!rules_.can_answer(record.type)) {
    broken(record.line, "local data of the type " + type_to_text(record.type) +
                            ", which only `types: all` in the rule can cover; write that, or take "
                            "the record out");
    return;
  }
  std::string problem;
  auto rdata = rdata_of(record.type, record.data, file_.origin(), problem);
  if (!rdata) {
    broken(record.line, "no record of a zone file: " + problem);
    return;
  }
  Data local{record.type, record.ttl.value_or(usual_ttl_), std::move(*rdata)};

  const unsigned code =
      rules_.overrides() ? TriggerTable::any_block : static_cast<unsigned>(Action::local_data);
  if (!may_have(trigger, code, record.line)) {
    return;
  }
  const auto [at, fresh] = local_at_.emplace(key_of(trigger.name, trigger.scope), locals_.size());
  if (fresh) {
    if (!may_list(trigger, true, record.line)) {
      local_at_.erase(at);
      return;
    }
    locals_.push_back({record.line, trigger.scope, &at->first, {}});
  }
  std::vector<Data>& data = locals_[at->second].data;
  std::size_t octets = octets_in_answer(local.record());
  for (const Data& other : data) {
    octets += octets_in_answer(other.record());
    if (other.type == local.type && other.rdata == local.rdata) {
      return; // an RRset is a set (RFC 2181 section 5)
    }
    if ((other.type == type_cname) != (local.type == type_cname) || other.type == type_cname) {
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
  for (Data& other : data) { // with one TTL (RFC 2181 section 5.2)
    if (other.type == local.type) {
      other.ttl = local.ttl = std::min(other.ttl, local.ttl);
    }
  }
  const auto last_of_its_type =
      std::ranges::find(data.rbegin(), data.rend(), local.type, &Data::type);
  data.insert(last_of_its_type == data.rend() ? data.end() : last_of_its_type.base(),
              std::move(local));
}

void RpzZone::list_locals() {
  for (const Local& local : locals_) {
    if (local.data.empty()) {
      continue; // its only record was broken
    }
    const Trigger trigger = local.trigger();
    listed(trigger);
    if (is_first(trigger, false, local.line)) {
      load_.add(rules_.rule_for(whole_data(local)), trigger.name, trigger.scope);
    }
  }
}

LocalData RpzZone::whole_data(const Local& local) const {
  LocalData data;
  for (const Data& one : local.data) {
    data.push_back(one.record());
  }
  if (data.front().type == type_cname) {
    add_chain(local.trigger(), data);
  }
  return data;
}

void RpzZone::add_chain(const Trigger& trigger, LocalData& data) const {
  std::size_t octets = octets_in_answer(data.front());
  while (data.back().type == type_cname && !is_wildcard_cname(data.back())) {
    const auto target = Name::from_wire(data.back().rdata);
    const auto at = target ? local_at_.find(key_of(*target, Scope::exact)) : local_at_.end();
    if (at == local_at_.end() || locals_[at->second].data.empty()) {
      return;
    }
    const bool leads_back =
        (trigger.scope == Scope::exact && *target == trigger.name) ||
        std::ranges::find(data, OptionalName(target), &LocalRecord::owner) != data.end();
    if (leads_back) {
      return;
    }
    for (const Data& one : locals_[at->second].data) {
      LocalRecord record = one.record();
      record.owner = *target;
      octets += octets_in_answer(record);
      if (octets > max_local_data) {
        return; // the client may ask for the target itself
      }
      data.push_back(std::move(record));
    }
  }
}

} // namespace nearmiss
