// RDATA from its words in a zone file, in wire form.
#pragma once

#include "rules/name.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// A name as a zone file writes it: relative to an origin unless it ends with a dot; `@` is the
// origin, here the root. nullopt: it is none. `relative` is set if it is relative.
std::optional<Name> zone_name(std::string_view word, bool& relative) noexcept;

// RDATA of the type, names uncompressed, relative ones below `origin`; RFC 3597's `\#` form too.
// nullopt: it is none, `problem` says why. Throws std::bad_alloc.
std::optional<std::vector<std::uint8_t>> rdata_of(std::uint16_t type,
                                                  std::span<const std::string_view> words,
                                                  const Name& origin, std::string& problem);

} // namespace nearmiss
