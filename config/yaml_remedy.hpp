// What to write instead where yaml-cpp says that a policy is not YAML.
#pragma once

#include <string>
#include <string_view>

namespace nearmiss {

// `line`: the line that yaml-cpp stopped in, `at`: the octet, from 0; `problem`: its message
// (YAML::ErrorMsg). Empty if there is no better advice than to look at the place.
std::string yaml_remedy(std::string_view line, std::size_t at, std::string_view problem);

} // namespace nearmiss
