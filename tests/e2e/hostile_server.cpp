#include "tests/e2e/hostile_server.hpp"

#include "tests/catch.hpp"

#include <algorithm>

namespace e2e {

std::string new_name() {
  static int number = 0;
  return "hostile" + std::to_string(++number) + ".plain.example";
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes u16(std::size_t value) {
  return {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
}

Bytes pointer(std::size_t offset) {
  return u16(0xc000U | offset);
}

Bytes name(const std::string& text) {
  Bytes wire;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    wire.push_back(static_cast<std::uint8_t>(end - at));
    wire.insert(wire.end(), text.begin() + static_cast<std::ptrdiff_t>(at),
                text.begin() + static_cast<std::ptrdiff_t>(end));
    at = end + 1;
  }
  wire.push_back(0);
  return wire;
}

Bytes record(const Bytes& owner, int type, const Bytes& rdata, int rclass, std::size_t ttl) {
  return owner + u16(static_cast<std::size_t>(type)) + u16(static_cast<std::size_t>(rclass)) +
         u16(ttl >> 16U) + u16(ttl) + u16(rdata.size()) + rdata;
}

Relay::Forger forger(const Script& script) {
  return [script](const Bytes& query, bool tcp) {
    std::size_t end = question_at;
    while (query.at(end) != 0) {
      end += 1U + query[end];
    }
    end += 5; // the root's octet, type, class
    const Sections sections = script(end);
    Bytes message(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(end));
    message[2] = static_cast<std::uint8_t>(sections.flags >> 8);
    message[3] = static_cast<std::uint8_t>(sections.flags);
    const Bytes counts = u16(1) + u16(sections.answer.size()) + u16(sections.authority.size()) +
                         u16(sections.additional.size());
    std::copy(counts.begin(), counts.end(), message.begin() + 4);
    Bytes records;
    for (const auto* section : {&sections.answer, &sections.authority, &sections.additional}) {
      for (const Bytes& one : *section) {
        records.insert(records.end(), one.begin(), one.end());
      }
    }
    if (!tcp && message.size() + records.size() > 1200) {
      message[2] |= 2; // TC: ask again over TCP
      std::fill(message.begin() + 6, message.begin() + 12, std::uint8_t{0});
      return message;
    }
    return message + records;
  };
}

bool server_was_asked(const World& world, const std::string& name) {
  return world.lab.queries(name + ".", MX) + world.lab.queries(name + ".", A) > 0;
}

void survive(World& world, const Script& script) {
  const std::string hostile = new_name();
  world.lab.relay(Server::host).forge(hostile + ".", forger(script));
  survive(world, hostile);
}

void survive(World& world, const std::string& hostile) {
  for (const std::string& client : {mail, other, other_mail}) {
    for (const int type :
         {int{MX}, int{A}, int{AAAA}, int{CNAME}, int{ANY}, int{HTTPS}, int{SRV}}) {
      const Answer answer = world.resolver.answer(client, hostile, type);
      INFO(client << "\n" << answer.text());
      // An exchange among the records that ANY shows is a host whose own addresses are blocked.
      if (client != other && (type != ANY || answer.data_of(MX).empty())) {
        CHECK_FALSE(tells_a_secret(answer));
      }
    }
  }
  CHECK(server_was_asked(world, hostile));
  REQUIRE(world.resolver.alive());
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(other, "good.example", A);
}

} // namespace e2e
