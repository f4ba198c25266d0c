// `nearmiss check --unbound PATH`: would that Unbound load the module? Asked of the two files,
// before anything is started: unbound-checkconf does not load modules.
#pragma once

#include <string>

namespace nearmiss::cli {

// Where `cmake --install` puts the module.
inline constexpr const char* installed_module = NEARMISS_INSTALLED_MODULE;

struct UnboundCheck {
  bool readable = false; // both files: else `what` says which is not, and why
  bool fits = false;
  std::string built_for; // "unbound 1.17.1 (build-id:...)"
  std::string found;     // likewise
  std::string what;      // for a person: what was found, and if it does not fit, what to do
};

UnboundCheck check_unbound(const std::string& program, const std::string& module);

} // namespace nearmiss::cli
