// `nearmiss export`: the policy as a response policy zone, for resolvers without the module.
//
// What a zone says about a name is asked of the policy itself: for each listed or excepted name its
// verdict on that name and on a name below it that nobody lists. Names that only lie between two
// listed ones are written too: PowerDNS takes the nearest wildcard above the asked name, but
// Unbound only one at the closest name that the zone has, and BIND none for a name that is in the
// zone because of others below it.
#include "config/diagnostics.hpp"
#include "config/local_data.hpp"
#include "config/names.hpp"
#include "contrib/cli/commands.hpp"
#include "contrib/cli/output.hpp"
#include "contrib/cli/progress.hpp"
#include "rules/lookalikes/variants.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <unordered_set>

namespace nearmiss::cli {

namespace {

struct Options {
  std::string config;
  std::string client; // empty: chosen from the policy
  std::string zone = "rpz.nearmiss";
  std::string output;   // empty: stdout
  bool protect = false; // write look-alikes out
};

constexpr std::uint16_t type_mx = 15;
// Below any name these stand for everything that nobody lists: the second where there is no room
// for the first, but for the zone's `*`.
constexpr std::array<std::string_view, 2> nobodys_labels{"nearmiss-export-4f1c9b2e7a", R"(\255)"};

std::string wire_text(const Name& name) {
  const auto wire = name.wire();
  return {wire.begin(), wire.end()};
}

// Not the root, as the apex of the zone stands for the zone; no name with a `*` for its first
// label, which would be a wildcard; nor what looks like a trigger of another kind.
bool is_sayable(const Name& name, bool below) {
  return name.is_root() ? below
                        : (below || name.label(0) != "*") &&
                              !name.label(name.label_count() - 1).starts_with("rpz-");
}

class RpzWriter {
 public:
  RpzWriter(const Config& config, const Name& zone, const ClientAddress& client, bool protect)
      : config_(config), policy_(config.policy), zone_(zone), client_(client), protect_(protect) {}

  void write(std::ostream& out);
  // What the zone does not say as the policy does, a line each.
  const std::vector<std::string>& remarks() const noexcept { return remarks_; }
  // Triggers that block; the others pass.
  std::size_t blocking() const noexcept { return blocking_; }

 private:
  // The policy's word on the name for the zone's clients; no rule: none, or one that only observes.
  Verdict decide(const Name& name) const {
    Verdict verdict = policy_.decide({name, type_mx, client_, today()});
    const bool silent =
        verdict.action == Action::observe || (blocks(verdict.action) && !verdict.enforced);
    if (silent || (verdict.likeness.domain != nullptr && !protect_)) {
      return {};
    }
    return verdict;
  }
  // On what is below it; the name itself where there is no room below.
  Verdict decide_below(const Name& name) const {
    for (const std::string_view label : nobodys_labels) {
      if (const auto below = Name::from_text(label)->with_suffix(Name(), name)) {
        return decide(*below);
      }
    }
    return {};
  }

  void collect();
  void write_name(const Name& name);
  void write_trigger(const Name& name, bool below, const Verdict& verdict);
  std::string records(const Verdict& verdict, const std::string& owner);
  void remark(std::size_t count, const std::string& one, const std::string& many,
              const std::string& what);
  void add_remarks();

  const Config& config_;
  const Policy& policy_;
  Name zone_;
  ClientAddress client_;
  bool protect_;
  std::vector<Name> names_;
  std::unordered_set<std::string> known_;   // the wire forms of names_
  std::unordered_set<std::string> written_; // owners
  std::string body_;
  std::size_t blocking_ = 0;
  std::size_t too_long_ = 0;
  std::size_t unsayable_ = 0;
  std::map<Action, std::size_t> replaced_; // by NXDOMAIN
  std::vector<std::string> remarks_;
};

void RpzWriter::collect() {
  const auto add = [&](const Name& name) {
    if (known_.insert(wire_text(name)).second) {
      names_.push_back(name);
    }
  };
  policy_.for_each_name(add);
  if (!protect_) {
    return;
  }
  for (const Protected& domain : policy_.protected_domains()) {
    for (const Variant& variant : variants_of(domain.domain, domain.classes)) {
      if (!is_public_suffix(variant.name) && decide(variant.name).likeness.domain != nullptr) {
        add(variant.name);
      }
    }
  }
}

std::string RpzWriter::records(const Verdict& verdict, const std::string& owner) {
  const auto line_for = [&](std::uint32_t ttl, const std::string& data) {
    return owner + ' ' + std::to_string(ttl) + ' ' + data + '\n';
  };
  const auto line = [&](const std::string& data) { return line_for(verdict.rule->ttl, data); };
  switch (verdict.action) {
  case Action::nodata:
    return line("CNAME *.");
  case Action::drop:
    return line("CNAME rpz-drop.");
  case Action::tcp_only:
    return line("CNAME rpz-tcp-only.");
  case Action::allow:
    return line("CNAME rpz-passthru.");
  case Action::null_mx:
    return line("MX 0 .");
  case Action::sinkhole: {
    const Sinkhole& sinkhole = config_.sinkhole;
    return (sinkhole.ipv4 ? line("A " + sinkhole.ipv4->to_text()) : "") +
           (sinkhole.ipv6 ? line("AAAA " + sinkhole.ipv6->to_text()) : "") +
           (sinkhole.mx ? line("MX 0 " + sinkhole.mx->to_text() + '.') : "");
  }
  case Action::local_data: {
    std::string all;
    for (const LocalRecord& record : *verdict.rule->local_data) {
      if (!record.owner) { // the others are triggers themselves
        all += line_for(record.ttl, to_text(record));
      }
    }
    return all;
  }
  case Action::refused:
  case Action::servfail:
    ++replaced_[verdict.action];
    [[fallthrough]];
  default:
    return line("CNAME .");
  }
}

void RpzWriter::write_trigger(const Name& name, bool below, const Verdict& verdict) {
  if (!is_sayable(name, below)) {
    ++unsayable_;
    return;
  }
  const std::string owner = name.is_root() ? "*" : (below ? "*." : "") + name.to_text();
  if (!written_.insert(owner).second) {
    return;
  }
  const std::size_t octets = name.wire().size() + (below ? 2 : 0) + zone_.wire().size() - 1;
  if (octets > Name::max_octets) {
    ++too_long_;
    return;
  }
  blocking_ += blocks(verdict.action) ? 1 : 0;
  body_ += verdict.rule != nullptr ? records(verdict, owner) : owner + " CNAME rpz-passthru.\n";
}

void RpzWriter::write_name(const Name& name) {
  const Verdict above = name.is_root() ? Verdict{} : decide_below(name.parent());
  const Verdict here = decide(name);
  const Verdict below = decide_below(name);
  if (here.rule != nullptr || above.rule != nullptr) {
    write_trigger(name, false, here);
  }
  if (below.rule != nullptr || above.rule != nullptr) {
    write_trigger(name, true, below);
  }
  if (above.rule == nullptr) {
    return;
  }
  for (Name between = name.parent(); !between.is_root() && !known_.contains(wire_text(between));
       between = between.parent()) {
    const Verdict verdict = decide_below(between);
    if (verdict.rule == nullptr) {
      return;
    }
    write_trigger(between, false, verdict); // what nobody lists has its parent's verdict
    write_trigger(between, true, verdict);
  }
}

void RpzWriter::remark(std::size_t count, const std::string& one, const std::string& many,
                       const std::string& what) {
  if (count > 0) {
    remarks_.push_back(std::to_string(count) + ' ' + (count == 1 ? one : many) + ' ' + what);
  }
}

void RpzWriter::add_remarks() {
  std::size_t observing = 0;
  std::size_t for_others = 0;
  std::size_t for_groups = 0;
  std::size_t without_mx = 0;
  std::size_t some_types = 0;
  std::size_t expiring = 0;
  const GroupSet groups = policy_.clients().groups_of(client_);
  for (const Rule& rule : policy_.rules()) {
    if (rule.variant) {
      continue;
    }
    observing += rule.action == Action::observe ? 1 : 0;
    const bool for_client = rule.every_client || (rule.groups & groups) != 0;
    for_others += for_client ? 0 : 1;
    for_groups += !rule.every_client && for_client ? 1 : 0;
    expiring += rule.expires && *rule.expires >= today() ? 1 : 0;
    without_mx += rule.types.contains(type_mx) ? 0 : 1;
    some_types += rule.types.contains(type_mx) && !rule.types.contains(TypeSet::limit) ? 1 : 0;
  }
  if (!policy_.enforcing()) {
    remarks_.emplace_back("the policy's mode is `observe`, so that it blocks nothing: left out");
  }
  remark(observing, "rule", "rules", "that only observe: left out");
  remark(for_others, "rule", "rules", "for other clients than " + client_.to_text() + ": left out");
  remark(for_groups, "rule", "rules",
         "for some clients: in the zone for every client of the resolver that loads it");
  remark(without_mx, "rule", "rules", "not for MX lookups: left out");
  remark(some_types, "rule", "rules", "for some types: in the zone for every type");
  remark(expiring, "rule", "rules", "with `expires`: in the zone for good; export it anew then");
  for (const auto& [action, count] : replaced_) {
    remark(count, "trigger", "triggers",
           "with the action " + std::string(to_string(action)) + ": NXDOMAIN in the zone");
  }
  remark(too_long_, "name", "names", "too long below the zone's name: left out");
  remark(unsayable_, "name", "names",
         "that mean something else in a zone (`.`, a `*`, `rpz-...`): left out");
  if (!protect_) {
    remark(policy_.protected_count(), "protected domain", "protected domains",
           "with look-alikes: left out; --protect writes them out");
  } else {
    remark(policy_.protected_count(), "protected domain", "protected domains",
           "with look-alikes: only those that can be written out");
  }
  remark(policy_.exchange_count(), "name", "names", "of `mx_exchange`: left out");
  remark(policy_.address_count(), "prefix", "prefixes", "of `answer_ip`: left out");
}

void RpzWriter::write(std::ostream& out) {
  collect();
  for (const Name& name : names_) {
    write_name(name);
  }
  add_remarks();
  const auto serial =
      static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count());
  out << "; The policy " << config_.ruleset << " of nearmiss (SHA-256 " << config_.digest
      << ") as a response policy zone.\n";
  for (const std::string& text : remarks_) {
    out << "; " << text << '\n';
  }
  out << "$ORIGIN " << zone_.to_text() << ".\n$TTL 60\n@ SOA localhost. hostmaster.localhost. "
      << serial << " 3600 600 86400 60\n@ NS localhost.\n"
      << body_;
}

int export_rpz(const Options& options) {
  std::string problem;
  const auto zone = read_name(options.zone, problem);
  if (!zone || zone->is_root()) {
    std::cerr << "nearmiss export: --zone: "
              << (zone ? "the root cannot be a policy zone; write a name such as rpz.nearmiss"
                       : problem)
              << '\n';
    return exit_cannot;
  }
  const LoadResult result = load_policy(options.config);
  if (!result.config) {
    print(result.diagnostics);
    std::cerr << "nearmiss export: the policy " << options.config << " cannot be used\n";
    return exit_cannot;
  }
  ClientAddress client = result.config->first_client.value_or(ClientAddress());
  if (!options.client.empty()) {
    const auto given = ClientAddress::from_text(options.client);
    if (!given) {
      std::cerr << "nearmiss export: --client: " << shown(options.client)
                << " is no IP address; write one as 192.0.2.25 or 2001:db8::25\n";
      return exit_cannot;
    }
    client = *given;
  }
  RpzWriter writer(*result.config, *zone, client, options.protect);
  std::ostringstream text;
  {
    const Busy busy("writing the zone");
    writer.write(text);
  }
  for (const std::string& remark : writer.remarks()) {
    std::cerr << "nearmiss export: " << remark << '\n';
  }
  if (options.output.empty() || options.output == "-") {
    std::cout << text.str() << std::flush;
  } else if (const std::string why = write_whole(options.output, text.str()); !why.empty()) {
    std::cerr << "nearmiss export: --output: " << shown(options.output)
              << " cannot be written: " << why << '\n';
    return exit_cannot;
  }
  if (writer.blocking() == 0) {
    std::cerr << "nearmiss export: no trigger of the zone blocks anything\n";
    return exit_no;
  }
  return exit_fine;
}

} // namespace

Command add_export(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  const auto format = std::make_shared<std::string>("rpz");
  CLI::App* command = app.add_subcommand(
      "export", "Write the policy for resolvers without the module: a response policy zone, which "
                "Unbound, BIND, PowerDNS Recursor and Knot Resolver load");
  add_config_option(*command, options->config);
  command->add_option("--format", *format, "rpz is the only format")
      ->check(CLI::IsMember({"rpz"}))
      ->capture_default_str();
  command->add_option("--zone", options->zone, "the zone's name")->capture_default_str();
  command->add_option("--output", options->output,
                      "the file, replaced in one step; else, or if it is -, stdout");
  command->add_option("--client", options->client,
                      "ask the policy as this client; else as the first one of its first group");
  command->add_flag("--protect", options->protect,
                    "write out the look-alikes of protected domains, thousands a domain");
  command->footer("Exit codes: 0 the zone was written; 1 it was, and blocks nothing; 2 the policy "
                  "cannot be\nused, or the file not be written. What the zone does not say as the "
                  "policy does is reported\non stderr and at the zone's head.");
  return {command, [options, format] { return export_rpz(*options); }};
}

} // namespace nearmiss::cli
