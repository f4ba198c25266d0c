#include "contrib/cli/policy_logs.hpp"

#include "contrib/cli/commands.hpp"
#include "contrib/cli/text.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <system_error>

namespace nearmiss::cli {

namespace {

// ".1", ".2.gz", "-20261123", "-20261123.zst": what stands behind the log's name.
bool is_of_rotation(std::string_view behind) {
  return behind.size() > 1 && (behind[0] == '.' || behind[0] == '-') && behind[1] >= '0' &&
         behind[1] <= '9';
}

std::vector<std::string> rotated_of(const std::filesystem::path& log) {
  std::vector<std::string> found;
  std::error_code error; // then there is none that could be read
  const std::filesystem::path folder = log.has_parent_path() ? log.parent_path() : ".";
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().native();
    const std::string own = log.filename().native();
    std::error_code unknown;
    if (name.starts_with(own) && is_of_rotation(std::string_view(name).substr(own.size())) &&
        entry.is_regular_file(unknown)) {
      found.push_back((log.parent_path() / name).native());
    }
  }
  std::ranges::sort(found);
  return found;
}

} // namespace

std::optional<std::vector<std::string>> logs_of_policy(const std::string& command,
                                                       const std::string& policy, bool rotated) {
  const LoadResult result = load_policy(policy);
  const auto give_up = [&](const std::string& why) {
    std::cerr << "nearmiss " << command << ": no LOG is given, and " << why << '\n';
    return std::nullopt;
  };
  if (!result.config) {
    print(result.diagnostics);
    return give_up("the policy " + plain(policy) + " cannot be read; name a log");
  }
  if (result.config->log.file.empty()) {
    return give_up("the policy " + plain(policy) + " writes none to a file; name a log");
  }
  const auto log = std::filesystem::path(policy).parent_path() / result.config->log.file;
  std::vector<std::string> logs = rotated ? rotated_of(log) : std::vector<std::string>();
  std::error_code error;
  if (std::filesystem::exists(log, error) || logs.empty()) {
    logs.push_back(log.native());
  }
  return logs;
}

} // namespace nearmiss::cli
