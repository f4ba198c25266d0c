// The answers that take the place of a blocked one, as DNS messages.
//
// What does not depend on the question is made once a policy, with ldns: the RDATA of each rule's
// SOA and of the sinkhole's MX. A message is then put together from the question and these, into
// the caller's buffer, without allocation. Local data comes from the policy as RDATA.
//
// NXDOMAIN and NODATA carry an SOA whose TTL and MINIMUM are the rule's ttl: a cache keeps a
// negative answer for the lesser of the two (RFC 2308 section 5), and without an SOA not at all.
// Its owner is the listed name, or the parent of it where that name itself does not exist.
#pragma once

#include "config/config.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nearmiss {

enum class Rcode : std::uint8_t { noerror = 0, servfail = 2, nxdomain = 3, refused = 5 };
std::string_view to_string(Rcode rcode) noexcept; // "NXDOMAIN"
Rcode rcode_for(const Verdict& verdict) noexcept; // of a verdict that blocks

class Answers {
 public:
  // Keeps a reference to `config`. Throws std::bad_alloc, or std::runtime_error if ldns fails.
  explicit Answers(const Config& config);

  // Writes the answer to a blocked lookup: a message with the question as it was asked (`qname` in
  // the case of the asker; RFC 1035 wire form, which may be longer than the name), QR and RA set,
  // TC for `tcp_only`. Returns its length, at most 12 + 259 + max_local_data octets; 0 if `out` is
  // too small or `qname` no name. Not for `drop`, which has no answer.
  std::size_t write(const Verdict& verdict, std::span<const std::uint8_t> qname,
                    std::uint16_t qtype, std::span<std::uint8_t> out) const noexcept;

  // The first address that such an answer holds.
  std::optional<ClientAddress> resolved_ip(const Verdict& verdict,
                                           std::uint16_t qtype) const noexcept;

 private:
  using Rdata = std::vector<std::uint8_t>;
  const Config& config_;
  std::vector<Rdata> soa_; // one a rule, in the policy's order
  Rdata sinkhole_mx_;      // empty: the name that was asked
  Rdata null_mx_;
};

} // namespace nearmiss
