// RRsets as the adapter hands them to the core: wire-form names and RDATA with its length in front,
// each in memory of its own size, so that a sanitizer sees a read past its end.
#pragma once

#include "module/core.h"

#include <deque>
#include <string>
#include <vector>

namespace nearmiss::test {

class Rrsets {
 public:
  // `owner` and the RDATA in wire form; a name's final zero octet is added to the owner only.
  Rrsets& add(nm_section section, const std::string& owner, std::uint16_t type,
              const std::vector<std::string>& rdata) {
    const auto& wire = keep(owner + std::string(1, '\0'));
    auto& pointers = pointers_.emplace_back();
    auto& lengths = lengths_.emplace_back();
    for (const std::string& record : rdata) {
      const std::size_t size = record.size();
      auto& octets =
          keep(std::string{static_cast<char>(size >> 8U), static_cast<char>(size)} + record);
      pointers.push_back(octets.data());
      lengths.push_back(octets.size());
    }
    all_.push_back({.owner = {wire.data(), wire.size()},
                    .type = type,
                    .section = static_cast<std::uint8_t>(section),
                    .findings = 0,
                    .count = rdata.size(),
                    .rdata = pointers.data(),
                    .rdata_len = lengths.data()});
    return *this;
  }

  std::vector<nm_rrset>& all() { return all_; }
  const nm_rrset* data() const { return all_.data(); }
  std::size_t size() const { return all_.size(); }

 private:
  std::vector<std::uint8_t>& keep(const std::string& octets) {
    return octets_.emplace_back(octets.begin(), octets.end());
  }

  std::deque<std::vector<std::uint8_t>> octets_;
  std::deque<std::vector<std::uint8_t*>> pointers_;
  std::deque<std::vector<std::size_t>> lengths_;
  std::vector<nm_rrset> all_;
};

// "mail.army.ml" as "\4mail\4army\2ml\0".
inline std::string wire(const std::string& name) {
  std::string octets;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('.', at), name.size());
    octets += static_cast<char>(end - at) + name.substr(at, end - at);
    at = end + 1;
  }
  return octets + std::string(1, '\0');
}

inline std::string mx(const std::string& host) {
  return std::string("\0\12", 2) + wire(host);
}

} // namespace nearmiss::test
