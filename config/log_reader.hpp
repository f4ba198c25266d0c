// What a policy says about its events and metrics: `log:` and `metrics:`.
#pragma once

#include "config/config.hpp"
#include "config/yaml_reader.hpp"

namespace nearmiss {

// `log` is one sink, or a list of them. `folder`: where relative paths start.
LogSettings read_log(const YamlNode& node, const std::filesystem::path& folder,
                     const YamlReader& reader);
MetricsSettings read_metrics(const YamlNode& node, const std::filesystem::path& folder,
                             const YamlReader& reader);

} // namespace nearmiss
