#include "tests/e2e/client.hpp"

#include "tests/e2e/address.hpp"
#include "tests/e2e/ldns_handle.hpp"
#include "tests/e2e/secure_channel.hpp"

#include <algorithm>
#include <random>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace e2e {

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr int patience = 10; // seconds
constexpr int attempts = 3;  // over UDP

Bytes query_wire(const std::string& name, int type, const Flags& flags) {
  ldns_rdf* owner = ldns_dname_new_frm_str(name.c_str());
  if (owner == nullptr) {
    throw std::invalid_argument("not a name: " + name);
  }
  const PacketHandle packet(ldns_pkt_query_new(owner, static_cast<ldns_rr_type>(type),
                                               LDNS_RR_CLASS_IN, flags.rd ? LDNS_RD : 0));
  thread_local std::mt19937 random(std::random_device{}());
  ldns_pkt_set_id(packet.get(), static_cast<std::uint16_t>(random()));
  ldns_pkt_set_cd(packet.get(), flags.cd);
  ldns_pkt_set_ad(packet.get(), flags.ad);
  if (flags.edns || flags.dnssec_ok) {
    ldns_pkt_set_edns_udp_size(packet.get(), flags.udp_size);
    std::vector<std::uint8_t> options;
    for (const std::uint16_t code : flags.options) {
      options.insert(options.end(), {static_cast<std::uint8_t>(code >> 8U),
                                     static_cast<std::uint8_t>(code & 0xffU), 0, 0});
    }
    if (!options.empty()) {
      ldns_pkt_set_edns_data(packet.get(), ldns_rdf_new_frm_data(LDNS_RDF_TYPE_UNKNOWN,
                                                                 options.size(), options.data()));
    }
    ldns_pkt_set_edns_do(packet.get(), flags.dnssec_ok);
  }
  std::uint8_t* wire = nullptr;
  std::size_t size = 0;
  check(ldns_pkt2wire(&wire, packet.get(), &size), "making a query for " + name);
  Bytes bytes(wire, wire + size);
  std::free(wire);
  return bytes;
}

std::vector<Rr> records_of(const ldns_rr_list* list) {
  std::vector<Rr> records;
  for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
    const ldns_rr* rr = ldns_rr_list_rr(list, i);
    std::string data;
    for (std::size_t field = 0; field < ldns_rr_rd_count(rr); ++field) {
      data += (field > 0 ? " " : "") + taken(ldns_rdf2str(ldns_rr_rdf(rr, field)));
    }
    records.push_back(
        {taken(ldns_rdf2str(ldns_rr_owner(rr))), ldns_rr_get_type(rr), ldns_rr_ttl(rr), data});
  }
  return records;
}

std::optional<ExtendedError> extended_error(ldns_pkt* packet) {
  constexpr int option_code = 15; // RFC 8914 section 2
  const ldns_edns_option_list* options = ldns_pkt_edns_get_option_list(packet);
  for (std::size_t i = 0; options != nullptr && i < ldns_edns_option_list_get_count(options); ++i) {
    const ldns_edns_option* option = ldns_edns_option_list_get_option(options, i);
    const std::uint8_t* data = ldns_edns_get_data(option);
    const std::size_t size = ldns_edns_get_size(option);
    if (ldns_edns_get_code(option) == option_code && size >= 2) {
      return ExtendedError{data[0] << 8 | data[1], std::string(data + 2, data + size)};
    }
  }
  return std::nullopt;
}

Answer parse(const Bytes& wire, const Bytes& query) {
  if (wire.size() < 12 || wire[0] != query[0] || wire[1] != query[1]) {
    throw std::runtime_error("the answer has another query's id");
  }
  ldns_pkt* raw = nullptr;
  check(ldns_wire2pkt(&raw, wire.data(), wire.size()), "answer from the resolver");
  const PacketHandle packet(raw);
  Answer answer{};
  answer.rcode = ldns_pkt_get_rcode(raw);
  answer.qr = ldns_pkt_qr(raw);
  answer.aa = ldns_pkt_aa(raw);
  answer.tc = ldns_pkt_tc(raw);
  answer.rd = ldns_pkt_rd(raw);
  answer.ra = ldns_pkt_ra(raw);
  answer.ad = ldns_pkt_ad(raw);
  answer.cd = ldns_pkt_cd(raw);
  answer.edns = ldns_pkt_edns(raw);
  answer.error = extended_error(raw);
  for (const Rr& question : records_of(ldns_pkt_question(raw))) {
    answer.question = question.owner;
    answer.question_type = question.type;
  }
  answer.answer = records_of(ldns_pkt_answer(raw));
  answer.authority = records_of(ldns_pkt_authority(raw));
  answer.additional = records_of(ldns_pkt_additional(raw));
  answer.wire = wire;
  return answer;
}

class Socket {
 public:
  Socket(int type, const std::string& source) : handle_(bound_socket(type, source, 0)) {
    set_timeout(handle_, patience);
  }
  ~Socket() { close(handle_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int handle() const noexcept { return handle_; }

 private:
  int handle_;
};

Bytes exchange_udp(const Endpoint& resolver, const std::string& source, const Bytes& query) {
  const Socket socket(SOCK_DGRAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.port);
  Bytes answer(65535);
  for (int attempt = 0; attempt < attempts; ++attempt) {
    send(socket.handle(), query.data(), query.size(), MSG_NOSIGNAL);
    const ssize_t size = recv(socket.handle(), answer.data(), answer.size(), 0);
    if (size >= 0) {
      answer.resize(static_cast<std::size_t>(size));
      return answer;
    }
  }
  return {};
}

Bytes exchange_tcp(const Endpoint& resolver, const std::string& source, const Bytes& query) {
  const Socket socket(SOCK_STREAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.port);
  const Bytes bytes = framed(query);
  send(socket.handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return receive_framed(socket.handle());
}

Bytes exchange_tls(const Endpoint& resolver, const std::string& source, const Bytes& query) {
  const Socket socket(SOCK_STREAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.tls_port);
  SecureChannel channel(socket.handle(), "dot");
  channel.send(framed(query));
  const Bytes length = channel.receive(2);
  return length.empty() ? Bytes{}
                        : channel.receive(static_cast<std::size_t>(length[0] << 8 | length[1]));
}

Bytes exchange_https(const Endpoint& resolver, const std::string& source, const Bytes& query) {
  const Socket socket(SOCK_STREAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.https_port);
  SecureChannel channel(socket.handle(), "h2");
  return post_dns_message(channel, resolver.address, query);
}

Bytes exchange(const Endpoint& resolver, const std::string& source, const Bytes& query,
               Transport transport) {
  switch (transport) {
  case Transport::udp:
    return exchange_udp(resolver, source, query);
  case Transport::tcp:
    return exchange_tcp(resolver, source, query);
  case Transport::tls:
    return exchange_tls(resolver, source, query);
  case Transport::https:
    return exchange_https(resolver, source, query);
  }
  throw std::logic_error("a transport of no kind");
}

} // namespace

const char* to_text(Transport transport) {
  switch (transport) {
  case Transport::udp:
    return "UDP";
  case Transport::tcp:
    return "TCP";
  case Transport::tls:
    return "TLS";
  case Transport::https:
    return "HTTPS";
  }
  return "?";
}

std::string type_text(int type) {
  return taken(ldns_rr_type2str(static_cast<ldns_rr_type>(type)));
}

std::vector<std::string> Answer::data_of(int type) const {
  std::vector<std::string> data;
  for (const Rr& rr : answer) {
    if (rr.type == type) {
      data.push_back(rr.data);
    }
  }
  std::sort(data.begin(), data.end());
  return data;
}

std::string Answer::text() const {
  ldns_pkt* raw = nullptr;
  check(ldns_wire2pkt(&raw, wire.data(), wire.size()), "answer from the resolver");
  const PacketHandle packet(raw);
  std::string shown = taken(ldns_pkt2str(raw));
  if (error) {
    shown += ";; EDE " + std::to_string(error->code) + " \"" + error->text + "\"\n";
  }
  return shown;
}

bool stays_silent(const Endpoint& resolver, const std::string& source, const std::string& name,
                  int type, const std::string& answered) {
  const Socket socket(SOCK_DGRAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.port);
  const Bytes first = query_wire(name, type, {});
  Bytes second = query_wire(answered, type, {});
  second[1] = static_cast<std::uint8_t>(first[1] + 1); // another id
  send(socket.handle(), first.data(), first.size(), MSG_NOSIGNAL);
  send(socket.handle(), second.data(), second.size(), MSG_NOSIGNAL);
  Bytes answer(65535);
  const ssize_t size = recv(socket.handle(), answer.data(), answer.size(), 0);
  return size > 2 && answer[0] == second[0] && answer[1] == second[1] &&
         recv(socket.handle(), answer.data(), answer.size(), MSG_DONTWAIT) < 0;
}

std::vector<Bytes> replies(const Endpoint& resolver, const std::string& source, const Bytes& query,
                           const std::string& last) {
  const Socket socket(SOCK_DGRAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.port);
  Bytes marker = query_wire(last, A, {});
  const auto is_marker = [&marker](const Bytes& answer) {
    return answer.size() > 2 && answer[0] == marker[0] && answer[1] == marker[1];
  };
  if (is_marker(query)) {
    marker[0] ^= 0xffU;
  }
  send(socket.handle(), query.data(), query.size(), MSG_NOSIGNAL);
  send(socket.handle(), marker.data(), marker.size(), MSG_NOSIGNAL);
  std::vector<Bytes> all;
  for (;;) {
    Bytes answer(65535);
    const ssize_t size = recv(socket.handle(), answer.data(), answer.size(), 0);
    if (size < 0) {
      throw std::runtime_error("no answer to " + last);
    }
    answer.resize(static_cast<std::size_t>(size));
    if (is_marker(answer)) {
      return all;
    }
    all.push_back(std::move(answer));
  }
}

void flood(const Endpoint& resolver, const std::string& source, const std::string& top,
           std::size_t count) {
  const Socket socket(SOCK_DGRAM, source);
  connect_socket(socket.handle(), resolver.address, resolver.port);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string label = "n" + std::to_string(i);
    std::string wire("\0\0\1\0\0\1\0\0\0\0\0\0", 12);
    wire[0] = static_cast<char>(i >> 8U);
    wire[1] = static_cast<char>(i);
    wire += static_cast<char>(label.size()) + label;
    wire += static_cast<char>(top.size()) + top;
    wire += std::string("\0\0\17\0\1", 5);
    send(socket.handle(), wire.data(), wire.size(), MSG_NOSIGNAL);
    if (i % 64 == 63) {
      std::this_thread::sleep_for(std::chrono::microseconds(500)); // the socket's buffer is small
    }
  }
}

std::optional<Answer> ask(const Endpoint& resolver, const std::string& source,
                          const std::string& name, int type, const Flags& flags) {
  const Bytes query = query_wire(name, type, flags);
  const Bytes answer = exchange(resolver, source, query, flags.transport);
  if (answer.empty()) {
    return std::nullopt;
  }
  return parse(answer, query);
}

} // namespace e2e
