// The logs that a policy writes, for commands that are given none.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nearmiss::cli {

// The policy's first log file, and with `rotated` what rotation has made of it beside it: its name,
// then `.1`, `-20261123` and the like, compressed or not. The file itself is the last one. Says on
// stderr why there is none, for `command`, and returns nullopt.
std::optional<std::vector<std::string>> logs_of_policy(const std::string& command,
                                                       const std::string& policy, bool rotated);

} // namespace nearmiss::cli
