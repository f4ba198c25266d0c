// A DNS client: one query, from any loopback address, over UDP, TCP, TLS or HTTPS.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace e2e {

// RR types and rcodes by number, so that tests need no ldns.
enum Type : std::uint16_t {
  A = 1,
  NS = 2,
  CNAME = 5,
  SOA = 6,
  MX = 15,
  TXT = 16,
  AAAA = 28,
  SRV = 33,
  DNAME = 39,
  RRSIG = 46,
  DS = 43,
  DNSKEY = 48,
  SVCB = 64,
  HTTPS = 65,
  ANY = 255,
};
enum Rcode : int { noerror = 0, formerr = 1, servfail = 2, nxdomain = 3, refused = 5 };

enum class Transport { udp, tcp, tls, https };
const char* to_text(Transport transport);
std::string type_text(int type);

struct Flags {
  bool rd = true;
  bool cd = false;
  bool ad = false;
  bool edns = true;
  bool dnssec_ok = false; // implies edns
  Transport transport = Transport::udp;
  std::uint16_t udp_size = 1232;        // of EDNS
  std::vector<std::uint16_t> options{}; // EDNS options to send, each with no data
};

struct Rr {
  std::string owner; // presentation form, final dot, case as it came
  int type;
  std::uint32_t ttl;
  std::string data; // presentation form
};

struct ExtendedError { // RFC 8914
  int code;
  std::string text;
};

struct Answer {
  int rcode;
  bool qr, aa, tc, rd, ra, ad, cd;
  bool edns;
  std::optional<ExtendedError> error;
  std::string question; // the name as it came back; case kept
  int question_type;
  std::vector<Rr> answer, authority, additional; // OPT is not among them
  std::vector<std::uint8_t> wire;

  std::vector<std::string> data_of(int type) const; // of the answer section, sorted
  std::string text() const;                         // as drill would show it, for messages
};

// Where a resolver listens.
struct Endpoint {
  std::string address;
  std::uint16_t port = 53, tls_port = 853, https_port = 443;
};

// Asks for `name` (presentation form; case and \DDD octets go out as they are) and waits for the
// answer. UDP queries are sent again after some seconds; nullopt if no answer came at all.
// Throws std::runtime_error if the answer is not a DNS message, or not one to this query.
std::optional<Answer> ask(const Endpoint& resolver, const std::string& source,
                          const std::string& name, int type, const Flags& flags = {});

// Sends `query` as it is over UDP and, from the same port, a query for the address of `last`. All
// that comes until that one is answered, its answer left out.
// Throws std::runtime_error if that does not come.
std::vector<std::vector<std::uint8_t>> replies(const Endpoint& resolver, const std::string& source,
                                               const std::vector<std::uint8_t>& query,
                                               const std::string& last);

// Sends `count` queries for the MX of n0.TOP, n1.TOP ... over UDP, without waiting for an answer to
// any. `top` is one label.
void flood(const Endpoint& resolver, const std::string& source, const std::string& top,
           std::size_t count);

// Asks for `name` over UDP and then, from the same port, for `answered`, which gets an answer. True
// if that is all that comes: the first query stays without one.
bool stays_silent(const Endpoint& resolver, const std::string& source, const std::string& name,
                  int type, const std::string& answered);

} // namespace e2e
