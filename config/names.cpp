#include "config/names.hpp"

#include "config/diagnostics.hpp"
#include "rules/client.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <idn2.h>
#include <libpsl.h>

namespace nearmiss {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// The first character of `text` that needs an escape in a listed name; empty: none.
std::string_view unlikely_character(std::string_view text) {
  const auto expected = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || static_cast<unsigned char>(c) >= 0x80;
  };
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (!expected(text[at])) {
      return text.substr(at, 1);
    }
  }
  return {};
}

std::string unlikely(std::string_view text, std::string_view character) {
  if (character == "#") {
    return shown(text) + " holds `#`; write a space before a comment";
  }
  if (character == ";") {
    return shown(text) + " holds `;`, which begins no comment here; write `#` for one";
  }
  return shown(text) + " holds " + shown(character) +
         ", which is not part of a name; write one name, and a \\ before the octet if it is " +
         "really meant";
}

// What people paste where a domain name belongs; empty if nothing of the kind.
std::string not_a_domain(std::string_view text) {
  if (text.find("://") != std::string_view::npos || text.find('/') != std::string_view::npos) {
    return shown(text) + " is no domain name but a URL or a path; write the host's name alone";
  }
  if (text.find('@') != std::string_view::npos) {
    return shown(text) + " is no domain name but a mail address; write the part after the @";
  }
  if (text.starts_with("*.")) {
    return shown(text) + " is a wildcard; write " + shown(text.substr(2)) +
           ", which stands for the name and everything below it";
  }
  if (const std::size_t dots = text.find_first_not_of('.');
      dots > 0 && dots != std::string_view::npos) {
    return shown(text) + " starts with a dot; write " + shown(text.substr(dots));
  }
  if (ClientAddress::from_text(text)) {
    return shown(text) + " is an IP address; write a domain name";
  }
  if (text.find(';') != std::string_view::npos) {
    return unlikely(text, ";"); // before the space that is often beside it
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7F') {
      return shown(text) + " holds a space or a control character; write one name without any";
    }
    if (c == '*' || c == ':' || c == ',' || c == '"') {
      return unlikely(text, std::string(1, c));
    }
  }
  return {};
}

// Name::from_text says only that a text is no name; this finds out why.
std::string why_no_name(std::string_view written, std::string_view ascii) {
  std::size_t label = 0;
  std::size_t start = 0;
  std::size_t total = 1;
  for (std::size_t i = 0; i <= ascii.size(); ++i) {
    if (i == ascii.size() || ascii[i] == '.') {
      if (label == 0 && i < ascii.size()) {
        return shown(written) + " has an empty label (two dots in a row); write one dot";
      }
      if (label > Name::max_label) {
        return shown(written) + ": the label " + shown(ascii.substr(start, i - start)) + " has " +
               std::to_string(label) +
               " octets, and a label holds 63 at most (RFC 1035); shorten it";
      }
      total += label == 0 ? 0 : label + 1;
      label = 0;
      start = i + 1;
      continue;
    }
    if (ascii[i] == '\\') {
      const auto digit = [&](std::size_t at) {
        return at < ascii.size() && ascii[at] >= '0' && ascii[at] <= '9';
      };
      i += digit(i + 1) && digit(i + 2) && digit(i + 3) ? 3 : 1;
    }
    ++label;
  }
  if (total > Name::max_octets) {
    return shown(written) + " has " + std::to_string(total) +
           " octets in wire form, and a name holds 255 at most (RFC 1035); shorten it";
  }
  return shown(written) + " is no domain name: a \\ must stand before one character or three " +
         "digits from 000 to 255 (RFC 1035)";
}

const psl_ctx_t* suffix_list() noexcept {
  // The list inside the library, not the newer one that psl_latest() may find on the disk: `check`
  // and a resolver in its chroot must come to the same answer about the same policy.
  static const psl_ctx_t* const list = psl_builtin();
  return list;
}

} // namespace

std::optional<Name> read_name(std::string_view text, std::string& problem) {
  if (text.empty()) {
    problem = "the name is empty; write a domain name, or `.` for the root";
    return std::nullopt;
  }
  if (const bool escaped = text.find('\\') != std::string_view::npos; !escaped) {
    problem = not_a_domain(text);
    if (!problem.empty()) {
      return std::nullopt;
    }
  }
  std::string ascii;
  if (is_ascii(text)) {
    ascii = text;
  } else {
    char* converted = nullptr;
    const int status = idn2_to_ascii_8z(std::string(text).c_str(), &converted,
                                        IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const std::unique_ptr<char, void (*)(void*)> owner(converted, idn2_free);
    if (status == IDN2_TOO_BIG_LABEL || status == IDN2_TOO_BIG_DOMAIN ||
        status == IDN2_PUNYCODE_BIG_OUTPUT) {
      problem = shown(text) + " is too long in A-label form: a label holds 63 octets at most, a " +
                "name 255 (RFC 1035); shorten it";
      return std::nullopt;
    }
    if (status != IDN2_OK) {
      problem = shown(text) +
                " is no internationalised domain name (IDNA2008: " + idn2_strerror(status) +
                "); write it as registered, or in A-label form (xn--...)";
      return std::nullopt;
    }
    ascii = converted;
    problem = not_a_domain(ascii); // U+00A0 becomes a space, U+FF1B a semicolon
    if (!problem.empty()) {
      return std::nullopt;
    }
  }
  auto name = Name::from_text(ascii);
  if (!name) {
    problem = why_no_name(text, ascii);
  }
  return name;
}

std::optional<Name> read_listed_name(std::string_view text, std::string& problem) {
  auto name = read_name(text, problem);
  if (name) {
    if (const std::string_view character = unlikely_character(text); !character.empty()) {
      problem = unlikely(text, character);
      name.reset();
    }
  }
  return name;
}

bool have_public_suffix_list() noexcept {
  return suffix_list() != nullptr;
}

namespace {

bool is_in_suffix_list(const Name& name, int type) noexcept {
  // The dotted form without escapes: an octet that would need one stands in no suffix, and a dot
  // inside a label can only make a name look like a suffix, never hide one.
  std::array<char, Name::max_octets + 1> text; // NOLINT(*-member-init): written up to its NUL
  std::size_t size = 0;
  for (std::size_t i = 0; i < name.label_count(); ++i) {
    const std::string_view label = name.label(i);
    std::copy(label.begin(), label.end(), text.begin() + static_cast<std::ptrdiff_t>(size));
    size += label.size();
    text[size++] = '.';
  }
  text[size - 1] = '\0';
  return psl_is_public_suffix2(suffix_list(), text.data(), type) == 1;
}

} // namespace

bool is_public_suffix(const Name& name) noexcept {
  return name.label_count() <= 1 || is_in_suffix_list(name, PSL_TYPE_ANY);
}

bool is_private_suffix(const Name& name) noexcept {
  return name.label_count() > 1 && is_in_suffix_list(name, PSL_TYPE_ANY) &&
         !is_in_suffix_list(name, PSL_TYPE_ICANN);
}

bool is_top_level_domain(std::string_view label) noexcept {
  constexpr std::array<std::string_view, 12> apart{"alt",   "arpa",      "corp",    "example",
                                                   "home",  "internal",  "invalid", "lan",
                                                   "local", "localhost", "onion",   "test"};
  const auto name = Name::from_text(label);
  return std::ranges::find(apart, label) != apart.end() ||
         (name && name->label_count() == 1 &&
          is_in_suffix_list(*name, PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE));
}

} // namespace nearmiss
