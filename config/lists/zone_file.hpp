// A zone file (RFC 1035 section 5), record by record.
#pragma once

#include "rules/name.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <ldns/ldns.h>

namespace nearmiss {

// A name that ldns has read.
Name name_of(const ldns_rdf* rdf);

struct ZoneRecord {
  std::size_t line = 0; // on which it starts, from 1
  Name owner;
  std::uint16_t type = 0;
  std::string_view target;     // of a CNAME that was read as a short one; else empty
  const ldns_rr* rr = nullptr; // null where `target` says all
};

// ldns reads the records; but one form, `owner CNAME target` with one of a few targets, may make up
// nearly the whole of a file, and is read here: ldns takes ten seconds for a million of them.
class ZoneFile {
 public:
  // `is_short`: may a CNAME to this text, which ends with a dot, be given as a target alone? Such
  // texts must be in lower case. `content` is not copied. Throws std::bad_alloc.
  ZoneFile(std::string_view content, bool (*is_short)(std::string_view target));
  ~ZoneFile();
  ZoneFile(const ZoneFile&) = delete;
  ZoneFile& operator=(const ZoneFile&) = delete;

  // The record is valid during the call.
  using Found = std::function<void(const ZoneRecord& record)>;
  // For what is no record of class IN; reading goes on behind it.
  using Broken = std::function<void(std::size_t line, std::string problem)>;
  // To be called once. Throws std::bad_alloc, and what those throw.
  void read(const Found& found, const Broken& broken);

 private:
  bool read_short(std::string_view line, ZoneRecord& record);
  void read_by_ldns(const Found& found, const Broken& broken);

  std::string_view content_;
  bool (*is_short_)(std::string_view target);
  std::size_t at_ = 0;
  int line_ = 1;
  std::unique_ptr<FILE, int (*)(FILE*)> file_;
  std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> origin_;
  Name origin_name_; // the same
  std::uint32_t ttl_ = 0;
  ldns_rdf* previous_ = nullptr; // the owner of the record before
  Name last_owner_;
  bool owner_is_newer_ = false; // last_owner_ is the one before, previous_ is older
};

} // namespace nearmiss
