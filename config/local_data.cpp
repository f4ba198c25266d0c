#include "config/local_data.hpp"

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include <ldns/ldns.h>

namespace nearmiss {

std::string to_text(const LocalRecord& record) {
  // A whole RR in wire form, for that is what ldns reads.
  std::vector<std::uint8_t> wire{0}; // the owner, the root
  const auto u16 = [&](std::size_t value) {
    wire.push_back(static_cast<std::uint8_t>(value >> 8U));
    wire.push_back(static_cast<std::uint8_t>(value));
  };
  u16(record.type);
  u16(LDNS_RR_CLASS_IN);
  u16(0); // the TTL
  u16(0);
  u16(record.rdata.size());
  wire.insert(wire.end(), record.rdata.begin(), record.rdata.end());
  ldns_rr* raw = nullptr;
  std::size_t at = 0;
  const ldns_status status = ldns_wire2rr(&raw, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER);
  const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> rr(raw, ldns_rr_free);
  std::string text = type_to_text(record.type);
  if (status != LDNS_STATUS_OK) {
    static constexpr char hex[] = "0123456789abcdef";
    text += " \\# " + std::to_string(record.rdata.size()) + ' ';
    for (const std::uint8_t octet : record.rdata) {
      text += hex[octet >> 4U];
      text += hex[octet & 15U];
    }
    return text;
  }
  for (std::size_t field = 0; field < ldns_rr_rd_count(raw); ++field) {
    const std::unique_ptr<char, void (*)(void*)> part(ldns_rdf2str(ldns_rr_rdf(raw, field)),
                                                      std::free);
    if (!part) {
      throw std::bad_alloc();
    }
    text += std::string(" ") + part.get();
  }
  return text;
}

} // namespace nearmiss
