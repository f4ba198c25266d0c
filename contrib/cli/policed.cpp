#include "contrib/cli/policed.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace nearmiss::cli {

bool listens_for_mail(std::istream& sockets) {
  // "  0: 0100007F:0019 00000000:0000 0A ...": local address and port, remote ones, state; all hex.
  std::string line;
  while (std::getline(sockets, line)) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    if (words >> number >> local >> remote >> state && state == "0A" && local.ends_with(":0019")) {
      return true;
    }
  }
  return false;
}

bool has_local_mail_server() {
  return std::ranges::any_of(std::vector<const char*>{"/proc/net/tcp", "/proc/net/tcp6"},
                             [](const char* path) {
                               std::ifstream sockets(path);
                               return listens_for_mail(sockets);
                             });
}

std::vector<Diagnostic> warn_of_clients(const std::string& file, const Config& config,
                                        bool local_mail_server) {
  std::vector<Diagnostic> warnings;
  const auto warn = [&](std::string message) {
    warnings.push_back({Severity::warning, file, 0, 0, std::move(message)});
  };
  const auto& rules = config.policy.rules();
  const auto everybody = std::ranges::find_if(
      rules, [](const Rule& rule) { return rule.every_client && blocks(rule.action); });
  if (everybody != rules.end() && config.policy.enforcing()) {
    warn("the rule `" + everybody->id +
         "` blocks for every client of this resolver, desktops included; name your mail servers in "
         "`clients`");
  }
  if (local_mail_server && everybody == rules.end()) {
    for (const char* const address : {"127.0.0.1", "::1"}) {
      if (config.policy.clients().groups_of(*ClientAddress::from_text(address)) == 0) {
        warn(std::string("a mail server listens on port 25 of this machine, and its lookups come "
                         "from ") +
             address + ", which is in no group of `clients`: it is not policed; write " + address +
             " into the group of the mail servers");
      }
    }
  }
  return warnings;
}

} // namespace nearmiss::cli
