#include "module/event_chain.hpp"

#include <stdexcept>

namespace nearmiss {

EventChain::EventChain() : hash_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  if (!hash_ || EVP_DigestInit_ex(hash_.get(), EVP_sha256(), nullptr) != 1) {
    throw std::runtime_error("libcrypto has no SHA-256");
  }
  value_.fill('0');
}

void EventChain::append(std::string_view line, std::string& out) {
  constexpr std::string_view hex = "0123456789abcdef";
  const std::string_view body = line.substr(0, line.size() - 1); // without the last brace
  std::array<unsigned char, EVP_MAX_MD_SIZE> octets{};
  unsigned size = 0;
  if (EVP_DigestInit_ex(hash_.get(), nullptr, nullptr) != 1 ||
      EVP_DigestUpdate(hash_.get(), value_.data(), value_.size()) != 1 ||
      EVP_DigestUpdate(hash_.get(), body.data(), body.size()) != 1 ||
      EVP_DigestFinal_ex(hash_.get(), octets.data(), &size) != 1 || 2 * size != value_.size()) {
    throw std::runtime_error("libcrypto cannot make a SHA-256");
  }
  for (std::size_t at = 0; at < size; ++at) {
    value_[2 * at] = hex[octets[at] >> 4];
    value_[2 * at + 1] = hex[octets[at] & 0xf];
  }
  out += body;
  out += R"(,"nearmiss.chain":")";
  out.append(value_.data(), value_.size());
  out += R"("})";
}

} // namespace nearmiss
