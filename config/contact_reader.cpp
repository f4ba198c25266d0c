#include "config/contact_reader.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

// They all have to fit into one DNS reply.
constexpr std::size_t max_contacts = 4;
constexpr std::size_t max_uri = 120;          // octets
constexpr std::size_t max_organisation = 100; // octets
constexpr std::size_t max_language = 35;      // RFC 5646 section 4.4.1

constexpr std::array<std::string_view, 5> schemes{"mailto:", "tel:", "sip:", "sips:", "https:"};

// An octet of a URI (RFC 3986), escapes included.
bool stands_in_uri(char c) noexcept {
  constexpr std::string_view others = "-._~:/?#[]@!$&'()*+,;=%";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         others.find(c) != std::string_view::npos;
}

bool is_contact_uri(std::string_view uri) noexcept {
  const auto scheme = std::ranges::find_if(
      schemes, [uri](std::string_view start) { return uri.starts_with(start); });
  return scheme != schemes.end() && uri.size() > scheme->size() && uri.size() <= max_uri &&
         std::ranges::all_of(uri, stands_in_uri) &&
         (*scheme != "mailto:" || is_mail_address(uri.substr(scheme->size()))) &&
         (*scheme != "https:" || uri.starts_with("https://"));
}

void read_uris(const YamlNode& node, const YamlReader& reader, std::vector<std::string>& uris) {
  const auto* const items = reader.list(node, "contact");
  if (items == nullptr) {
    return;
  }
  if (items->size() > max_contacts) {
    reader.error((*items)[max_contacts], "more than four contacts; leave the others out, for a DNS "
                                         "reply has little room");
    return;
  }
  for (const YamlNode& item : *items) {
    const auto uri = reader.text(item, "contact");
    if (!uri) {
      continue;
    }
    if (is_contact_uri(*uri)) {
      uris.push_back(*uri);
    } else {
      reader.error(item, shown(*uri) + " is no contact; write a URI of at most 120 octets, as " +
                             (is_mail_address(*uri) ? "mailto:" + *uri
                                                    : "mailto:postmaster@example.net, "
                                                      "tel:+12025550123 or "
                                                      "https://example.net/blocked"));
    }
  }
}

bool is_language(std::string_view text) noexcept {
  return text.size() >= 2 && text.size() <= max_language && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-';
         });
}

} // namespace

bool is_mail_address(std::string_view text) noexcept {
  const std::size_t at = text.find('@');
  return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 100 &&
         text.find('@', at + 1) == std::string_view::npos && std::ranges::all_of(text, [](char c) {
           return stands_in_uri(c) &&
                  std::string_view(":/?#[]&;=%,()").find(c) == std::string_view::npos;
         });
}

Contact read_contact(YamlMap& policy, const YamlReader& reader) {
  Contact contact;
  if (const YamlNode* value = policy.find("organisation")) {
    contact.organisation = reader.text(*value, "organisation").value_or("");
    if (contact.organisation.size() > max_organisation) {
      reader.error(*value, "`organisation` is longer than 100 octets; write a shorter name, for a "
                           "DNS reply has little room");
    }
  }
  if (const YamlNode* value = policy.find("contact")) {
    read_uris(*value, reader, contact.uris);
  }
  if (const YamlNode* value = policy.find("language")) {
    contact.language = reader.text(*value, "language").value_or("en");
    if (!is_language(contact.language)) {
      reader.error(*value, shown(contact.language) + " is no language tag; write one as en, de or "
                                                     "pt-BR");
    }
  }
  return contact;
}

} // namespace nearmiss
