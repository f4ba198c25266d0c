#include "tests/e2e/chance_policy.hpp"

#include <algorithm>

namespace e2e {

namespace {

const std::set<int> delivery{MX, A, AAAA, CNAME, ANY, SRV, HTTPS, SVCB};

std::size_t depth(const std::string& name) {
  return static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
}

bool applies(const Listing& listing, const std::string& client, int type) {
  return listing.types.contains(type) && client.starts_with(listing.client);
}

bool is_block(const std::string& action, bool tcp) {
  return !action.empty() && action != "observe" && action != "allow" &&
         !(action == "tcp-only" && tcp);
}

bool matches(const Listing& listing, const std::string& name) {
  switch (listing.kind) {
  case Kind::exact:
    return name == listing.what;
  case Kind::subtree:
    return at_or_below(name, listing.what);
  case Kind::under:
    return below(name, listing.what);
  default:
    return false;
  }
}

// Put there by a block.
bool is_made(const Rr& rr) {
  return rr.data == "0 ." || rr.data == "192.0.2.53" || rr.data == "2001:db8::53" ||
         rr.data == "192.0.2.77" || rr.data.find("sinkhole.example.net") != std::string::npos;
}

std::string exchange_of(const Rr& mx) {
  return lower(mx.data.substr(mx.data.find(' ') + 1));
}

} // namespace

bool Model::is_excepted(std::size_t order, const std::string& name) const {
  return std::any_of(excepted.begin(), excepted.end(), [&](const auto& except) {
    return except.first == order && at_or_below(name, except.second);
  });
}

const Listing* Model::deciding(const std::string& client, const std::string& name, int type) const {
  const Listing* best = nullptr;
  for (const Listing& listing : listings) {
    if (!matches(listing, name) || listing.action == "observe" || !applies(listing, client, type) ||
        is_excepted(listing.order, name)) {
      continue;
    }
    if (best == nullptr || depth(listing.what) > depth(best->what) ||
        (depth(listing.what) == depth(best->what) && listing.action == "allow" &&
         best->action != "allow")) {
      best = &listing;
    }
  }
  return best;
}

std::string Model::decide(const std::string& client, const std::string& name, int type) const {
  if (const Listing* best = deciding(client, name, type)) {
    return best->action;
  }
  const auto likeness = std::ranges::find_if(listings, [&](const Listing& listing) {
    return listing.kind == Kind::lookalike && applies(listing, client, type) &&
           at_or_below(name, listing.what);
  });
  return likeness == listings.end() ? "" : likeness->action;
}

bool Model::blocks_led_to(const std::string& client, const std::string& name, int type,
                          bool tcp) const {
  const Listing* best = deciding(client, name, type);
  return best != nullptr && is_block(best->action, tcp);
}

bool Model::blocks(const std::string& client, const std::string& name, int type, bool tcp) const {
  return is_block(decide(client, name, type), tcp);
}

bool Model::blocks_data(Kind kind, const std::string& client, const std::string& asked, int type,
                        const std::string& data, bool tcp) const {
  return std::any_of(listings.begin(), listings.end(), [&](const Listing& listing) {
    return listing.kind == kind && applies(listing, client, type) &&
           is_block(listing.action, tcp) &&
           (kind == Kind::exchange ? at_or_below(data, listing.what) : data == listing.what) &&
           !is_excepted(listing.order, asked);
  });
}

std::string Model::leak(const std::string& client, const std::string& asked, int type, bool tcp,
                        const Answer& answer) const {
  if (decide(client, asked, type) == "allow") {
    return "";
  }
  const bool asked_is_listed = blocks(client, asked, type, tcp);
  std::set<std::string> name_servers;
  for (const Rr& rr : answer.authority) {
    if (rr.type == NS) {
      name_servers.insert(lower(rr.data));
    }
  }
  const auto leak_of = [&](const Rr& rr, const std::vector<Rr>& section) -> std::string {
    const std::string owner = lower(rr.owner);
    const bool in_answer = &section == &answer.answer,
               in_additional = &section == &answer.additional;
    if (in_answer && asked_is_listed) {
      return "a record of a listed name";
    }
    if (rr.type == CNAME && blocks_led_to(client, lower(rr.data), type, tcp)) {
      return "an alias of a listed name";
    }
    if (rr.type == CNAME && blocks_data(Kind::exchange, client, asked, type, lower(rr.data), tcp)) {
      return "an alias of a listed exchange";
    }
    if (rr.type == MX && blocks_data(Kind::exchange, client, asked, type, exchange_of(rr), tcp)) {
      return "a listed exchange";
    }
    if ((rr.type == A || rr.type == AAAA) &&
        blocks_data(Kind::address, client, asked, in_answer ? type : rr.type, rr.data, tcp)) {
      return "a listed address";
    }
    const bool referral = in_additional && name_servers.contains(owner) && answer.answer.empty();
    if (!referral && rr.type != NS && rr.type != SOA && rr.type != RRSIG &&
        (in_additional || (owner != asked && blocks_led_to(client, owner, type, tcp))) &&
        blocks_led_to(client, owner, rr.type, tcp)) {
      return "a record of a listed host";
    }
    return "";
  };
  for (const auto* section : {&answer.answer, &answer.authority, &answer.additional}) {
    std::size_t exchanges = 0, listed = 0;
    for (const Rr& rr : *section) {
      if (is_made(rr)) {
        continue;
      }
      const std::string what = leak_of(rr, *section);
      if (!what.empty()) {
        return what + ": " + rr.owner + " " + type_text(rr.type) + " " + rr.data;
      }
      if (rr.type == MX && (type == MX || type == ANY)) {
        ++exchanges;
        listed += blocks_led_to(client, exchange_of(rr), A, tcp) ? 1U : 0U;
      }
    }
    if (exchanges > 0 && listed == exchanges) {
      return "listed exchanges alone";
    }
  }
  return "";
}

namespace {

class PolicyDraw {
 public:
  PolicyDraw(Chance& chance, const Scene& scene) : chance_(chance), scene_(scene) {}

  Model draw();

 private:
  enum class Form { exact, subtree, domain_list, response_policy_zone, exchange, address };

  std::string draw_rule(std::size_t order);
  // Each draws what a rule lists, and returns it as the rule says it.
  std::string draw_exact(std::size_t count);
  std::string draw_subtree();
  std::string draw_silence(std::size_t order);
  std::string draw_domain_list();
  std::string draw_response_policy_zone(std::size_t count);
  std::string draw_exchange();
  std::string draw_addresses(std::size_t count);

  // No name twice: what wins at one name is another test's.
  std::string fresh(const std::vector<std::string>& names);
  const std::vector<std::string>& popular() {
    return chance_.percent(60) ? scene_.focus : scene_.names;
  }
  void add(Kind kind, const std::string& what, const std::string& action, std::set<int> types);
  void add(Kind kind, const std::string& what) { add(kind, what, action_, types_); }

  Chance& chance_;
  const Scene& scene_;
  Model model_;
  std::set<std::string> used_;
  // Of the rule at hand.
  std::size_t order_ = 0;
  std::string action_;
  std::set<int> types_;
  std::vector<std::string> clients_; // prefixes
};

Model PolicyDraw::draw() {
  model_.text = "version: 1\nclients: {mail: [127.1.0.0/16], extra: [127.3.0.0/16]}\n"
                "sinkhole: {ipv4: 192.0.2.53, ipv6: \"2001:db8::53\", mx: sinkhole.example.net}\n"
                "defaults: {action: nxdomain, types: delivery, clients: [mail], ttl: 5}\nrules:\n";
  const std::size_t count = 3 + chance_.below(6);
  for (std::size_t order = 0; order < count; ++order) {
    model_.text += draw_rule(order);
  }
  if (chance_.percent(25)) {
    model_.text += draw_silence(count);
  }
  if (chance_.percent(60)) {
    model_.text +=
        "protect:\n  - {id: likenesses, domains: [" + undotted(protected_domain) + "]}\n";
    model_.listings.push_back(
        {count + 1, Kind::lookalike, lookalike_domain, "nxdomain", delivery, "127.1."});
  }
  model_.text += "log: {file: events.jsonl}\n";
  return model_;
}

std::string PolicyDraw::draw_rule(std::size_t order) {
  static const std::vector<std::string> actions{"nxdomain", "nxdomain", "nxdomain", "nodata",
                                                "null-mx",  "sinkhole", "refused",  "servfail",
                                                "tcp-only", "observe",  "allow"};
  static const std::vector<Form> forms{
      Form::exact,    Form::exact,    Form::subtree, Form::domain_list, Form::response_policy_zone,
      Form::exchange, Form::exchange, Form::address};
  order_ = order;
  action_ = chance_.of(actions);
  const Form form = chance_.of(forms);
  if (action_ == "allow" && form != Form::exact && form != Form::subtree) {
    action_ = "nxdomain";
  }
  std::string line = "  - {id: r" + std::to_string(order);
  if (form != Form::response_policy_zone) {
    line += ", action: " + action_;
  }
  types_ = delivery;
  if (chance_.percent(15)) {
    types_ = {A, MX};
    line += ", types: [A, MX]";
  } else if (chance_.percent(10)) {
    types_ = {MX};
    line += ", types: [MX]";
  }
  clients_ = {"127.1."};
  if (chance_.percent(15)) {
    clients_ = {"127.3."};
    line += ", clients: [extra]";
  } else if (chance_.percent(10)) {
    clients_ = {"127.1.", "127.3."};
    line += ", clients: [mail, extra]";
  }
  const std::size_t how_many = 1 + chance_.below(3);
  switch (form) {
  case Form::exact:
    return line + draw_exact(how_many) + "}\n";
  case Form::subtree:
    return line + draw_subtree() + "}\n";
  case Form::domain_list:
    return line + draw_domain_list() + "}\n";
  case Form::response_policy_zone:
    return line + draw_response_policy_zone(how_many + 1) + "}\n";
  case Form::exchange:
    return line + draw_exchange() + "}\n";
  case Form::address:
    break;
  }
  return line + draw_addresses(how_many) + "}\n";
}

std::string PolicyDraw::draw_exact(std::size_t count) {
  std::string names;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = fresh(popular());
    add(Kind::exact, name);
    names += (names.empty() ? "" : ", ") + undotted(name);
  }
  return ", exact: [" + names + "]";
}

std::string PolicyDraw::draw_subtree() {
  const std::string name = fresh(chance_.percent(40) ? scene_.domains : popular());
  add(Kind::subtree, name);
  std::string said = ", domains: [" + undotted(name) + "]";
  if (chance_.percent(30) && action_ != "allow") {
    said += ", except: [a." + undotted(name) + "]";
    model_.excepted.emplace_back(order_, "a." + name);
  }
  return said;
}

// Of names that nothing leads to: whoever waits for an answer that never comes waits long.
std::string PolicyDraw::draw_silence(std::size_t order) {
  order_ = order;
  types_ = delivery;
  clients_ = {"127.1."};
  const std::string name = chance_.of(scene_.silent);
  add(Kind::exact, name, "drop", delivery);
  return "  - {id: silence, action: drop, exact: [" + undotted(name) + "]}\n";
}

std::string PolicyDraw::draw_domain_list() {
  const std::string name = fresh(popular());
  const std::string file = "l" + std::to_string(order_) + ".txt";
  add(Kind::under, name);
  model_.lists[file] = "*." + undotted(name) + "\n";
  return ", list: {file: " + file + ", format: domains}";
}

std::string PolicyDraw::draw_response_policy_zone(std::size_t count) {
  static const std::vector<std::pair<std::string, std::string>> triggers{
      {"CNAME .", "nxdomain"},
      {"CNAME *.", "nodata"},
      {"CNAME rpz-passthru.", "allow"},
      {"CNAME rpz-tcp-only.", "tcp-only"},
      {"A 192.0.2.77", "local-data"}};
  std::string text =
      "$ORIGIN rpz.feed.\n@ 60 SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n";
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = fresh(popular());
    const auto& [record, action] = chance_.of(triggers);
    const bool wild = chance_.percent(30);
    text += (wild ? "*." : "") + undotted(name) + " " + record + "\n";
    std::set<int> types = types_;
    if (action == "local-data") { // whatever `types` says, the zone's own types too
      types.insert(A);
    }
    add(wild ? Kind::under : Kind::exact, name, action, types);
  }
  const std::string file = "l" + std::to_string(order_) + ".rpz";
  model_.lists[file] = text;
  return ", list: {file: " + file + ", format: rpz}";
}

std::string PolicyDraw::draw_exchange() {
  const std::string name = chance_.of(popular());
  add(Kind::exchange, name);
  std::string said = ", mx_exchange: [" + undotted(name) + "]";
  if (chance_.percent(30)) {
    const std::string except = chance_.of(scene_.domains);
    said += ", except: [" + undotted(except) + "]";
    model_.excepted.emplace_back(order_, except);
  }
  return said;
}

std::string PolicyDraw::draw_addresses(std::size_t count) {
  std::string addresses;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string address = chance_.of(scene_.addresses);
    add(Kind::address, address);
    addresses += (addresses.empty() ? "" : ", ") + address;
  }
  return ", answer_ip: [" + addresses + "]";
}

std::string PolicyDraw::fresh(const std::vector<std::string>& names) {
  std::string name = chance_.of(names);
  while (!used_.insert(name).second) {
    name = "l" + std::to_string(used_.size()) + "." + name;
  }
  return name;
}

void PolicyDraw::add(Kind kind, const std::string& what, const std::string& action,
                     std::set<int> types) {
  for (const std::string& client : clients_) {
    model_.listings.push_back({order_, kind, what, action, types, client});
  }
}

} // namespace

Model draw_policy(Chance& chance, const Scene& scene) {
  return PolicyDraw(chance, scene).draw();
}

} // namespace e2e
