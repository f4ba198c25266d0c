#include "config/list_domains.hpp"

#include "config/names.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

constexpr std::size_t errors_shown = 20; // a file of another format is wrong in every line

// A-Z a-z 0-9 - _ . : nothing that needs an escape, IDNA or an explanation.
constexpr std::array<bool, 256> ordinary = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_.")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_ordinary(std::string_view text) noexcept {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  // One that does not end in a letter may be an IP address.
  return letter(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return ordinary[static_cast<unsigned char>(c)];
         });
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// The line without its comment, its CR and the blanks around it. Points into `line`.
std::string_view name_in(std::string_view line) noexcept {
  if (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || is_blank(line[at - 1])) {
      line = line.substr(0, at);
      break;
    }
  }
  while (!line.empty() && is_blank(line.back())) {
    line.remove_suffix(1);
  }
  while (!line.empty() && is_blank(line.front())) {
    line.remove_prefix(1);
  }
  return line;
}

std::optional<Name> name_from(std::string_view text, bool public_suffixes, std::string& problem) {
  std::optional<Name> name;
  if (is_ordinary(text)) {
    name = Name::from_text(text);
  }
  if (!name) {
    const bool utf8 = [&] {
      for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_length(text.substr(at));
        if (length == 0) {
          return false;
        }
        at += length;
      }
      return true;
    }();
    if (!utf8) {
      problem = shown(text) + " is not UTF-8; save the list as UTF-8, or write A-labels (xn--...)";
      return std::nullopt;
    }
    name = read_name(text, problem);
  }
  if (name && !public_suffixes && is_public_suffix(*name)) {
    problem = shown(text) + " is a public suffix, with everybody's names below it; take it out, " +
              "or write `public_suffix: true` in the rule";
    return std::nullopt;
  }
  return name;
}

} // namespace

std::size_t read_domains_list(std::string_view content, const std::string& file,
                              bool public_suffixes, PolicyBuilder& builder, std::size_t rule,
                              Report& report) {
  if (content.starts_with("\xEF\xBB\xBF")) {
    content.remove_prefix(3); // the byte order mark that some editors write
  }
  std::size_t names = 0;
  std::size_t broken = 0;
  std::string problem;
  for (std::size_t line_number = 1; !content.empty(); ++line_number) {
    const std::size_t end = content.find('\n');
    const std::string_view line = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    const std::string_view text = name_in(line);
    if (text.empty()) {
      continue;
    }
    if (const auto name = name_from(text, public_suffixes, problem)) {
      builder.add_name(rule, *name, Scope::subtree);
      ++names;
    } else if (++broken <= errors_shown) {
      const auto column = static_cast<std::size_t>(text.data() - line.data()) + 1;
      report.error(file, {line_number, column}, problem);
    }
  }
  if (broken > errors_shown) {
    report.error(file, {},
                 "and " + std::to_string(broken - errors_shown) +
                     " more broken lines; is this a list of one domain name a line?");
  } else if (names == 0 && broken == 0) {
    report.error(file, {},
                 "the list holds no name, so its rule would block nothing; write a " +
                     std::string("domain name a line, or take the rule out"));
  }
  return names;
}

} // namespace nearmiss
