// Names that are known to be meant as themselves: nothing at or below one is a look-alike.
//
// One list ships (config/lists/known.txt, built in, so that a resolver in a chroot has it); a
// policy may name files of its own instead. A second list that ships holds the well-known mail
// providers (config/lists/mail-providers.txt), for which much of what people type is meant.
#pragma once

#include "rules/lookalikes/keys.hpp"
#include "rules/name.hpp"

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace nearmiss {

// Immutable once built. Holds 61-bit hashes with a secret base: an unknown name is taken for a
// known one with a chance of about one in 2^40.
class KnownNames {
 public:
  KnownNames() = default; // none
  explicit KnownNames(const std::vector<Name>& names);

  // The lists that ship. Made at the first call, shared by all policies; throws if there is no
  // memory.
  static std::shared_ptr<const KnownNames> shipped();
  static const KnownNames& mail_providers();

  // Is the name a known one, or below one? Does not allocate.
  bool contains(const Name& name) const noexcept;
  std::size_t size() const noexcept { return size_; }

 private:
  explicit KnownNames(std::string_view lines);

  lookalike::Hasher hasher_;
  lookalike::KeyTable keys_;
  std::size_t size_ = 0;
  std::size_t most_labels_ = 0;
};

} // namespace nearmiss
