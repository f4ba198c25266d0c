// The core without a resolver, for targets that call it as the adapter does.
#pragma once

#include "module/core.h"
#include "tests/fuzz/fuzz.hpp"

#include <memory>

namespace nearmiss::fuzz {

struct CoreEnd {
  void operator()(nm_core* core) const { nm_core_stop(core); }
};
using Core = std::unique_ptr<nm_core, CoreEnd>;

inline void print_error(bool is_error, const char* line) {
  if (is_error) {
    (void)std::fprintf(stderr, "error: %s\n", line);
  }
}

// Under the policy in this file, which is read once.
inline Core start_core(const std::filesystem::path& file) {
  const nm_host host{.log_line = print_error, .policy_changed = [](void*) {}, .arg = nullptr};
  Core core(nm_core_start(file.c_str(), &host));
  PROMISE(core);
  return core;
}

} // namespace nearmiss::fuzz
