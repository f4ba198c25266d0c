// A small world of authoritative servers: a root, top-level domains, and domains below them.
//
// Three real name servers (NSD), each behind a relay that counts and delays, on port 53 of three
// loopback addresses: resolving army.ml takes the real walk from the root to ml to army.ml.
//
// Where the data leads says whose it is. What a policed mail server must never see of a listed
// name is under `secret_ipv4`, `secret_ipv6` or has a label `secret_label`; data of other names is
// elsewhere.
#pragma once

#include "tests/e2e/process.hpp"
#include "tests/e2e/relay.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace e2e {

enum class Server { root, tld, host };

struct Zone {
  std::string origin; // with a final dot
  Server server;
  bool is_signed;
  std::string records;       // without SOA and NS; @ROOT@ @TLD@ @HOST@ are the servers' addresses
  unsigned ttl = 300;        // of its records, and of negative answers; seconds
  unsigned key_ttl = 3600;   // of its DNSKEY, if it is signed
  std::string name_server{}; // empty: the server's usual name, ns.{root,tld,host}-servers.net.
};

inline const std::string secret_ipv4 = "198.51.100."; // addresses of listed names
inline const std::string secret_ipv6 = "2001:db8:bad:";
inline const std::string secret_label = "realhost"; // in the exchanges of listed names

// The zones of most tests; see lab.cpp.
std::vector<Zone> default_zones();

class Lab {
 public:
  // Starts the servers with `zones` (the root and delegations between them are added).
  explicit Lab(const std::vector<Zone>& zones = default_zones());

  Relay& relay(Server server) { return *relays_[static_cast<std::size_t>(server)]; }
  std::string address(Server server) const;

  // Of all three servers together; names in lower case with a final dot.
  std::size_t queries(const std::string& name, int type) const;
  std::string counts_text() const; // a line for each name and type, for messages
  // Likewise, but without what Unbound asks for itself and when it sees fit, which may be long
  // after a client has its answer: the trust anchor and the addresses of the lab's name servers.
  std::string asked() const;
  void forget_counts();
  void slow(const std::string& name, std::chrono::milliseconds delay);

  // For unbound.conf.
  const std::filesystem::path& root_hints() const noexcept { return root_hints_; }
  const std::string& trust_anchor() const noexcept { return trust_anchor_; } // a DS record

 private:
  void write_zones(std::vector<Zone> zones);
  void start_server(Server server);

  ScratchFolder folder_;
  std::string network_;
  std::filesystem::path root_hints_;
  std::string trust_anchor_;
  std::array<std::string, 3> zone_lists_; // the zone: clauses of each nsd.conf
  std::vector<std::unique_ptr<Process>> servers_;
  std::array<std::unique_ptr<Relay>, 3> relays_;
};

} // namespace e2e
