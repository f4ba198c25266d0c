#include "config/digest.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <stdexcept>

namespace nearmiss {

namespace {

void must(int result) {
  if (result != 1) {
    throw std::runtime_error("libcrypto fails to compute a SHA-256");
  }
}

} // namespace

Sha256::Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  if (context_ == nullptr) {
    throw std::bad_alloc();
  }
  must(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
}

void Sha256::update(std::string_view octets) {
  must(EVP_DigestUpdate(context_.get(), octets.data(), octets.size()));
}

std::string Sha256::octets() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  must(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
  must(EVP_DigestInit_ex(context_.get(), nullptr, nullptr));
  return {digest.begin(), digest.begin() + size};
}

std::string Sha256::hex() {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const char c : octets()) {
    const auto octet = static_cast<unsigned char>(c);
    text += digits[octet >> 4U];
    text += digits[octet & 15U];
  }
  return text;
}

static_assert(LogChain::start.size() == LogChain::value_size);

std::string LogChain::value(std::string_view previous, std::string_view body) {
  hash_.update(previous);
  hash_.update(body);
  return hash_.hex();
}

const std::string& LogChain::next(std::string_view body) {
  std::string next = value(last_, body);
  last_.swap(next);
  return last_;
}

std::string LogChain::sealed(std::string_view line) {
  const std::string_view body = line.substr(0, line.size() - 1);
  std::string text;
  text.reserve(line.size() + added);
  text.append(body).append(key).append(next(body)).append("\"}");
  return text;
}

std::pair<std::string_view, std::string_view> LogChain::split(std::string_view line) noexcept {
  constexpr std::size_t tail = key.size() + value_size + 2;
  if (line.size() < tail || !line.ends_with("\"}")) {
    return {line, {}};
  }
  const std::string_view body = line.substr(0, line.size() - tail);
  const std::string_view field = line.substr(body.size());
  const std::string_view value = field.substr(key.size(), value_size);
  const bool hex = std::ranges::all_of(
      value, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return field.starts_with(key) && hex ? std::pair(body, value)
                                       : std::pair(line, std::string_view());
}

} // namespace nearmiss
