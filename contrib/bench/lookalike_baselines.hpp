// What others do about mistyped domains, to be measured beside the look-alike test: the distance of
// Damerau and Levenshtein, and the rules of the sign-up forms' mailcheck, written anew from their
// description: the nearest of the known domains by sift3 (nearer than 2), else its second level and
// its top level by themselves.
#pragma once

#include "rules/name.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::bench {

using Finder = std::function<std::optional<Name>(const Name&)>;

// Characters put in, left out or replaced, and neighbours swapped (optimal string alignment).
unsigned distance(std::string_view a, std::string_view b);

// The nearest of these domains at this distance or nearer; the registered domain is compared. A
// protected domain and what is below it is none.
Finder by_distance(const std::vector<Name>& domains, unsigned most);
Finder by_mailcheck(const std::vector<Name>& domains);

} // namespace nearmiss::bench
