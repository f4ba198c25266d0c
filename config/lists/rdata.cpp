#include "config/lists/rdata.hpp"

#include "config/diagnostics.hpp"
#include "rules/rule.hpp"

#include <array>
#include <charconv>
#include <memory>
#include <new>

#include <arpa/inet.h>
#include <ldns/ldns.h>

namespace nearmiss {

namespace {

using Octets = std::vector<std::uint8_t>;

// `\#`, the length, and hexadecimal digits in any number of words (RFC 3597 section 5): ldns wants
// them in one.
std::string joined_words(std::span<const std::string_view> words) {
  std::string text;
  const bool generic = words[0] == "\\#";
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += generic && i > 2 ? "" : " ";
    text += words[i];
  }
  return text;
}

std::optional<Octets> by_ldns(std::uint16_t type, std::span<const std::string_view> words,
                              const Name& origin, std::string& problem) {
  const auto wire = origin.wire();
  const std::unique_ptr<ldns_rdf, decltype(&ldns_rdf_deep_free)> origin_rdf(
      ldns_dname_new_frm_data(static_cast<std::uint16_t>(wire.size()), wire.data()),
      ldns_rdf_deep_free);
  if (!origin_rdf) {
    throw std::bad_alloc();
  }
  const std::string text = ". 0 IN " + type_to_text(type) + joined_words(words);
  ldns_rr* raw = nullptr;
  const ldns_status status = ldns_rr_new_frm_str(&raw, text.c_str(), 0, origin_rdf.get(), nullptr);
  const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> rr(raw, ldns_rr_free);
  if (status == LDNS_STATUS_MEM_ERR) {
    throw std::bad_alloc();
  }
  if (status != LDNS_STATUS_OK) {
    const char* const why = ldns_get_errorstr_by_id(status);
    problem = why != nullptr ? why : "?";
    return std::nullopt;
  }
  const std::unique_ptr<ldns_buffer, decltype(&ldns_buffer_free)> buffer(
      ldns_buffer_new(LDNS_MAX_PACKETLEN), ldns_buffer_free);
  if (!buffer || ldns_rr_rdata2buffer_wire(buffer.get(), raw) != LDNS_STATUS_OK) {
    throw std::bad_alloc();
  }
  const std::uint8_t* const begin = ldns_buffer_begin(buffer.get());
  return Octets(begin, begin + ldns_buffer_position(buffer.get()));
}

std::optional<Octets> address(int family, std::size_t size, std::string_view word) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  Octets octets(size);
  if (word.size() >= text.size() || word.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::copy(word.begin(), word.end(), text.begin());
  return inet_pton(family, text.data(), octets.data()) == 1 ? std::optional(octets) : std::nullopt;
}

// Not by ldns, which makes 4464 of 70000.
std::optional<Octets> exchange(std::span<const std::string_view> words, const Name& origin,
                               std::string& problem) {
  std::uint16_t preference = 0;
  const char* const end = words[0].data() + words[0].size();
  const auto [stop, error] = std::from_chars(words[0].data(), end, preference);
  bool relative = false;
  auto name = zone_name(words[1], relative);
  if (name && relative) {
    name = name->with_suffix(Name(), origin);
  }
  if (error != std::errc() || stop != end || !name) {
    problem = error != std::errc() || stop != end
                  ? shown(words[0]) + " is no preference, which goes from 0 to 65535"
                  : shown(words[1]) + " is no name";
    return std::nullopt;
  }
  Octets octets{static_cast<std::uint8_t>(preference >> 8U), static_cast<std::uint8_t>(preference)};
  octets.insert(octets.end(), name->wire().begin(), name->wire().end());
  return octets;
}

} // namespace

std::optional<Name> zone_name(std::string_view word, bool& relative) noexcept {
  if (word == "@") {
    relative = true;
    return Name();
  }
  std::size_t backslashes = 0; // before the last character: an odd number makes a dot no dot
  while (backslashes + 1 < word.size() && word[word.size() - 2 - backslashes] == '\\') {
    ++backslashes;
  }
  relative = !word.ends_with('.') || backslashes % 2 == 1;
  return Name::from_text(word);
}

std::optional<std::vector<std::uint8_t>> rdata_of(std::uint16_t type,
                                                  std::span<const std::string_view> words,
                                                  const Name& origin, std::string& problem) {
  if (words.empty()) {
    problem = "there is no data behind the type";
    return std::nullopt;
  }
  const bool generic = words[0] == "\\#";
  const bool is_address = type == LDNS_RR_TYPE_A || type == LDNS_RR_TYPE_AAAA;
  if (is_address && !generic) {
    if (words.size() > 1) {
      problem = shown(words[1]) + " is one word too many";
      return std::nullopt;
    }
    const bool v4 = type == LDNS_RR_TYPE_A;
    auto octets = v4 ? address(AF_INET, 4, words[0]) : address(AF_INET6, 16, words[0]);
    if (!octets) {
      problem = shown(words[0]) + (v4 ? " is no IPv4 address" : " is no IPv6 address");
    }
    return octets;
  }
  if (type == LDNS_RR_TYPE_MX && !generic && words.size() == 2) {
    return exchange(words, origin, problem);
  }
  return by_ldns(type, words, origin, problem);
}

} // namespace nearmiss
