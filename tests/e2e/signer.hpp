// Signs a zone, for the validator to check.
#pragma once

#include <cstdint>
#include <string>

namespace e2e {

struct SignedZone {
  std::string text; // the zone with DNSKEY, NSEC and RRSIG records
  std::string ds;   // the DS record for the parent, or, for the root, its trust anchor
};

// One key (ECDSA P-256) that signs everything, NSEC, valid from yesterday for a month. A zone that
// is signed again has the key it had. For one thread.
SignedZone sign_zone(const std::string& origin, const std::string& text, std::uint32_t key_ttl);

} // namespace e2e
