// A run of the chance test: what a seed draws, and its steps taken one after another, all checked.
#pragma once

#include "tests/e2e/chance_steps.hpp"
#include "tests/e2e/unbound.hpp"

#include <string>
#include <vector>

namespace e2e {

struct Played {
  std::string failure; // empty: all is well
  std::size_t answers, blocks, answer_blocks;
};

class Run {
 public:
  Run(std::uint64_t seed, std::size_t steps);

  const std::vector<Step>& steps() const noexcept { return steps_; }
  std::string describe(const std::vector<Step>& steps) const; // the world and these steps
  Played play(const std::vector<Step>& steps) const;          // in new servers

 private:
  std::uint64_t seed_;
  Scene scene_;
  Model model_;
  Host host_;
  UnboundOptions options_; // without the module
  std::vector<Step> steps_;
};

} // namespace e2e
