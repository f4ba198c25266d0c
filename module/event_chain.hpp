// A hash chain over the lines of a log: who removes, changes or reorders one breaks it.
//
// The value of a line is the SHA-256, in lower-case hex, over the value of the line before (64
// zeros for the first) and the line's octets up to its last field, `,"nearmiss.chain":"VALUE"`.
// It shows tampering by whoever cannot write the log anew from there on; nothing is signed.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace nearmiss {

class EventChain {
 public:
  // Throws std::runtime_error if libcrypto has no SHA-256.
  EventChain();
  // Appends `line`, a JSON object, with its value put in as the last field.
  void append(std::string_view line, std::string& out);

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash_;
  std::array<char, 64> value_{};
};

} // namespace nearmiss
