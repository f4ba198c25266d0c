#include "rules/action.hpp"

#include <array>
#include <utility>

namespace nearmiss {

namespace {

constexpr std::array<std::pair<Action, std::string_view>, 11> spellings{{
    {Action::nxdomain, "nxdomain"},
    {Action::nodata, "nodata"},
    {Action::null_mx, "null-mx"},
    {Action::sinkhole, "sinkhole"},
    {Action::refused, "refused"},
    {Action::servfail, "servfail"},
    {Action::drop, "drop"},
    {Action::tcp_only, "tcp-only"},
    {Action::local_data, "local-data"},
    {Action::observe, "observe"},
    {Action::allow, "allow"},
}};

} // namespace

std::string_view to_string(Action action) noexcept {
  for (const auto& [value, text] : spellings) {
    if (value == action) {
      return text;
    }
  }
  return {};
}

std::optional<Action> action_from(std::string_view text) noexcept {
  for (const auto& [value, spelling] : spellings) {
    if (spelling == text) {
      return value;
    }
  }
  return std::nullopt;
}

} // namespace nearmiss
