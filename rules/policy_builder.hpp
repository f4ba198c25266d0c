// Makes a Policy: groups, rules and names go in, in the order of the policy file; build() gives the
// immutable policy. For one thread. Made for millions of names: a name added is a copy of its wire
// form into one buffer.
#pragma once

#include "rules/policy.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace nearmiss {

enum class Scope : std::uint8_t {
  exact,   // the name alone
  subtree, // the name and everything below it
  below,   // everything below the name, not the name
};

class PolicyBuilder {
 public:
  // Returns the group's index: `GroupSet{1} << index` is its bit in Rule::groups. At most
  // max_groups.
  std::size_t add_group(std::string name, const std::vector<Prefix>& prefixes);

  // Returns the rule's index. The order of the rules decides between equals. A variant goes right
  // after its rule or another variant of it; what that rule excepts, the variant excepts too.
  std::size_t add_rule(Rule rule);

  // Room for this many names and exceptions, all told; a hint.
  void reserve(std::size_t names);

  // `rule`: what add_rule() returned. A name may come again, in one rule or in several.
  // Both throw std::length_error beyond 4 GiB of names.
  void add_name(std::size_t rule, const Name& name, Scope scope);
  // The rule shall not match the name or anything below it, unless the rule lists a name below it
  // that is more specific.
  void add_exception(std::size_t rule, const Name& name);

  // The rule shall match every answer that holds such an exchange, or an address of the prefix.
  void add_exchange(std::size_t rule, const Name& exchange, Scope scope);
  void add_address(std::size_t rule, const Prefix& prefix);

  // The rule shall match look-alikes of the domain in these classes. A rule either lists names or
  // protects domains; its exceptions hold for both.
  // `threshold`: from these odds on a slip is one, whatever its class; see Protected.
  void add_protected(std::size_t rule, const Name& domain, ClassSet classes,
                     std::int16_t threshold = no_threshold);
  // Names that are no look-alikes; null: all may be.
  void set_known(std::shared_ptr<const KnownNames> known) noexcept;

  // Not enforcing: verdicts keep their action, but are not enforced. Enforcing unless told.
  void set_enforcing(bool enforcing) noexcept;

  // Throws what NameIndexBuilder::build() throws and, if a domain is protected, LookalikeIndex.
  Policy build() &&;

 private:
  Policy policy_;
  NameIndexBuilder names_;
  NameIndexBuilder exchanges_;
  std::vector<std::pair<Prefix, std::uint32_t>> addresses_;
  std::vector<Protected> protected_;
  std::shared_ptr<const KnownNames> known_;
};

} // namespace nearmiss
