// What a policy says about its events and metrics: `log:` and `metrics:`.
#pragma once

#include "config/config.hpp"
#include "config/written_files.hpp"
#include "config/yaml_reader.hpp"

namespace nearmiss {

// `log` is one sink, or a list of them.
LogSettings read_log(const YamlNode& node, const YamlReader& reader, WrittenFiles& files);
MetricsSettings read_metrics(const YamlNode& node, const YamlReader& reader, WrittenFiles& files);

} // namespace nearmiss
