// `organisation`, `contact` and `language` of a policy.
#pragma once

#include "config/config.hpp"
#include "config/yaml_reader.hpp"

#include <string_view>

namespace nearmiss {

Contact read_contact(YamlMap& policy, const YamlReader& reader);

// Is it one that may stand behind `mailto:` (RFC 6068) as it is?
bool is_mail_address(std::string_view text) noexcept;

} // namespace nearmiss
