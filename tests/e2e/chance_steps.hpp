// What happens in a run of the chance test, drawn beforehand so that it can be told and repeated:
// clients ask, alone or many at once; Unbound is flushed and reloaded; the policy changes; servers
// become slow, or tell other records of names in zones that are not signed.
#pragma once

#include "tests/e2e/chance_policy.hpp"
#include "tests/e2e/hostile_server.hpp"

#include <string>
#include <vector>

namespace e2e {

struct Query {
  std::string client, name;
  int type = A;
  Flags flags;

  bool tcp() const { return flags.transport != Transport::udp; }
};

// A record that a server tells from now on.
struct Told {
  enum Section { answer, authority, additional } section;
  std::string owner; // empty: what is asked for
  int type;
  std::string data;
  std::size_t ttl;
};

struct Step {
  enum What { ask, burst, pause, control, reload, policy, forge, slow, load } what = ask;
  std::vector<Query> queries{};
  std::string text{}, target{}; // a command, or the name concerned and where it leads
  std::uint64_t number = 0;     // milliseconds, a seed, or which forgery
  std::vector<Told> told{};     // by the forgery `telling`
  bool authoritative = true;
};

std::vector<Step> draw_steps(Chance& chance, const Scene& scene, const Model& model,
                             const Host& host, std::size_t count);

Relay::Forger forger_of(const Step& step); // none: the truth again

std::string to_text(const Query& query);
std::string to_text(const Step& step);

} // namespace e2e
