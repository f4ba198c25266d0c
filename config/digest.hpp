// SHA-256, and the hash chain over a log's lines that rests on it.
//
// With `log: {chain: true}` every line of the log ends with a field of its own,
//
//   ...,"nearmiss.chain":"<64 lower-case hex digits>"}
//
// the SHA-256 over the value of the line before (64 zeros in front of the first line of a run, that
// is of a start of the module) and then this line's octets up to, not including, that field's
// comma. Whoever changes, removes, inserts or moves a line has to change every value behind it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

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

// One run's chain. Not safe for use by several threads.
class LogChain {
 public:
  static constexpr std::string_view key = R"(,"nearmiss.chain":")";
  static constexpr std::size_t value_size = 64;
  static const std::string start; // 64 zeros

  // The value of a line: `body` is the line up to the field's comma, so without its closing brace.
  std::string value(std::string_view previous, std::string_view body);

  // The line `{...}` with the next value of the chain at its end.
  std::string sealed(std::string_view line);

 private:
  Sha256 hash_;
  std::string last_ = start;
};

} // namespace nearmiss
