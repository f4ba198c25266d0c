// Loopback addresses, so that several tests run side by side with real ports.
//
// Delegations lead to port 53 and resolv.conf cannot name another one, so it is the address that is
// free, not the port. All of 127.0.0.0/8 is this machine:
//   127.1.0.0/16        mail servers: policed by the tests' policies (client group `mail`)
//   127.2.0.0/16        everybody else
//   127.53.N.1..3       the authoritative servers of one lab
//   127.54.N.1          a resolver
// Needs the right to bind port 53.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace e2e {

inline const std::string mail = "127.1.0.1";
inline const std::string other_mail = "127.1.7.2";
inline const std::string other = "127.2.0.1";
inline const std::string ip6_client = "::1"; // in a group only where a test's policy puts it there

// A network "127.SECOND.N." of which this process holds N until it ends; no other test gets it.
std::string claim_network(int second);

bool has_ip6_loopback();
std::uint16_t free_port(const std::string& address); // for UDP and TCP

// A socket bound to `source` (port 0: any), or connected to an address; closed by its owner.
// Both throw std::system_error.
int bound_socket(int type, const std::string& source, std::uint16_t port);
void connect_socket(int socket, const std::string& address, std::uint16_t port);
void set_timeout(int socket, int seconds); // for sending and receiving

// DNS messages over a stream, each after its length (RFC 1035 section 4.2.2).
std::vector<std::uint8_t> framed(const std::vector<std::uint8_t>& message);
std::vector<std::uint8_t> receive_framed(int socket); // empty at the stream's end

} // namespace e2e
