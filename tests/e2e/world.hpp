// A lab and a resolver in it, with the verbs that tests are written in.
//
//   World world({.policy = confusable_policy});
//   world.expect_blocked(mail, "army.ml", MX);
//   world.expect_real(other, "army.ml", MX);
//
// Each verb asks one query and checks the whole answer with Catch2's CHECK.
#pragma once

#include "tests/e2e/address.hpp"
#include "tests/e2e/lab.hpp"
#include "tests/e2e/unbound.hpp"

#include <functional>
#include <string>
#include <vector>

namespace e2e {

// The policy of most tests: all of ml is mistyped mil, except gouv.ml; arrny.example alone is
// listed, not what is below it. Group `mail` is 127.1.0.0/16.
extern const std::string usual_policy;

// That policy with other defaults, a YAML flow mapping without braces: "action: sinkhole, ttl: 7".
std::string usual_policy_with(const std::string& defaults);

struct World {
  explicit World(UnboundOptions options, const std::vector<Zone>& zones = default_zones());
  // `prepare` furnishes the resolver's folder before it starts.
  World(UnboundOptions options, const std::function<void(const std::filesystem::path&)>& prepare);

  // The block as `nxdomain` makes it: no data, an SOA, nothing secret.
  void expect_blocked(const std::string& client, const std::string& name, int type,
                      const Flags& flags = {}) const;
  // The answer that exists upstream: NOERROR, data of `type` (after any CNAME), no block.
  void expect_real(const std::string& client, const std::string& name, int type,
                   const Flags& flags = {}) const;

  Lab lab;
  Unbound resolver; // started
};

// True if the packet holds an address or an exchange of a listed name, in any section.
bool tells_a_secret(const Answer& answer);
// True if the answer looks made by the module: EDE Blocked, or an SOA only the module sends.
bool looks_blocked(const Answer& answer);

} // namespace e2e
