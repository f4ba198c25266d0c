// Upstream servers that lie: answers written octet for octet.
#pragma once

#include "tests/e2e/world.hpp"

#include <functional>
#include <string>
#include <vector>

namespace e2e {

using Bytes = std::vector<std::uint8_t>;
Bytes operator+(Bytes left, const Bytes& right);
Bytes u16(std::size_t value);
Bytes pointer(std::size_t offset);   // a compression pointer
Bytes name(const std::string& text); // in wire form, uncompressed

inline constexpr std::size_t question_at = 12;
inline const Bytes the_question = pointer(question_at); // as an owner
inline const Bytes secret_address = {198, 51, 100, 77};

// `ttl` in seconds.
Bytes record(const Bytes& owner, int type, const Bytes& rdata, int rclass = 1,
             std::size_t ttl = 300);

struct Sections {
  std::vector<Bytes> answer, additional{}, authority{};
  int flags = 0x8400; // QR, AA, and the rcode NOERROR
};

// What the server sends, given where the first record will stand.
using Script = std::function<Sections(std::size_t at)>;
// Over UDP only as much as fits; then TC.
Relay::Forger forger(const Script& script);

// A name that nobody has asked for: Unbound remembers for some seconds what failed. Its zone is not
// signed, so nobody but the parser stops its answers.
std::string new_name();

// QNAME minimisation may ask for A first, whatever the client asked for.
bool server_was_asked(const World& world, const std::string& name);

// Everybody asks for a name whose answers are the script's, policed clients first and last. They
// learn nothing, and the resolver lives on.
void survive(World& world, const Script& script);
// The same for a name that is forged already.
void survive(World& world, const std::string& hostile);

} // namespace e2e
