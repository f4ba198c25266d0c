#include "config/lists/recognise.hpp"

#include "config/diagnostics.hpp"
#include "config/lists/list.hpp"
#include "rules/client.hpp"

#include <algorithm>
#include <vector>

namespace nearmiss {

namespace {

bool begins(std::string_view text, std::initializer_list<std::string_view> beginnings) {
  return std::ranges::any_of(beginnings, [&](auto one) { return text.starts_with(one); });
}

// The first octets of gzip, xz, zstd and zip files, and of bzip2's, the fourth of which is a digit.
bool is_packed(std::string_view content) {
  return begins(content, {"\x1f\x8b", "\xFD\x37zXZ", "\x28\xB5\x2F\xFD", "PK\x03\x04"}) ||
         (content.starts_with("BZh") && content.substr(0, 10).ends_with("1AY&SY"));
}

struct FirstLine {
  std::vector<std::string_view> words; // empty: there is none
  std::size_t number = 1;
};

FirstLine first_line(std::string_view content) {
  constexpr std::size_t farthest = 64U << 10U; // a file may be large, its head is not
  FirstLine first;
  for_each_line(content.substr(0, farthest), [&](std::string_view line, std::size_t number) {
    if (first.words.empty() && !begins(without_blanks(line), {"#", ";", "!", "[Adblock"})) {
      first = {words_of(line), number};
    }
  });
  return first;
}

// A directive or a record of a zone file (RFC 1035 section 5.1).
bool is_of_zone(const std::vector<std::string_view>& words) {
  const auto is = [&](std::string_view wanted) {
    return std::ranges::find(words, wanted) != words.end();
  };
  return is("$TTL") || is("$ORIGIN") ||
         (words.size() > 2 && (is("SOA") || is("CNAME") || is("IN")));
}

std::string in_policy(std::string_view kind, std::string_view format) {
  return "the list is " + std::string(kind) + "; write `format: " + std::string(format) + "`";
}

// Empty: of `format`, or of nothing known.
std::string message_for(const std::vector<std::string_view>& words, ListFormat format) {
  const std::string_view first = words[0];
  if (first.starts_with('<')) {
    return "the list is an HTML or XML page, such as a failed download leaves; fetch it again";
  }
  if (begins(first, {"||", "@@||"})) {
    return format == ListFormat::adblock ? "" : in_policy("one of filters for browsers", "adblock");
  }
  if (begins(first, {"address=/", "server=/", "local=/"})) {
    return format == ListFormat::dnsmasq ? "" : in_policy("a configuration of dnsmasq", "dnsmasq");
  }
  if (begins(first, {"local-zone:", "local-data:", "server:"})) {
    return "the list is a configuration of Unbound; fetch it as domain names";
  }
  if (words.size() > 1 && !words[1].starts_with('#') && ClientAddress::from_text(first)) {
    return format == ListFormat::hosts || format == ListFormat::adblock
               ? ""
               : in_policy("a hosts file", "hosts");
  }
  if (is_of_zone(words)) {
    return format == ListFormat::rpz ? "" : in_policy("a zone file", "rpz");
  }
  std::string problem;
  if ((words.size() == 1 || words[1].starts_with('#')) && first.find('.') != first.npos &&
      listed_name(first, problem)) {
    return format == ListFormat::domains || format == ListFormat::adblock
               ? ""
               : in_policy("one of a name a line", "domains");
  }
  return {};
}

} // namespace

std::optional<OtherKind> other_kind(std::string_view content, ListFormat format) {
  if (is_packed(content)) {
    return OtherKind{1, "the list is compressed; unpack it before, as with `gunzip`"};
  }
  const FirstLine first = first_line(content);
  std::string message = first.words.empty() ? "" : message_for(first.words, format);
  if (message.empty()) {
    return std::nullopt;
  }
  return OtherKind{first.number, std::move(message)};
}

} // namespace nearmiss
