#include "config/lists/rpz.hpp"

#include "config/names.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <new>
#include <unordered_map>

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

// One RR of the zone, with the line on which it starts.
struct Record {
  std::size_t line = 0;
  Name owner;
  std::uint16_t type = 0;
  std::string_view target;     // of a CNAME that is a policy; else empty
  const ldns_rr* rr = nullptr; // null where `target` says all
};

Name name_of(const ldns_rdf* rdf) {
  const auto name = Name::from_wire({ldns_rdf_data(rdf), ldns_rdf_size(rdf)});
  return name.value_or(Name()); // ldns has checked it
}

// Reads the zone file record by record. ldns reads them; but the one form that makes up whole feeds
// (`name CNAME .`, or another policy's target) is read here, for ldns takes ten seconds for a
// million of them.
class ZoneFile {
 public:
  explicit ZoneFile(std::string_view content)
      : content_(content),
        file_(fmemopen(const_cast<char*>(content.data()), content.size(), "r"), std::fclose),
        origin_(ldns_dname_new_frm_str("."), ldns_rdf_deep_free) {
    if (!file_ || !origin_) {
      throw std::bad_alloc();
    }
  }
  ~ZoneFile() { ldns_rdf_deep_free(previous_); }
  ZoneFile(const ZoneFile&) = delete;
  ZoneFile& operator=(const ZoneFile&) = delete;

  // Calls `found(record)` for each record and `broken(line, problem)` for each that is none.
  template<typename Found, typename Broken> void read(Found found, Broken broken) {
    while (at_ < content_.size()) {
      const std::size_t end = std::min(content_.find('\n', at_), content_.size());
      Record record{static_cast<std::size_t>(line_), {}, LDNS_RR_TYPE_CNAME, {}, nullptr};
      if (read_policy(content_.substr(at_, end - at_), record)) {
        at_ = end + 1;
        ++line_;
        found(record);
      } else {
        read_by_ldns(found, broken);
      }
    }
  }

 private:
  // `owner [TTL] [IN] CNAME target [; comment]`, if the line is that and nothing else.
  bool read_policy(std::string_view line, Record& record) {
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    line = line.substr(0, line.find(';'));
    if (line.empty() || line.find_first_of("\"\\()@$") != std::string_view::npos) {
      return false;
    }
    std::string_view owner = next_word(line); // empty if the line starts with a blank
    std::string_view word = next_word(line = without_blanks(line));
    if (!word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos) {
      word = next_word(line = without_blanks(line));
    }
    if (word == "IN" || word == "in") {
      word = next_word(line = without_blanks(line));
    }
    line = without_blanks(line);
    const auto* const policy =
        std::ranges::find(policy_targets, line, &decltype(policy_targets)::value_type::first);
    if (owner.empty() || (word != "CNAME" && word != "cname") || policy == policy_targets.end()) {
      return false;
    }
    auto name = Name::from_text(owner);
    if (name && !owner.ends_with('.')) {
      name = name->with_suffix(Name(), origin_name_);
    }
    if (!name) {
      return false; // ldns says why
    }
    record.owner = last_owner_ = *name;
    owner_is_newer_ = true;
    record.target = policy->first;
    return true;
  }

  // Cuts the text up to a blank off `line`.
  static std::string_view next_word(std::string_view& line) {
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(end);
    return word;
  }

  template<typename Found, typename Broken> void read_by_ldns(Found& found, Broken& broken) {
    if (owner_is_newer_) { // for a line that starts with a blank
      ldns_rdf_deep_free(previous_);
      const auto wire = last_owner_.wire();
      previous_ = ldns_dname_new_frm_data(static_cast<std::uint16_t>(wire.size()), wire.data());
      owner_is_newer_ = false;
    }
    if (std::fseek(file_.get(), static_cast<long>(at_), SEEK_SET) != 0) {
      throw std::bad_alloc();
    }
    const auto line = static_cast<std::size_t>(line_);
    ldns_rr* raw = nullptr;
    ldns_rdf* origin = origin_.release();
    const ldns_status status =
        ldns_rr_new_frm_fp_l(&raw, file_.get(), &ttl_, &origin, &previous_, &line_);
    origin_.reset(origin);
    const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> rr(raw, ldns_rr_free);
    at_ = std::feof(file_.get()) != 0 ? content_.size()
                                      : static_cast<std::size_t>(std::ftell(file_.get()));
    switch (status) {
    case LDNS_STATUS_OK:
      if (ldns_rr_get_class(raw) != LDNS_RR_CLASS_IN) {
        broken(line, "a record of another class than IN; take it out");
        return;
      }
      found(Record{line,
                   name_of(ldns_rr_owner(raw)),
                   static_cast<std::uint16_t>(ldns_rr_get_type(raw)),
                   {},
                   raw});
      return;
    case LDNS_STATUS_SYNTAX_ORIGIN:
      origin_name_ = name_of(origin_.get());
      return;
    case LDNS_STATUS_SYNTAX_TTL:
    case LDNS_STATUS_SYNTAX_EMPTY:
      return;
    case LDNS_STATUS_MEM_ERR:
      throw std::bad_alloc();
    case LDNS_STATUS_SYNTAX_INCLUDE:
      broken(line, "`$INCLUDE` is not followed: the policy would depend on a file that it does not "
                   "name; put that file's records here, or in a list of their own");
      return;
    default: {
      const char* const why = ldns_get_errorstr_by_id(status);
      broken(line, "no record of a zone file (" + std::string(why != nullptr ? why : "?") +
                       "); write one as `name CNAME .`");
    }
    }
  }

  std::string_view content_;
  std::size_t at_ = 0;
  int line_ = 1;
  std::unique_ptr<FILE, decltype(&std::fclose)> file_;
  std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> origin_;
  Name origin_name_; // the same
  std::uint32_t ttl_ = 0;
  ldns_rdf* previous_ = nullptr; // the owner of the record before
  Name last_owner_;
  bool owner_is_newer_ = false; // last_owner_ is the one before, previous_ is older
};

// A trigger, and what it lists.
struct Trigger {
  Name name;
  Scope scope = Scope::exact;
};

// What the zone says, as it is read.
class Zone {
 public:
  Zone(RpzRules& rules, ListLoad& load) : rules_(rules), load_(load) {}

  void take(const Record& record);
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
  // For conflicts: the trigger by its hash, and the rule it went to.
  struct Seen {
    std::size_t hash;
    std::size_t rule;
    std::size_t line;
  };

  bool begins(const Record& record);
  void take_policy(const Trigger& trigger, Action action, std::size_t line);
  void take_local(const Trigger& trigger, const Record& record);
  bool may_list(const Trigger& trigger, bool blocks, std::size_t line);
  void see(const Trigger& trigger, std::size_t rule, std::size_t line);
  void add_chain(LocalData& data) const;
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

bool Zone::begins(const Record& record) {
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

void Zone::take(const Record& record) {
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
    const auto* const policy =
        std::ranges::find(policy_targets, target, &decltype(policy_targets)::value_type::first);
    if (policy != policy_targets.end()) {
      take_policy(trigger, policy->second, record.line);
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
  const std::string_view octets(reinterpret_cast<const char*>(wire.data()), wire.size());
  seen_.push_back({std::hash<std::string_view>()(octets) + (trigger.scope == Scope::below ? 1 : 0),
                   rule, line});
}

void Zone::take_policy(const Trigger& trigger, Action action, std::size_t line) {
  if (may_list(trigger, action != Action::allow, line)) {
    const std::size_t rule = rules_.rule_for(action);
    see(trigger, rule, line);
    load_.add(rule, trigger.name, trigger.scope);
  }
}

void Zone::take_local(const Trigger& trigger, const Record& record) {
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
  data.push_back(std::move(local));
}

// Behind a CNAME the records that this zone has for its target.
void Zone::add_chain(LocalData& data) const {
  constexpr std::size_t longest = 8; // a chain may lead back to itself
  std::size_t octets = octets_in_answer(data.front());
  for (std::size_t step = 0; step < longest && data.back().type == LDNS_RR_TYPE_CNAME; ++step) {
    const auto target = Name::from_wire(data.back().rdata);
    const auto at = target ? local_at_.find(key_of(*target, Scope::exact)) : local_at_.end();
    if (at == local_at_.end()) {
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
  std::ranges::sort(seen_, {}, [](const Seen& one) { return std::pair(one.hash, one.line); });
  for (std::size_t at = 1; at < seen_.size(); ++at) {
    const Seen& before = seen_[at - 1];
    if (seen_[at].hash == before.hash && seen_[at].rule != before.rule) {
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
      add_chain(data);
    }
    const std::size_t rule = rules_.rule_for(data);
    see(local.trigger, rule, local.line);
    load_.add(rule, local.trigger.name, local.trigger.scope);
  }
  report_conflicts();
  report_other_triggers();
}

} // namespace

RpzRules::RpzRules(std::size_t index, Rule rule, bool overrides, std::vector<Name> exceptions,
                   PolicyBuilder& builder)
    : first_(index), last_(index), rule_(std::move(rule)), overrides_(overrides),
      exceptions_(std::move(exceptions)), builder_(builder) {
  rule_.variant = true;
}

bool RpzRules::can_answer(std::uint16_t type) const noexcept {
  return type < TypeSet::limit || rule_.types.contains(type);
}

std::size_t RpzRules::rule_for(Action action) {
  if (overrides_ && action != Action::allow) {
    return first_;
  }
  const auto [at, fresh] = by_action_.emplace(action, 0);
  if (fresh) {
    Rule variant = rule_;
    variant.action = action;
    at->second = add(std::move(variant));
  }
  return at->second;
}

std::size_t RpzRules::rule_for(const LocalData& data) {
  if (overrides_) {
    return first_;
  }
  std::string octets;
  for (const LocalRecord& record : data) {
    const auto owner = record.owner ? record.owner->wire() : std::span<const std::uint8_t>();
    octets.append(owner.begin(), owner.end());
    octets += '|' + std::to_string(record.type) + ',' + std::to_string(record.rdata.size()) + ':';
    octets.append(record.rdata.begin(), record.rdata.end());
  }
  const auto [at, fresh] = by_data_.emplace(std::move(octets), 0);
  if (fresh) {
    Rule variant = rule_;
    variant.action = Action::local_data;
    variant.local_data = std::make_shared<const LocalData>(data);
    for (const LocalRecord& record : data) {
      if (record.type < TypeSet::limit) {
        variant.types.add(record.type);
      }
    }
    at->second = add(std::move(variant));
  }
  return at->second;
}

std::size_t RpzRules::add(Rule variant) {
  last_ = builder_.add_rule(std::move(variant));
  for (const Name& exception : exceptions_) {
    builder_.add_exception(last_, exception);
  }
  return last_;
}

void read_rpz_list(std::string_view content, RpzRules& rules, ListLoad& load) {
  if (!content.empty()) {
    Zone zone(rules, load);
    ZoneFile(content).read(
        [&](const Record& record) { zone.take(record); },
        [&](std::size_t line, std::string problem) { zone.broken(line, std::move(problem)); });
    zone.finish();
  }
}

} // namespace nearmiss
