// Which kind of file a list is, for an admin who has fetched another one than the policy says.
#pragma once

#include "config/config.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace nearmiss {

struct OtherKind {
  std::size_t line = 1;
  std::string message; // what it is, and the remedy
};

// nullopt: it may be of this format. Judged by the first line that is neither blank nor a comment,
// since a whole file of another kind is wrong in its first line already.
std::optional<OtherKind> other_kind(std::string_view content, ListFormat format);

} // namespace nearmiss
