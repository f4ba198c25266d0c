// The chance test's policy, and what it demands by README.md: a model that shares no code with the
// module. It knows which rule decides a name, which exchanges and addresses are listed, and from an
// answer's records alone whether it tells what a client must not know.
#pragma once

#include "tests/e2e/chance_world.hpp"
#include "tests/e2e/client.hpp"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace e2e {

enum class Kind { exact, subtree, under, exchange, address, lookalike };

struct Listing {
  std::size_t order; // its rule's
  Kind kind;
  std::string what;
  std::string action;
  std::set<int> types;
  std::string client; // a prefix
};

struct Model {
  std::string text;
  std::map<std::string, std::string> lists; // files and their texts
  std::vector<Listing> listings;
  std::vector<std::pair<std::size_t, std::string>> excepted; // by a rule, with what is below

  // The action of the rule that decides a name that is asked; empty: none does. "observe" never
  // does.
  std::string decide(const std::string& client, const std::string& name, int type) const;
  bool blocks(const std::string& client, const std::string& name, int type, bool tcp) const;
  // The same for a name that an answer leads to, for which a likeness does not count.
  bool blocks_led_to(const std::string& client, const std::string& name, int type, bool tcp) const;
  // Kind::exchange or Kind::address.
  bool blocks_data(Kind kind, const std::string& client, const std::string& asked, int type,
                   const std::string& data, bool tcp) const;
  // What an answer tells that it should not; empty: nothing.
  std::string leak(const std::string& client, const std::string& asked, int type, bool tcp,
                   const Answer& answer) const;

 private:
  bool is_excepted(std::size_t order, const std::string& name) const;
  const Listing* deciding(const std::string& client, const std::string& name, int type) const;
};

Model draw_policy(Chance& chance, const Scene& scene);

} // namespace e2e
