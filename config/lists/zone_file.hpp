// A zone file (RFC 1035 section 5), record by record: what entries (zone_text.hpp) come to, with
// origin, owner, TTL and class. ldns makes the data of all but the commonest types, from a whole
// entry of its own: it takes ten seconds for a million records, and reads on where none ends.
#pragma once

#include "config/lists/zone_text.hpp"
#include "rules/name.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// What a name is relative to.
enum class Below : std::uint8_t {
  root,   // nothing: it is absolute
  origin, // ZoneFile::origin()
  zone,   // the zone's name, which the file has not said yet
};

struct ZoneRecord {
  std::size_t line = 0; // on which it starts, from 1
  Name owner;
  Below owner_below = Below::root;
  std::uint16_t type = 0;
  std::optional<std::uint32_t> ttl; // its own, `$TTL`'s or that of the one before; absent: none
  std::span<const std::string_view> data; // words
};

class ZoneFile {
 public:
  // `content` is not copied.
  explicit ZoneFile(std::string_view content) : text_(content) {}

  // The record is valid during the call.
  using Found = std::function<void(const ZoneRecord& record)>;
  // For what is no record of class IN; reading goes on behind it.
  using Broken = std::function<void(std::size_t line, std::string problem)>;
  // To be called once. Throws std::bad_alloc, and what those throw.
  void read(const Found& found, const Broken& broken);

  // What relative names are below. Until `$ORIGIN` or set_origin() says it the root, and names are
  // Below::zone.
  const Name& origin() const noexcept { return origin_; }
  bool origin_known() const noexcept { return origin_known_; }
  void set_origin(const Name& origin);
  // The text behind the record that was read last.
  ZoneText ahead() const { return text_; }

 private:
  void take(const ZoneEntry& entry, const Found& found, const Broken& broken);
  void take_directive(const ZoneEntry& entry, const Broken& broken);
  // The entry's owner into `record`; false: there is none, which is reported.
  bool take_owner(const ZoneEntry& entry, ZoneRecord& record, const Broken& broken);

  ZoneText text_;
  Name origin_;
  bool origin_known_ = false;
  bool origin_broken_ = false; // the last `$ORIGIN` was: nobody knows what relative names mean
  std::optional<std::uint32_t> default_ttl_;
  std::optional<std::uint32_t> last_ttl_;
  ZoneRecord previous_; // its owner
  enum class Owner : std::uint8_t { none, good, broken } last_owner_ = Owner::none;
};

} // namespace nearmiss
