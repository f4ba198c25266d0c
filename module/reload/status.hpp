// What `nearmiss status` says.
#pragma once

#include "module/reload/policy_keeper.hpp"

#include <nlohmann/json.hpp>

namespace nearmiss {

using Json = nlohmann::ordered_json;

// Throws std::bad_alloc.
Json status_of(const PolicyKeeper& keeper);
// Of the last load alone.
Json load_outcome_of(const PolicyKeeper& keeper);
// What is switched: the answer to `observe`, `enforce`, `allow`, and a part of the status.
Json overrides_of(const PolicyKeeper& keeper);

} // namespace nearmiss
