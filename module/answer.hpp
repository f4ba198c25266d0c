// The answers that take the place of a blocked one, as records.
//
// What does not depend on the question is made once a policy, with ldns: the RDATA of each rule's
// SOA and of the sinkhole's MX. An answer is then put together from the question and these, without
// allocation. Local data comes from the policy as RDATA.
//
// NXDOMAIN and NODATA carry an SOA whose TTL and MINIMUM are the rule's ttl: a cache keeps a
// negative answer for the lesser of the two (RFC 2308 section 5), and without an SOA not at all.
// Its owner is the listed name, or the parent of it where that name itself does not exist.
#pragma once

#include "config/config.hpp"
#include "module/core.h"

#include <cstdint>
#include <map>
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

  // Makes the answer to a blocked lookup, but for its explanation: `qname` is the name as it was
  // asked (RFC 1035 wire form, which may be longer than the name), `asked` the same in lower case.
  // Not for `drop`, which has no answer.
  void make(const Verdict& verdict, const Name& asked, std::span<const std::uint8_t> qname,
            std::uint16_t qtype, nm_answer& answer) const noexcept;

  class Writer;

 private:
  using Rdata = std::vector<std::uint8_t>;
  void add_sinkhole(Writer& writer, std::uint16_t qtype) const noexcept;

  const Config& config_;
  std::map<std::uint32_t, Rdata> soa_; // by the ttl of rules
  Rdata sinkhole_mx_;                  // empty: the name that was asked
  Rdata null_mx_;
};

// That the answer section holds, of whatever name.
std::optional<ClientAddress> first_address(const nm_answer& answer) noexcept;

} // namespace nearmiss
