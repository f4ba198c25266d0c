#include "config/lists/hosts.hpp"

#include "rules/client.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace nearmiss {

namespace {

// As Debian, macOS and the blocklists themselves have them at the head of the file.
constexpr std::array<std::string_view, 14> everywhere{
    "localhost",     "localhost.localdomain", "local",           "localhost4",   "localhost6",
    "broadcasthost", "ip6-localhost",         "ip6-loopback",    "ip6-localnet", "0.0.0.0",
    "ip6-allnodes",  "ip6-allrouters",        "ip6-mcastprefix", "ip6-allhosts",
};

bool is_everywhere(std::string_view word) noexcept {
  return std::ranges::find(everywhere, word) != everywhere.end();
}

bool leads_nowhere(const ClientAddress& address) noexcept {
  if (address.is_v4()) {
    const auto& octets = address.octets();
    return octets[12] == 127 || std::all_of(octets.begin() + 12, octets.end(),
                                            [](std::uint8_t octet) { return octet == 0; });
  }
  auto octets = address.octets();
  octets[15] &= 0xFEU;
  return ClientAddress::v6(octets) == ClientAddress(); // :: and ::1
}

// Why the line blocks nothing; empty: it does.
std::string problem_of_address(const std::vector<std::string_view>& words) {
  const auto address = ClientAddress::from_text(words[0]);
  if (words[0].starts_with(';')) {
    return "a `;` begins no comment here; write `#` for one";
  }
  if (!address) {
    return shown(words[0]) + " is no address; a line is `0.0.0.0 ` and names" +
           (words.size() == 1 ? ", or write `format: domains` for a list of names alone" : "");
  }
  if (!leads_nowhere(*address)) {
    return shown(words[0]) + " is the address of a real host, and a list blocks; write 0.0.0.0";
  }
  if (words.size() == 1) {
    return "there is no name behind the address " + shown(words[0]) + "; write one";
  }
  return {};
}

std::string problem_of_name(std::string_view word) {
  return shown(word) + " is a wildcard, which a hosts file does not have; write " +
         shown(word.substr(2)) +
         ", or make it a list of `format: domains`, in which a wildcard is " +
         "what is below the name";
}

} // namespace

bool is_nowhere(std::string_view address) {
  const auto read = ClientAddress::from_text(address);
  return read && leads_nowhere(*read);
}

void read_hosts_list(std::string_view content, std::size_t rule, ListLoad& load) {
  for_each_line(content, [&](std::string_view line, std::size_t number) {
    const auto words = words_of(line.substr(0, line.find('#')));
    if (words.empty() || begins_comment(without_blanks(line)) ||
        (words.size() > 1 && std::all_of(words.begin() + 1, words.end(), is_everywhere))) {
      return;
    }
    const auto place = [&](std::string_view word) {
      return Place{number, static_cast<std::size_t>(word.data() - line.data()) + 1};
    };
    if (std::string problem = problem_of_address(words); !problem.empty()) {
      load.broken(place(words[0]), std::move(problem));
      return;
    }
    for (const std::string_view word : std::span(words).subspan(1)) {
      std::string problem;
      if (is_everywhere(word)) {
        continue;
      }
      if (word.starts_with("*.") && word.size() > 2) {
        load.broken(place(word), problem_of_name(word));
      } else if (const auto name = listed_name(word, problem)) {
        load.add(rule, *name, Scope::exact);
      } else {
        load.broken(place(word), std::move(problem));
      }
    }
  });
}

} // namespace nearmiss
