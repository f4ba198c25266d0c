// The score of a verdict.
#pragma once

#include "rules/lookalikes/lookalike.hpp"

#include <cstddef>

namespace nearmiss::lookalike {

// `label_length`: characters of the protected label. `further`: changes after the first, 0..3.
LookalikeScore score_of(LookalikeClass kind, std::size_t label_length, unsigned further) noexcept;

} // namespace nearmiss::lookalike
