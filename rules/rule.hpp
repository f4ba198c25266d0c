// One rule of a policy, without its names and protected domains (those are in the indexes).
#pragma once

#include "rules/action.hpp"
#include "rules/client.hpp"
#include "rules/name.hpp"

#include <bitset>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nearmiss {

// A set of RR types. Types over 511 only by `all`.
class TypeSet {
 public:
  static TypeSet all() noexcept;
  // That type; from `limit` on, with all others from there on.
  static TypeSet only(std::uint16_t type) noexcept;
  // MX A AAAA CNAME ANY SRV HTTPS SVCB: every lookup that can lead a mail server to a host.
  static TypeSet delivery() noexcept;
  void add(std::uint16_t type) noexcept; // below limit
  void add(const TypeSet& other) noexcept {
    bits_ |= other.bits_;
    others_ = others_ || other.others_;
  }
  bool contains(std::uint16_t type) const noexcept { return type < limit ? bits_[type] : others_; }
  bool empty() const noexcept { return bits_.none() && !others_; }
  bool intersects(const TypeSet& other) const noexcept {
    return (bits_ & other.bits_).any() || (others_ && other.others_);
  }
  void remove(const TypeSet& other) noexcept {
    bits_ &= ~other.bits_;
    others_ = others_ && !other.others_;
  }
  static constexpr std::uint16_t limit = 512;
  friend bool operator==(const TypeSet&, const TypeSet&) = default;

 private:
  std::bitset<limit> bits_;
  bool others_ = false; // all types from limit on
};

// The mnemonic of an RR type ("MX"), or RFC 3597's "TYPE65280".
std::string type_to_text(std::uint16_t type);
std::optional<std::uint16_t> type_from_text(std::string_view text) noexcept;

// A name, or none, for what is kept many times and mostly has none: a Name has 384 octets. Copies
// share it.
class OptionalName {
 public:
  OptionalName() = default;                                                     // none
  OptionalName(const Name& name) : name_(std::make_shared<const Name>(name)) {} // NOLINT: a value
  OptionalName(const std::optional<Name>& name)                                 // NOLINT: likewise
      : name_(name ? std::make_shared<const Name>(*name) : nullptr) {}
  explicit operator bool() const noexcept { return name_ != nullptr; }
  const Name& operator*() const noexcept { return *name_; }
  const Name* operator->() const noexcept { return name_.get(); }
  friend bool operator==(const OptionalName& a, const OptionalName& b) noexcept {
    return a && b ? *a == *b : !a && !b;
  }

 private:
  std::shared_ptr<const Name> name_;
};

// A record that takes the place of the real ones. Its owner is the asked name, or, for what a CNAME
// before it leads to, a name of its own.
struct LocalRecord {
  OptionalName owner; // none: the asked name, as of most
  std::uint16_t type = 0;
  // Wire form, names uncompressed. A CNAME that starts with the label `*` puts the asked name in
  // that label's place.
  std::vector<std::uint8_t> rdata;
  std::uint32_t ttl = 0; // seconds; the same for all records of an RRset
  friend bool operator==(const LocalRecord&, const LocalRecord&) = default;
};

// True for a CNAME that leads to the asked name under another one.
inline bool is_wildcard_cname(const LocalRecord& record) noexcept {
  return record.type == 5 && record.rdata.size() >= 2 && record.rdata[0] == 1 &&
         record.rdata[1] == '*';
}

// In the order in which an answer has them: those of one owner and type stand together.
using LocalData = std::vector<LocalRecord>;

// Octets that local data may take in an answer, and how many one record takes: at least (a pointer
// to the asked name, type, class, TTL, RDLENGTH), and at most.
inline constexpr std::size_t max_local_data = 3500;
inline constexpr std::size_t least_octets_in_answer = 12;
inline std::size_t octets_in_answer(const LocalRecord& record) noexcept {
  return least_octets_in_answer + record.rdata.size() + (record.owner ? Name::max_octets : 0) +
         (record.type == 5 ? Name::max_octets : 0);
}

struct Rule {
  std::string id; // unique in its policy, but for variants
  Action action = Action::nxdomain;
  TypeSet types;
  bool every_client = true; // else only clients in one of `groups`
  GroupSet groups = 0;
  std::uint32_t ttl = 60; // seconds, 0..86400, of the answer, but not of local data
  // What was meant: the same for every name, or, for `confusable`, a suffix to put in place of the
  // matched one.
  OptionalName intended;
  bool intended_is_suffix = false;
  std::string confusable_class; // "tld-swap" for a confusable rule of TLDs, else empty
  std::optional<std::chrono::sys_days> expires;           // the last day (UTC) on which it matches
  std::string category, reason, reference, owner, ticket; // as in the policy; may be empty
  std::shared_ptr<const LocalData> local_data;            // for Action::local_data, else null
  // A response policy zone has several actions: a rule for each, all with the id of the rule that
  // names the zone and right behind it.
  bool variant = false;
  // The list that all of its names come from, by its place among the policy's lists; absent: some
  // do not.
  std::optional<std::uint32_t> list;

  friend bool operator==(const Rule&, const Rule&) = default;
};

} // namespace nearmiss
