// SHA-256, and the hash chain over a log's lines that rests on it.
//
// With `log: {chain: true}` every line of the log ends with a field of its own,
//
//   ...,"nearmiss.chain":"<64 lower-case hex digits>"}
//
// the SHA-256 over the value of the line before (64 zeros where there is none) and then this line's
// octets up to, not including, that field's comma. A start of the module goes on with the value of
// the last line that it finds in the file. Whoever changes, removes, inserts or moves a line has to
// change every value behind it; there is no key, so whoever may write the log can do that, and only
// a value that was kept elsewhere finds them out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <openssl/evp.h>

namespace nearmiss {

// Not safe for use by several threads. Throws std::bad_alloc, and std::runtime_error if libcrypto
// has no SHA-256.
class Sha256 {
 public:
  Sha256();
  void update(std::string_view octets);
  // The digest of what came since the start or the last call, 32 octets, and as 64 hex digits.
  std::string octets();
  std::string hex();

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

// Not safe for use by several threads.
class LogChain {
 public:
  static constexpr std::string_view key = R"(,"nearmiss.chain":")";
  static constexpr std::size_t value_size = 64;
  static constexpr std::string_view start =
      "0000000000000000000000000000000000000000000000000000000000000000";

  // Goes on behind a line with the value `last`.
  explicit LogChain(std::string_view last = start) : last_(last) {}

  // A line up to its chain field's comma, and the value that it states; an empty value if the field
  // does not stand at the end as the module writes it.
  static std::pair<std::string_view, std::string_view> split(std::string_view line) noexcept;

  // The value of a line: `body` is the line up to the field's comma, so without its closing brace.
  std::string value(std::string_view previous, std::string_view body);

  // How much longer a line becomes by it.
  static constexpr std::size_t added = key.size() + value_size + 1;
  // The value of the next line, of which `body` is what stands before the field's comma. The chain
  // stays as it was if this throws.
  const std::string& next(std::string_view body);
  // The line `{...}` with that value at its end.
  std::string sealed(std::string_view line);

 private:
  Sha256 hash_;
  std::string last_;
};

} // namespace nearmiss
