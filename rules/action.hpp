// What a rule does with a lookup it matches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace nearmiss {

// The order is part of no contract; the spelling (to_string) is: policies and events use it.
enum class Action : std::uint8_t {
  nxdomain,   // the name does not exist (RFC 8020: nor anything below it)
  nodata,     // the name exists, the type does not (RFC 2308 section 2.2)
  null_mx,    // MX "0 ." (RFC 7505); every other type NODATA
  sinkhole,   // A and AAAA the sinkhole, MX "0 <mx>"; every other type NODATA
  refused,    // rcode REFUSED
  servfail,   // rcode SERVFAIL: mail servers queue and try again
  drop,       // no reply at all
  tcp_only,   // over UDP an empty answer with TC; over TCP, TLS and HTTPS as `allow`
  local_data, // the records of the rule; a type that they do not have is NODATA
  observe,    // let through, write an event
  allow,      // let through, no event; beats a block at the same name; the last one
};
inline constexpr std::size_t action_count = static_cast<std::size_t>(Action::allow) + 1;

// Those that a policy may write, in the order in which messages list them. `local_data` comes of
// response policy zones alone.
inline constexpr Action written_actions[] = {
    Action::nxdomain, Action::nodata, Action::null_mx,  Action::sinkhole, Action::refused,
    Action::servfail, Action::drop,   Action::tcp_only, Action::observe,  Action::allow};

std::string_view to_string(Action action) noexcept;
// nullopt if the text names no action.
std::optional<Action> action_from(std::string_view text) noexcept;

// True for the actions that keep the real answer from the client, `tcp_only` over UDP.
constexpr bool blocks(Action action) noexcept {
  return action != Action::observe && action != Action::allow;
}

} // namespace nearmiss
