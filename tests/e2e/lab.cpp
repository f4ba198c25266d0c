#include "tests/e2e/lab.hpp"

#include "tests/e2e/address.hpp"
#include "tests/e2e/signer.hpp"
#include "tests/paths.hpp"

#include <algorithm>
#include <ldns/ldns.h>
#include <map>
#include <sstream>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace e2e {

namespace {

constexpr std::array<const char*, 3> names{"root", "tld", "host"};
constexpr std::uint16_t behind_port = 10053;

std::string server_name(Server server) {
  return std::string("ns.") + names[static_cast<std::size_t>(server)] + "-servers.net.";
}

std::size_t labels(const std::string& name) {
  return name == "." ? 0 : static_cast<std::size_t>(std::count(name.begin(), name.end(), '.'));
}

bool is_below(const std::string& name, const std::string& ancestor) {
  return name != ancestor &&
         (ancestor == "." || (name.size() > ancestor.size() && name.ends_with("." + ancestor)));
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

// The closest zone above, whose server hands out the delegation.
Zone& parent_of(const Zone& child, std::vector<Zone>& zones) {
  Zone* closest = nullptr;
  for (Zone& zone : zones) {
    if (is_below(child.origin, zone.origin) &&
        (closest == nullptr || labels(zone.origin) > labels(closest->origin))) {
      closest = &zone;
    }
  }
  if (closest == nullptr) {
    throw std::logic_error("no zone above " + child.origin);
  }
  return *closest;
}

std::string name_server_of(const Zone& zone) {
  return zone.name_server.empty() ? server_name(zone.server) : zone.name_server;
}

std::string zone_text(const Zone& zone) {
  const std::string ttl = std::to_string(zone.ttl);
  return "$ORIGIN " + zone.origin + "\n$TTL " + ttl + "\n@ IN SOA " + name_server_of(zone) +
         " hostmaster.host-servers.net. 1 3600 600 86400 " + ttl + "\n@ IN NS " +
         name_server_of(zone) + "\n" + zone.records + "\n";
}

} // namespace

std::vector<Zone> default_zones() {
  using enum Server;
  // The records of a domain that takes mail; secrets where the tests' policies list it.
  const std::string secret = "@ MX 10 realhost\n@ A 198.51.100.1\n@ AAAA 2001:db8:bad::1\n"
                             "realhost A 198.51.100.2\nrealhost AAAA 2001:db8:bad::2\n"
                             "www CNAME realhost\n@ TXT \"v=spf1 -all\"\n"
                             "_smtp._tcp SRV 0 0 25 realhost\n"
                             "*.any A 198.51.100.3\n";
  const std::string open = "@ MX 10 mx\n@ A 203.0.113.1\n@ AAAA 2001:db8:900d::1\n"
                           "mx A 203.0.113.2\nmx AAAA 2001:db8:900d::2\nwww CNAME mx\n"
                           "@ TXT \"v=spf1 -all\"\n";
  return {
      {"ml.", tld, true, "@ A 198.51.100.9\n"},
      {"mil.", tld, true, ""},
      {"example.", tld, true, ""},
      // Listed by the tests' policies, by way of ml.
      {"army.ml.", host, true, secret},
      {"navy.ml.", host, false, secret},
      {"flash.ml.", host, true, secret, 1},
      // Under ml too, but an exception there.
      {"gouv.ml.", host, true, open},
      {"army.mil.", host, true, open},
      {"good.example.", host, true,
       open + "alias CNAME army.ml.\nchain CNAME alias\ndept DNAME army.ml.\n"
              "mxlisted MX 10 realhost.army.ml.\n"
              "mxboth MX 10 realhost.army.ml.\nmxboth MX 20 mx\n"
              "toward CNAME mx\n"},
      {"plain.example.", host, false,
       open + "alias CNAME navy.ml.\nmxlisted MX 10 realhost.navy.ml.\n"},
      {"brief.example.", host, true, open + "alias CNAME flash.ml.\n", 1},
      // Listed as `exact`; the names below it are not.
      {"arrny.example.", host, true,
       "@ MX 10 realhost\n@ A 198.51.100.4\n@ AAAA 2001:db8:bad::4\nrealhost A 198.51.100.5\n"
       "www A 203.0.113.4\ndeep.www A 203.0.113.5\n"},
      // Not listed, but its name server is.
      {"tenant.example.", host, false, open, 300, 3600, "ns1.hosting.ml."},
      {"hosting.ml.", host, false, "ns1 A @HOST@\n@ A 198.51.100.6\n"},
  };
}

Lab::Lab(const std::vector<Zone>& zones) : network_(claim_network(53)) {
  root_hints_ = folder_.path() / "root.hints";
  write_file(root_hints_, ". 3600 IN NS " + server_name(Server::root) + "\n" +
                              server_name(Server::root) + " 3600 IN A " + address(Server::root) +
                              "\n");
  write_zones(zones);
  for (const Server server : {Server::root, Server::tld, Server::host}) {
    start_server(server);
  }
  for (const auto& server : servers_) {
    if (!server->wait_for_log("nsd started")) {
      throw std::runtime_error("NSD does not start:\n" + server->log());
    }
  }
  for (const Server server : {Server::root, Server::tld, Server::host}) {
    relays_[static_cast<std::size_t>(server)] =
        std::make_unique<Relay>(address(server), behind_port);
  }
}

std::string Lab::address(Server server) const {
  return network_ + std::to_string(1 + static_cast<int>(server));
}

void Lab::write_zones(std::vector<Zone> zones) {
  std::string root;
  for (const Server server : {Server::root, Server::tld, Server::host}) {
    root += server_name(server) + " A " + address(server) + "\n";
  }
  zones.push_back({".", Server::root, true, root});
  // Children first: a parent's signature covers their DS records.
  std::stable_sort(zones.begin(), zones.end(), [](const Zone& a, const Zone& b) {
    return labels(a.origin) > labels(b.origin);
  });
  for (Zone& zone : zones) {
    for (const Server server : {Server::root, Server::tld, Server::host}) {
      replace_all(zone.records,
                  std::string("@") +
                      (server == Server::root  ? "ROOT"
                       : server == Server::tld ? "TLD"
                                               : "HOST") +
                      "@",
                  address(server));
    }
    std::string text = zone_text(zone);
    std::string ds;
    if (zone.is_signed) {
      const SignedZone made = sign_zone(zone.origin, text, zone.key_ttl);
      text = made.text;
      ds = made.ds;
    }
    if (zone.origin == ".") {
      trust_anchor_ = ds;
    } else {
      Zone& parent = parent_of(zone, zones);
      parent.records += zone.origin + " NS " + name_server_of(zone) + "\n" + ds + "\n";
    }
    const auto file = folder_.path() / (zone.origin == "." ? "root.zone" : zone.origin + "zone");
    write_file(file, text);
    zone_lists_[static_cast<std::size_t>(zone.server)] += "zone:\n  name: \"" + zone.origin +
                                                          "\"\n  zonefile: \"" + file.string() +
                                                          "\"\n  provide-xfr: 127.0.0.0/8 NOKEY\n";
  }
}

void Lab::start_server(Server server) {
  const std::string name = names[static_cast<std::size_t>(server)];
  const std::string base = (folder_.path() / name).string();
  write_file(base + ".conf", "server:\n  ip-address: " + address(server) + "@" +
                                 std::to_string(behind_port) +
                                 "\n  server-count: 1\n  username: \"\"\n  chroot: \"\"\n"
                                 "  database: \"\"\n  pidfile: \"" +
                                 base + ".pid\"\n  xfrdfile: \"" + base + ".xfrd\"\n  xfrdir: \"" +
                                 folder_.path().string() + "\"\n  zonesdir: \"" +
                                 folder_.path().string() + "\"\n  zonelistfile: \"" + base +
                                 ".list\"\n  rrl-ratelimit: 0\n  verbosity: 1\n"
                                 "remote-control:\n  control-enable: no\n" +
                                 zone_lists_[static_cast<std::size_t>(server)]);
  servers_.push_back(std::make_unique<Process>(
      std::vector<std::string>{NSD_BIN, "-d", "-c", base + ".conf"}, base + ".log"));
}

std::size_t Lab::queries(const std::string& name, int type) const {
  std::size_t sum = 0;
  for (const auto& relay : relays_) {
    sum += relay->queries({name, type});
  }
  return sum;
}

std::string Lab::counts_text() const {
  std::string text;
  for (std::size_t i = 0; i < relays_.size(); ++i) {
    for (const auto& [asked, number] : relays_[i]->counts()) {
      char* type = ldns_rr_type2str(static_cast<ldns_rr_type>(asked.second));
      text += std::string(names[i]) + " " + asked.first + " " + type + " " +
              std::to_string(number) + "\n";
      std::free(type);
    }
  }
  return text;
}

std::string Lab::asked() const {
  std::istringstream counts(counts_text());
  std::string lines;
  for (std::string line; std::getline(counts, line);) {
    const auto has = [&line](const char* text) { return line.find(text) != std::string::npos; };
    if (!has(" ns.") && !has("-servers.net.") && !has(" net. ") && !has(" . ") && !has(" _ta") &&
        !has(" DNSKEY ")) {
      lines += line + "\n";
    }
  }
  return lines;
}

void Lab::forget_counts() {
  for (const auto& relay : relays_) {
    relay->forget_counts();
  }
}

void Lab::slow(const std::string& name, std::chrono::milliseconds delay) {
  for (const auto& relay : relays_) {
    relay->slow(name, delay);
  }
}

} // namespace e2e
