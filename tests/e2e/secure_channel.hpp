// TLS to a resolver, DNS over HTTP/2 on top of it, and a certificate for the resolver to show.
//
// The certificate is made for one test run and nobody checks it: what is tested is what comes
// through, not who sent it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;

namespace e2e {

class SecureChannel {
 public:
  using Bytes = std::vector<std::uint8_t>;

  // Shakes hands over a connected socket, which stays the caller's. `protocol` is offered by ALPN
  // (RFC 7301): "dot" or "h2". Throws std::runtime_error if there is no agreement.
  SecureChannel(int socket, const std::string& protocol);
  ~SecureChannel();
  SecureChannel(const SecureChannel&) = delete;
  SecureChannel& operator=(const SecureChannel&) = delete;

  void send(const Bytes& bytes);
  Bytes receive(std::size_t size); // exactly so many; empty at the end of the stream
  Bytes receive_some();            // what is there, at least one octet; empty at the end

 private:
  std::unique_ptr<ssl_ctx_st, void (*)(ssl_ctx_st*)> context_;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
};

// POSTs a DNS message to /dns-query (RFC 8484) and returns the one that comes back; empty if the
// answer is not HTTP status 200.
SecureChannel::Bytes post_dns_message(SecureChannel& channel, const std::string& authority,
                                      const SecureChannel::Bytes& query);

// Writes a self-signed certificate and its private key, PEM.
void write_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key);

} // namespace e2e
