#include "tests/e2e/chance_steps.hpp"

#include <algorithm>
#include <sstream>

namespace e2e {

namespace {

// Step::number of Step::forge.
enum Forgery : std::uint64_t { truth, server_failure, short_alias, alias, no_such_name, telling };

class StepsDraw {
 public:
  StepsDraw(Chance& chance, const Scene& scene, const Model& model, const Host& host)
      : chance_(chance), scene_(scene), model_(model), host_(host) {
    draw_names();
    changing_ = chance_.percent(50);
  }

  Step draw();

 private:
  void draw_names();
  std::vector<std::string> listed_names() const;
  std::vector<std::string> leading_names();
  Query draw_query(const std::vector<std::string>& names);
  Step draw_burst();
  std::string draw_command();
  Step draw_policy_change();
  Step draw_forgery();
  std::vector<Told> draw_told(const std::string& name);

  Chance& chance_;
  const Scene& scene_;
  const Model& model_;
  const Host& host_;
  std::vector<std::string> names_;
  bool changing_ = false; // records
};

std::vector<std::string> StepsDraw::listed_names() const {
  std::vector<std::string> listed(host_.rewritten.begin(), host_.rewritten.end());
  for (const Listing& listing : model_.listings) {
    if (listing.kind != Kind::address) {
      listed.push_back(listing.what);
      if (listing.kind == Kind::subtree || listing.kind == Kind::under ||
          listing.kind == Kind::lookalike) {
        listed.push_back("a." + listing.what);
      }
    }
  }
  return listed;
}

// Owners of records that lead to what is listed.
std::vector<std::string> StepsDraw::leading_names() {
  std::vector<std::string> leading;
  for (const Zone& zone : scene_.zones) {
    std::istringstream lines(zone.records);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string owner, type, word, last;
      words >> owner >> type;
      while (words >> word) {
        last = word;
      }
      const bool leads =
          std::any_of(model_.listings.begin(), model_.listings.end(), [&](const Listing& listing) {
            return type == "DNAME" || last == listing.what ||
                   (listing.kind != Kind::exact && below(last, listing.what));
          });
      if (!leads) {
        continue;
      }
      if (owner == "*.w") {
        owner = "q0.w";
      } else if (owner == "dn") {
        owner = chance_.percent(50) ? "a.dn" : "q0.w.dn";
      }
      leading.push_back(owner == "@" ? zone.origin : owner + "." + zone.origin);
    }
  }
  return leading;
}

// Few names, so that they meet in the caches: listed ones, those that lead to them, and others.
void StepsDraw::draw_names() {
  const std::vector<std::string> listed = listed_names(), leading = leading_names();
  for (std::size_t i = 0; i < 14; ++i) {
    const std::size_t dice = chance_.below(100);
    names_.push_back(dice < 25                       ? chance_.of(scene_.focus)
                     : dice < 45 && !listed.empty()  ? chance_.of(listed)
                     : dice < 85 && !leading.empty() ? chance_.of(leading)
                                                     : chance_.of(scene_.names));
  }
}

Query StepsDraw::draw_query(const std::vector<std::string>& names) {
  static const std::vector<int> types{A,   A,   A,  MX,    MX,    MX,  AAAA,
                                      TXT, ANY, NS, CNAME, HTTPS, SRV, DNAME};
  static const std::vector<std::string> clients{"127.1.0.1", "127.1.0.1", "127.1.0.2", "127.1.0.2",
                                                "127.3.0.1", "127.2.0.1", "127.2.0.2"};
  Query query{chance_.of(clients), chance_.of(names), chance_.of(types), {}};
  query.flags.cd = chance_.percent(25);
  query.flags.dnssec_ok = chance_.percent(35);
  query.flags.edns = query.flags.dnssec_ok || chance_.percent(75);
  query.flags.ad = chance_.percent(20);
  query.flags.rd = !chance_.percent(7);
  static const std::vector<Transport> plain{Transport::udp, Transport::udp, Transport::udp,
                                            Transport::udp, Transport::tcp},
      encrypted{Transport::udp, Transport::tcp, Transport::tls, Transport::https};
  query.flags.transport = chance_.of(host_.encrypted ? encrypted : plain);
  return query;
}

Step StepsDraw::draw_burst() {
  Step step{.what = Step::burst};
  const std::vector<std::string> some{chance_.of(names_), chance_.of(names_)};
  for (std::size_t i = 0; i < 6; ++i) {
    step.queries.push_back(draw_query(some));
    step.queries.back().flags.rd = true;
  }
  step.number = 40 * chance_.below(4);
  return step;
}

std::string StepsDraw::draw_command() {
  const std::vector<std::string> commands{"flush " + chance_.of(names_),
                                          "flush_zone " + chance_.of(scene_.domains),
                                          "flush_type " + chance_.of(names_) + " MX",
                                          "flush_bogus",
                                          "flush_negative",
                                          "flush_infra all",
                                          "flush_type " + chance_.of(names_) + " CNAME",
                                          "dump_cache"};
  return chance_.of(commands);
}

Step StepsDraw::draw_policy_change() {
  Step step{.what = Step::policy, .number = chance_.below(1000000)};
  for (std::size_t i = 0; i < 5; ++i) {
    step.queries.push_back(draw_query(names_));
  }
  return step;
}

std::vector<Told> StepsDraw::draw_told(const std::string& name) {
  std::vector<std::string> near; // in the same zone
  for (const std::string& other : scene_.names) {
    if (at_or_below(other, parent_of(name))) {
      near.push_back(other);
    }
  }
  std::vector<std::string> addresses{"203.0.113.1", "203.0.113.2"}, hosts{names_};
  for (const Listing& listing : model_.listings) {
    (listing.kind == Kind::address ? addresses : hosts).push_back(listing.what);
  }
  static const std::vector<std::size_t> ttls{0, 1, 1, 2, 300};
  static const std::vector<int> types{A, A, MX, CNAME}, authority_types{NS, NS, MX, A, CNAME};
  std::vector<Told> told;
  for (std::size_t i = 0, n = 1 + chance_.below(4); i < n; ++i) {
    const int type = chance_.of(types);
    told.push_back(
        {Told::answer, "", type, chance_.of(type == A ? addresses : hosts), chance_.of(ttls)});
  }
  for (std::size_t i = 0, n = chance_.below(4); i < n; ++i) {
    const int type = chance_.of(authority_types);
    const std::string owner = chance_.percent(30)   ? parent_of(name)
                              : chance_.percent(50) ? name
                                                    : chance_.of(near);
    const std::string data = type == A                           ? chance_.of(addresses)
                             : type == NS && chance_.percent(60) ? chance_.of(near)
                                                                 : chance_.of(hosts);
    told.push_back({Told::authority, owner, type, data, chance_.of(ttls)});
  }
  for (std::size_t i = 0, n = chance_.below(4); i < n; ++i) {
    told.push_back({Told::additional, chance_.of(chance_.percent(60) ? near : hosts), A,
                    chance_.of(addresses), chance_.of(ttls)});
  }
  return told;
}

Step StepsDraw::draw_forgery() {
  Step step{.what = Step::forge, .text = chance_.of(scene_.open_names)};
  for (const std::string& name : names_) {
    if (chance_.percent(30) &&
        std::ranges::find(scene_.open_names, name) != scene_.open_names.end()) {
      step.text = name;
    }
  }
  step.target = chance_.of(names_);
  step.number = chance_.percent(35) ? chance_.below(telling) : telling;
  step.authoritative = chance_.percent(80);
  if (step.number == telling) {
    step.told = draw_told(step.text);
  }
  return step;
}

Step StepsDraw::draw() {
  const std::size_t dice = chance_.below(1000);
  if (dice < 640) {
    return {.what = Step::ask,
            .queries = {draw_query(chance_.percent(85) ? names_ : scene_.names)}};
  }
  if (dice < 800) {
    return draw_burst();
  }
  if (dice < 850) {
    return {.what = Step::pause, .number = 300 + chance_.below(1500)};
  }
  if (dice < 900) {
    return {.what = Step::control, .text = draw_command()};
  }
  if (dice < 910) {
    const std::vector<std::string> old{"reload", "reload_keep_cache"},
        recent{"reload", "reload_keep_cache", "fast_reload", "fast_reload"};
    return {.what = Step::reload, .text = chance_.of(is_recent() ? recent : old)};
  }
  if (dice < 925) {
    return draw_policy_change();
  }
  if (dice < 930) {
    return {.what = Step::load};
  }
  if (dice < 990 && changing_ && !scene_.open_names.empty()) {
    return draw_forgery();
  }
  const std::string name = chance_.of(names_);
  return {.what = Step::slow,
          .text = name,
          .number = chance_.percent(50) ? 0 : 30 + chance_.below(120)};
}

Bytes rdata(const Told& told) {
  if (told.type == A) {
    Bytes octets;
    std::istringstream words(told.data);
    for (std::string word; std::getline(words, word, '.');) {
      octets.push_back(static_cast<std::uint8_t>(std::stoi(word)));
    }
    return octets;
  }
  return (told.type == MX ? Bytes{0, 10} : Bytes{}) + name(undotted(told.data));
}

// In the answer section only what is asked for, or else a CNAME.
Sections sections_of(const std::vector<Told>& all, bool authoritative, int type) {
  Sections sections{.answer = {}, .flags = authoritative ? 0x8400 : 0x8000};
  const bool has = std::any_of(all.begin(), all.end(), [&](const Told& told) {
    return told.section == Told::answer && told.type == type;
  });
  for (const Told& told : all) {
    const Bytes owner = told.owner.empty() ? the_question : name(undotted(told.owner));
    const Bytes made = record(owner, told.type, rdata(told), 1, told.ttl);
    if (told.section == Told::authority) {
      sections.authority.push_back(made);
    } else if (told.section == Told::additional) {
      sections.additional.push_back(made);
    } else if (told.type == type || (!has && told.type == CNAME)) {
      sections.answer.push_back(made);
    }
  }
  return sections;
}

int type_asked(const Bytes& query) {
  std::size_t end = question_at;
  while (query.at(end) != 0) {
    end += 1U + query[end];
  }
  return query.at(end + 1) << 8 | query.at(end + 2);
}

} // namespace

std::vector<Step> draw_steps(Chance& chance, const Scene& scene, const Model& model,
                             const Host& host, std::size_t count) {
  StepsDraw draw(chance, scene, model, host);
  std::vector<Step> steps;
  while (steps.size() < count) {
    steps.push_back(draw.draw());
  }
  return steps;
}

Relay::Forger forger_of(const Step& step) {
  const auto alias_for = [&](std::size_t ttl) {
    return forger([made = record(the_question, CNAME, name(undotted(step.target)), 1, ttl)](
                      std::size_t) { return Sections{.answer = {made}}; });
  };
  switch (step.number) {
  case truth:
    return {};
  case server_failure:
    return forger([](std::size_t) { return Sections{.answer = {}, .flags = 0x8002}; });
  case short_alias:
    return alias_for(1);
  case alias:
    return alias_for(300);
  case no_such_name:
    return forger([](std::size_t) { return Sections{.answer = {}, .flags = 0x8003}; });
  default:
    return [all = step.told, authoritative = step.authoritative](const Bytes& query, bool tcp) {
      const Sections sections = sections_of(all, authoritative, type_asked(query));
      return forger([&](std::size_t) { return sections; })(query, tcp);
    };
  }
}

std::string to_text(const Query& query) {
  return query.client + " " + query.name + " " + type_text(query.type) + " " +
         to_text(query.flags.transport) + (query.flags.rd ? "" : " -rd") +
         (query.flags.cd ? " +cd" : "") + (query.flags.dnssec_ok ? " +do" : "") +
         (query.flags.edns ? "" : " -edns") + (query.flags.ad ? " +ad" : "");
}

std::string to_text(const Step& step) {
  static const std::vector<std::string> words{"ask",    "burst", "pause", "control", "reload",
                                              "policy", "forge", "slow",  "load"};
  std::string text = words[step.what] + " " + step.text + " " + step.target + " " +
                     std::to_string(step.number) + (step.authoritative ? "" : " -aa");
  for (const Told& told : step.told) {
    text += "\n      section " + std::to_string(told.section) + " " +
            (told.owner.empty() ? "@" : told.owner) + " " + std::to_string(told.ttl) + " " +
            type_text(told.type) + " " + told.data;
  }
  for (const Query& query : step.queries) {
    text += "\n      " + to_text(query);
  }
  return text;
}

} // namespace e2e
