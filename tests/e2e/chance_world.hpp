// The chance test's world: some domains below three top-level domains, signed and not, whose
// aliases (CNAME, DNAME), exchanges and hosts lead to one another, and an Unbound configured at
// random.
#pragma once

#include "tests/e2e/chance_draw.hpp"
#include "tests/e2e/lab.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace e2e {

struct Scene {
  std::vector<Zone> zones;
  std::vector<std::string> domains; // origins
  std::vector<std::string> names;   // what may be asked for, or led to
  std::vector<std::string> addresses;
  std::vector<std::string> focus;      // of those what is led to, listed and asked for more often
  std::vector<std::string> open_names; // in zones that are not signed: these may change
  std::vector<std::string> silent;     // hosts that nothing leads to: a rule may drop their queries
};
Scene draw_scene(Chance& chance);

// A look-alike of `protected_domain` whatever the defaults are, and a domain of the world.
inline const std::string protected_domain = "protected-mail-domain.zz.";
inline const std::string lookalike_domain = "portected-mail-domain.zz.";

inline const std::string rewritten_address = "203.0.113.67"; // by the host's response policy zone
inline const std::string view_address = "203.0.113.98";      // by a view's local data

// The Unbound tried knows what came after Debian's 1.17: fast_reload, and some options.
bool is_recent();

// Unbound around the module.
struct Host {
  std::string server_lines; // of the server: clause
  std::string clauses;      // stubs, forwards, auth zones, views, a response policy zone
  std::map<std::string, std::string> files; // beside the configuration
  bool encrypted = false;                   // DNS over TLS and HTTPS
  bool loses_answers = false;               // limits the clients' rate
  // Names with a trigger of its response policy zone: answered before any module is asked.
  std::set<std::string> rewritten;
};
Host draw_host(Chance& chance, const Scene& scene);

} // namespace e2e
