// What tests of faults have in common.
#pragma once

#include "tests/e2e/faulty_calls.h"
#include "tests/e2e/world.hpp"

#include <string>

namespace e2e {

bool holds(const std::string& text, const std::string& part);
std::string with_log(const std::string& log); // the usual policy with another `log:` at its end
bool has_logged(const World& world, const std::string& text); // waits for it
void mail_is_blocked_and_others_are_served(const World& world);

// The switches of faulty_calls.c, for an Unbound into which it is preloaded.
class FaultyCalls {
 public:
  FaultyCalls();
  ~FaultyCalls();
  FaultyCalls(const FaultyCalls&) = delete;
  FaultyCalls& operator=(const FaultyCalls&) = delete;

  Process::Environment environment() const; // for Unbound
  faulty_calls* operator->() const { return switches_; }

 private:
  ScratchFolder folder_;
  std::filesystem::path file_;
  faulty_calls* switches_;
};

} // namespace e2e
