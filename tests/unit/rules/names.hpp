// Short ways to write names, rules and queries in tests.
#pragma once

#include "rules/client.hpp"
#include "rules/name.hpp"
#include "rules/rule.hpp"

#include <cstdlib>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace nearmiss::test {

inline Name name(std::string_view text) {
  const auto parsed = Name::from_text(text);
  if (!parsed) {
    throw std::invalid_argument("not a name: " + std::string(text));
  }
  return *parsed;
}

// The seed of a random test: NEARMISS_SEED, to repeat a run, else a new one. The test prints it.
inline unsigned seed() {
  const char* const given = std::getenv("NEARMISS_SEED");
  return given != nullptr ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
}

inline constexpr std::uint16_t type_a = 1;
inline constexpr std::uint16_t type_mx = 15;
inline constexpr std::uint16_t type_txt = 16;

// Who asks where a test says nothing else.
inline const ClientAddress mail_server = ClientAddress::v4({192, 0, 2, 25});
inline const ClientAddress office = ClientAddress::v4({198, 51, 100, 7});

inline Rule rule(std::string id, Action action) {
  Rule made;
  made.id = std::move(id);
  made.action = action;
  made.types = TypeSet::delivery();
  return made;
}

} // namespace nearmiss::test
