// The chance test's world: some domains below three top-level domains, signed and not, whose
// aliases (CNAME, DNAME), exchanges and hosts lead to one another, and an Unbound configured at
// random.
#pragma once

#include "tests/e2e/chance_draw.hpp"
#include "tests/e2e/lab.hpp"

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
};
Scene draw_scene(Chance& chance);

// The Unbound tried knows what came after Debian's 1.17: fast_reload, and some options.
bool is_recent();

std::string draw_configuration(Chance& chance, const Scene& scene); // lines of the server: clause
std::string draw_clauses(Chance& chance, const Scene& scene);       // stubs, forwards, auth zones

} // namespace e2e
