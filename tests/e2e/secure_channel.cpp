#include "tests/e2e/secure_channel.hpp"

#include <algorithm>
#include <cstring>
#include <nghttp2/nghttp2.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdexcept>
#include <string_view>

namespace e2e {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + ERR_error_string(ERR_get_error(), nullptr));
}

} // namespace

SecureChannel::SecureChannel(int socket, const std::string& protocol)
    : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free),
      tls_(context_ ? SSL_new(context_.get()) : nullptr, SSL_free) {
  if (!tls_) {
    fail("TLS");
  }
  std::vector<std::uint8_t> offered{static_cast<std::uint8_t>(protocol.size())};
  offered.insert(offered.end(), protocol.begin(), protocol.end());
  SSL_set_alpn_protos(tls_.get(), offered.data(), static_cast<unsigned>(offered.size()));
  SSL_set_fd(tls_.get(), socket);
  if (SSL_connect(tls_.get()) != 1) {
    fail("TLS handshake");
  }
}

SecureChannel::~SecureChannel() = default;

void SecureChannel::send(const Bytes& bytes) {
  if (!bytes.empty() && SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) {
    fail("TLS write");
  }
}

SecureChannel::Bytes SecureChannel::receive(std::size_t size) {
  Bytes all;
  while (all.size() < size) {
    Bytes part(size - all.size());
    const int got = SSL_read(tls_.get(), part.data(), static_cast<int>(part.size()));
    if (got <= 0) {
      return {};
    }
    all.insert(all.end(), part.begin(), part.begin() + got);
  }
  return all;
}

SecureChannel::Bytes SecureChannel::receive_some() {
  Bytes part(16384);
  const int got = SSL_read(tls_.get(), part.data(), static_cast<int>(part.size()));
  part.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return part;
}

namespace {

struct Exchange {
  SecureChannel::Bytes to_send; // the request's body, as far as it is not sent
  SecureChannel::Bytes body;    // the response's
  bool status_ok = false;
  bool closed = false;
};

Exchange& exchange_of(void* user) {
  return *static_cast<Exchange*>(user);
}

ssize_t read_body(nghttp2_session*, int32_t, std::uint8_t* to, std::size_t room,
                  std::uint32_t* flags, nghttp2_data_source*, void* user) {
  SecureChannel::Bytes& left = exchange_of(user).to_send;
  const std::size_t size = std::min(room, left.size());
  std::memcpy(to, left.data(), size);
  left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(size));
  if (left.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return static_cast<ssize_t>(size);
}

int on_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name, std::size_t length,
              const std::uint8_t* value, std::size_t value_length, std::uint8_t, void* user) {
  const std::string_view field(reinterpret_cast<const char*>(name), length);
  const std::string_view text(reinterpret_cast<const char*>(value), value_length);
  if (field == ":status") {
    exchange_of(user).status_ok = text == "200";
  }
  return 0;
}

int on_data(nghttp2_session*, std::uint8_t, int32_t, const std::uint8_t* data, std::size_t length,
            void* user) {
  SecureChannel::Bytes& body = exchange_of(user).body;
  body.insert(body.end(), data, data + length);
  return 0;
}

int on_close(nghttp2_session*, int32_t, std::uint32_t, void* user) {
  exchange_of(user).closed = true;
  return 0;
}

nghttp2_nv header(std::string_view name, std::string_view value) {
  const auto octets = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {octets(name), octets(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

} // namespace

SecureChannel::Bytes post_dns_message(SecureChannel& channel, const std::string& authority,
                                      const SecureChannel::Bytes& query) {
  Exchange exchange;
  exchange.to_send = query;

  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
  nghttp2_session* raw = nullptr;
  nghttp2_session_client_new(&raw, callbacks, &exchange);
  nghttp2_session_callbacks_del(callbacks);
  const std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> session(raw,
                                                                             nghttp2_session_del);

  nghttp2_submit_settings(raw, NGHTTP2_FLAG_NONE, nullptr, 0);
  const std::string length = std::to_string(query.size());
  const nghttp2_nv headers[] = {
      header(":method", "POST"),
      header(":scheme", "https"),
      header(":authority", authority),
      header(":path", "/dns-query"),
      header("accept", "application/dns-message"),
      header("content-type", "application/dns-message"),
      header("content-length", length),
  };
  nghttp2_data_provider body{};
  body.read_callback = read_body;
  nghttp2_submit_request(raw, nullptr, headers, std::size(headers), &body, nullptr);

  while (!exchange.closed) {
    for (;;) {
      const std::uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(raw, &data);
      if (size <= 0) {
        break;
      }
      channel.send({data, data + size});
    }
    const SecureChannel::Bytes received = channel.receive_some();
    if (received.empty() || nghttp2_session_mem_recv(raw, received.data(), received.size()) < 0) {
      return {};
    }
  }
  return exchange.status_ok ? exchange.body : SecureChannel::Bytes{};
}

void write_certificate(const std::filesystem::path& certificate, const std::filesystem::path& key) {
  using File = std::unique_ptr<BIO, void (*)(BIO*)>;
  const auto open = [](const std::filesystem::path& path) {
    File file(BIO_new_file(path.c_str(), "w"), BIO_free_all);
    return file ? std::move(file) : throw std::runtime_error("cannot write " + path.string());
  };
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> pair(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<X509, void (*)(X509*)> made(X509_new(), X509_free);
  if (!pair || !made) {
    fail("certificate");
  }
  constexpr long day = 86400;
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -day);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 30 * day);
  X509_set_pubkey(made.get(), pair.get());
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("resolver.example"), -1, -1, 0);
  X509_set_issuer_name(made.get(), name);
  if (X509_sign(made.get(), pair.get(), EVP_sha256()) == 0 ||
      PEM_write_bio_X509(open(certificate).get(), made.get()) != 1 ||
      PEM_write_bio_PrivateKey(open(key).get(), pair.get(), nullptr, nullptr, 0, nullptr,
                               nullptr) != 1) {
    fail("certificate");
  }
}

} // namespace e2e
