#include "config/written_files.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace nearmiss {

namespace {

// The path without the links in it, as far as it exists.
std::filesystem::path resolved(const std::filesystem::path& file) {
  std::error_code unreachable;
  auto path = std::filesystem::absolute(file, unreachable);
  if (!unreachable) {
    path = std::filesystem::weakly_canonical(path, unreachable);
  }
  return unreachable ? file.lexically_normal() : path;
}

bool are_one(const std::filesystem::path& a, const std::filesystem::path& b) {
  std::error_code none; // one that is not there yet is no other's hard link
  return resolved(a) == resolved(b) || std::filesystem::equivalent(a, b, none);
}

} // namespace

void WrittenFiles::are_read(const std::vector<SourceFile>& files) {
  for (const SourceFile& file : files) {
    taken_.push_back({file.path, taken_.empty() ? "the policy itself" : "a list of the policy"});
  }
}

void WrittenFiles::is_written(const std::filesystem::path& file, std::string what) {
  taken_.push_back({file, std::move(what)});
}

std::optional<std::filesystem::path> WrittenFiles::read(const YamlNode& node, std::string_view key,
                                                        std::string_view owner) {
  const auto written = reader_.text(node, key);
  if (!written) {
    return std::nullopt;
  }
  auto file = (folder_ / *written).lexically_normal();
  const auto parent = file.parent_path();
  std::error_code none; // that there is an error says as much as a false
  if (!parent.empty() && !std::filesystem::is_directory(parent, none)) {
    reader_.report().warning(reader_.file(), node.place,
                             "there is no folder " + shown(parent.native()) + " for " + shown(key) +
                                 "; create it, and let the user that Unbound runs as write in it" +
                                 (owner == "log" ? ": Unbound does not start without it" : ""));
  }
  const auto other =
      std::ranges::find_if(taken_, [&](const Taken& taken) { return are_one(file, taken.file); });
  if (other != taken_.end()) {
    reader_.error(node, shown(owner) + " cannot have " + shown(file.native()) + ": it is " +
                            other->what + "; name a file of its own");
  }
  is_written(file, "that of " + shown(owner) + " in line " + std::to_string(node.place.line));
  return file;
}

} // namespace nearmiss
