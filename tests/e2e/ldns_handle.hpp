// Owners for ldns objects.
#pragma once

#include <cstdlib>
#include <ldns/ldns.h>
#include <memory>
#include <stdexcept>
#include <string>

namespace e2e {

template<auto Free> struct LdnsFree {
  template<class T> void operator()(T* object) const { Free(object); }
};
using PacketHandle = std::unique_ptr<ldns_pkt, LdnsFree<ldns_pkt_free>>;
using RdfHandle = std::unique_ptr<ldns_rdf, LdnsFree<ldns_rdf_deep_free>>;
using RrHandle = std::unique_ptr<ldns_rr, LdnsFree<ldns_rr_free>>;
using KeysHandle = std::unique_ptr<ldns_key_list, LdnsFree<ldns_key_list_free>>;
using ZoneHandle = std::unique_ptr<ldns_zone, LdnsFree<ldns_zone_deep_free>>;
using SignedZoneHandle = std::unique_ptr<ldns_dnssec_zone, LdnsFree<ldns_dnssec_zone_deep_free>>;

inline void check(ldns_status status, const std::string& what) {
  if (status != LDNS_STATUS_OK) {
    throw std::runtime_error(what + ": " + ldns_get_errorstr_by_id(status));
  }
}

// Takes a string that ldns allocated.
inline std::string taken(char* text) {
  std::string copy = text != nullptr ? text : "";
  std::free(text);
  return copy;
}

} // namespace e2e
