// What a policed client, or the owner of a domain, might try to get a real answer through: odd
// types, classes, opcodes and counts, EDNS options, and every kind of record that leads elsewhere.
#include "tests/catch.hpp"

#include "tests/e2e/hostile_server.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

using namespace e2e;

namespace {

struct Header {
  int flags = 0x0100; // RD
  std::size_t questions = 1, answers = 0, authority = 0, additional = 0;
};

Bytes query(const Header& header, const Bytes& behind) {
  static std::size_t id = 0x4d00;
  return u16(++id & 0xffffU) + u16(static_cast<std::size_t>(header.flags)) + u16(header.questions) +
         u16(header.answers) + u16(header.authority) + u16(header.additional) + behind;
}

Bytes question(const Bytes& wire_name, int type, int qclass = 1) {
  return wire_name + u16(static_cast<std::size_t>(type)) + u16(static_cast<std::size_t>(qclass));
}

// An OPT record; `version` and DO are in the TTL.
Bytes opt(const Bytes& options, int version = 0, int udp_size = 1232) {
  return Bytes{0} + u16(41) + u16(static_cast<std::size_t>(udp_size)) +
         Bytes{0, static_cast<std::uint8_t>(version), 0x80, 0} + u16(options.size()) + options;
}

Bytes option(int code, const Bytes& data) {
  return u16(static_cast<std::size_t>(code)) + u16(data.size()) + data;
}

// Sends the query and sees that nothing secret comes back, now or a while later.
void learn_nothing(World& world, const Bytes& wire) {
  static int number = 0;
  const std::string last = "last" + std::to_string(++number) + ".plain.example";
  world.lab.slow(last + ".", std::chrono::milliseconds(100)); // for a leak to overtake it
  for (const Bytes& reply : replies(world.resolver.endpoint(), mail, wire, last)) {
    Answer answer{};
    answer.wire = reply;
    INFO("a reply of " << reply.size() << " octets, rcode " << (reply.at(3) & 0xf));
    CHECK_FALSE(tells_a_secret(answer));
    const std::string octets(reply.begin(), reply.end());
    CHECK(octets.find(secret_label) == std::string::npos);
  }
}

} // namespace

TEST_CASE("every kind of question about a listed name", "[hostile]") {
  // With all that an answer could bring along.
  World world({.policy = usual_policy, .server_lines = "  minimal-responses: no\n"});
  for (const std::string asked : {"army.ml", "navy.ml"}) {
    for (const int type : {int{A}, int{MX}, int{ANY}, int{NS}, int{TXT}}) {
      world.resolver.answer(other, asked, type); // whatever caches there are hold it now
    }
  }
  // MD MF MB MG MR NULL WKS PTR HINFO MINFO RP AFSDB RT SIG KEY PX LOC NXT NAPTR KX CERT A6 OPT APL
  // DS SSHFP IPSECKEY RRSIG NSEC NSEC3 TLSA SMIMEA CDS OPENPGPKEY SPF UINFO TKEY TSIG IXFR AXFR
  // MAILB MAILA URI CAA, and some that are nothing.
  for (const int type :
       {0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,    12,   13, 14, 15,
        16,  17,  18,  21,  24,  25,  26,  28,  29,  30,  33,  35,    36,   37, 38, 39,
        41,  42,  43,  44,  45,  46,  47,  48,  50,  52,  53,  59,    61,   64, 65, 99,
        100, 128, 249, 250, 251, 252, 253, 254, 255, 256, 257, 32768, 65535}) {
    CAPTURE(type);
    learn_nothing(world, query({}, question(name("army.ml"), type)));
    learn_nothing(world, query({.additional = 1}, question(name("ArMy.mL"), type) + opt({})));
  }
  for (const int qclass : {0, 2, 3, 4, 254, 255, 256, 65535}) {
    CAPTURE(qclass);
    for (const std::string asked : {"army.ml", "alias.good.example"}) {
      for (const int type : {int{MX}, int{A}, int{ANY}}) {
        learn_nothing(world, query({}, question(name(asked), type, qclass)));
      }
    }
  }
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(other, "army.ml", MX);
}

TEST_CASE("headers and messages that nobody means well with", "[hostile]") {
  World world({.policy = usual_policy});
  world.expect_real(other, "army.ml", MX);
  const Bytes listed = question(name("army.ml"), MX);
  const Bytes fine = question(name("army.mil"), MX);
  const Bytes address = record(name("army.ml"), A, {203, 0, 113, 77});
  for (int opcode = 0; opcode < 16; ++opcode) { // IQUERY, STATUS, NOTIFY, UPDATE, DSO ...
    for (const int bits :
         {0x0000, 0x0100, 0x0110, 0x0130, 0x0140, 0x0400, 0x0300, 0x8100, 0x010f}) {
      CAPTURE(opcode, bits);
      learn_nothing(world, query({.flags = opcode << 11 | bits}, listed));
    }
  }
  const auto messages = std::map<std::string, Bytes>{
      {"no question", query({.questions = 0}, {})},
      {"no question, though one is there", query({.questions = 0}, listed)},
      {"two questions", query({.questions = 2}, listed + listed)},
      {"the listed one second", query({.questions = 2}, fine + listed)},
      {"the listed one behind the end", query({}, fine + listed)},
      {"a question cut off", query({}, name("army.ml") + Bytes{0, 15, 0})},
      {"a name that points to itself", query({}, question(pointer(question_at), MX))},
      {"a name that points into the header", query({}, question(pointer(2), MX))},
      {"a name with a pointer in it",
       query({.questions = 2},
             listed + question(Bytes{3, 'w', 'w', 'w'} + pointer(question_at), MX))},
      {"a label of 64", query({}, question(Bytes{64} + Bytes(64, 'a') + name("army.ml"), MX))},
      {"with its answer", query({.answers = 1}, listed + address)},
      {"with an answer to update", query({.flags = 0x2800, .answers = 1}, listed + address)},
      {"a zone transfer since",
       query({.authority = 1},
             question(name("army.ml"), 251) +
                 record(name("army.ml"), SOA, name("a") + name("b") + Bytes(20, 0)))},
      {"signed by nobody",
       query({.additional = 1},
             listed + record(name("key"), 250, name("hmac-md5.sig-alg.reg.int") + Bytes(16, 0)))},
      {"EDNS of another version", query({.additional = 1}, listed + opt({}, 1))},
      {"EDNS twice", query({.additional = 2}, listed + opt({}) + opt({}))},
      {"EDNS in the answer section", query({.answers = 1}, listed + opt({}))},
      {"EDNS with room for nothing", query({.additional = 1}, listed + opt({}, 0, 0))},
      {"EDNS cut off", query({.additional = 1}, listed + Bytes{0, 0, 41, 4})},
      {"an option cut off", query({.additional = 1}, listed + opt(Bytes{0, 8, 0, 99, 0}))},
      {"a client subnet",
       query({.additional = 1}, listed + opt(option(8, {0, 1, 32, 0, 127, 2, 0, 1})))},
      {"a client subnet of nowhere",
       query({.additional = 1}, listed + opt(option(8, {0, 1, 0, 0})))},
      {"a cookie", query({.additional = 1}, listed + opt(option(10, Bytes(8, 7))))},
      {"a chain query", query({.additional = 1}, listed + opt(option(13, name("ml"))))},
      {"padding, keepalive and an id",
       query({.additional = 1},
             listed + opt(option(12, Bytes(99, 0)) + option(11, {}) + option(3, {})))},
      {"an error of its own", query({.additional = 1}, listed + opt(option(15, {0, 15, 'x'})))},
  };
  for (const auto& [what, wire] : messages) {
    CAPTURE(what);
    learn_nothing(world, wire);
    REQUIRE(world.resolver.alive());
  }
  for (const bool rd : {true, false}) {
    for (const bool cd : {true, false}) {
      for (const bool dnssec_ok : {true, false}) {
        const auto answer = world.resolver.answer(
            mail, "aRMY.mL", MX, {.rd = rd, .cd = cd, .ad = true, .dnssec_ok = dnssec_ok});
        INFO(answer.text());
        CHECK_FALSE(tells_a_secret(answer));
        CHECK(answer.answer.empty());
      }
    }
  }
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(other, "army.ml", MX);
}

TEST_CASE("a domain's owner leads to a listed name by every kind of record", "[hostile]") {
  const Bytes listed = name("army.ml");
  const Bytes server = name("ns1.hosting.ml"); // listed too, and one that answers
  const Bytes secret = record(listed, A, secret_address);
  const Bytes alias = record(the_question, CNAME, listed);
  const Bytes soa = record(name("plain.example"), SOA,
                           name("ns.plain.example") + name("h.plain.example") + Bytes(20, 1));
  const auto scripts = std::map<std::string, Script>{
      {"the zone's own DNAME",
       [&](std::size_t) { return Sections{{record(name("plain.example"), DNAME, listed)}}; }},
      {"a DNAME of the root",
       [&](std::size_t) {
         return Sections{{record(name(""), DNAME, listed), secret}};
       }},
      {"a DNAME of the name itself",
       [&](std::size_t) {
         return Sections{{record(the_question, DNAME, listed), secret}};
       }},
      {"a service's alias",
       [&](std::size_t) {
         return Sections{{record(the_question, HTTPS, u16(0) + listed)}, {secret}};
       }},
      {"a service's target",
       [&](std::size_t) {
         return Sections{{record(the_question, SVCB, u16(1) + listed),
                          record(the_question, HTTPS, u16(1) + listed)},
                         {secret}};
       }},
      {"a server's target",
       [&](std::size_t) {
         return Sections{{record(the_question, SRV, u16(0) + u16(0) + u16(25) + listed)}, {secret}};
       }},
      {"a name server",
       [&](std::size_t) {
         return Sections{{}, {secret}, {record(the_question, NS, server)}};
       }},
      {"a name server, with authority no more",
       [&](std::size_t) {
         return Sections{{}, {secret}, {record(the_question, NS, server)}, 0x8000};
       }},
      // By its name the last one: Unbound 1.26 does not ask this server again after it.
      {"then a referral elsewhere",
       [&](std::size_t) {
         return Sections{{}, {secret}, {record(name("ml"), NS, listed)}, 0x8000};
       }},
      {"the listed zone's own authority",
       [&](std::size_t) {
         return Sections{{secret}, {secret}, {record(listed, NS, listed), secret}};
       }},
      {"another's answer", [&](std::size_t) { return Sections{{secret}}; }},
      {"an alias in another class",
       [&](std::size_t) {
         return Sections{
             {record(the_question, CNAME, listed, 3), record(listed, A, secret_address, 3)}};
       }},
      {"an alias, and then another class",
       [&](std::size_t) {
         return Sections{{alias, record(listed, A, secret_address, 3), secret}};
       }},
      {"an alias that does not exist",
       [&](std::size_t) {
         return Sections{{alias, secret}, {}, {soa}, 0x8403};
       }},
      {"an alias in a failure",
       [&](std::size_t) {
         return Sections{{alias, secret}, {}, {}, 0x8402};
       }},
      {"an alias, refused",
       [&](std::size_t) {
         return Sections{{alias, secret}, {}, {}, 0x8405};
       }},
      {"an alias without authority",
       [&](std::size_t) {
         return Sections{{alias, secret}, {}, {}, 0x8000};
       }},
      {"an alias, cut off but there",
       [&](std::size_t) {
         return Sections{{alias, secret}, {}, {}, 0x8600};
       }},
      {"an alias and its signature",
       [&](std::size_t) {
         return Sections{{alias,
                          record(the_question, RRSIG,
                                 u16(5) + Bytes(16, 1) + name("plain.example") + Bytes(64, 2)),
                          secret}};
       }},
      {"signatures alone",
       [&](std::size_t) {
         return Sections{
             {record(the_question, RRSIG, u16(1) + Bytes(16, 1) + listed + Bytes(64, 2))},
             {secret}};
       }},
      {"an alias in the additional section",
       [&](std::size_t) {
         return Sections{{}, {alias, secret}, {soa}};
       }},
      {"an alias in the authority section",
       [&](std::size_t) {
         return Sections{{}, {secret}, {alias, soa}};
       }},
      {"everything at once",
       [&](std::size_t) {
         return Sections{{alias, record(the_question, MX, u16(0) + listed),
                          record(the_question, A, {203, 0, 113, 9}),
                          record(the_question, 16, {1, 'x'}), secret},
                         {secret}};
       }},
  };
  for (const bool minimal : {true, false}) {
    World world(
        {.policy = usual_policy, .server_lines = minimal ? "" : "  minimal-responses: no\n"});
    for (const auto& [what, script] : scripts) {
      CAPTURE(what, minimal);
      survive(world, script);
    }
  }
}

TEST_CASE("aliases of names that nobody lists, and the last of them is listed", "[hostile]") {
  World world({.policy = usual_policy});
  // Each in an answer of its own, so that each may come from a cache of its own.
  std::vector<std::string> chain(5);
  for (std::string& hostile : chain) {
    hostile = new_name();
  }
  for (std::size_t i = 0; i < chain.size(); ++i) {
    const Bytes next = name(i + 1 < chain.size() ? chain[i + 1] : "army.ml");
    world.lab.relay(Server::host).forge(chain[i] + ".", forger([next](std::size_t) {
                                          return Sections{{record(the_question, CNAME, next)}};
                                        }));
  }
  // From the end to the beginning: what was asked before is in some cache.
  const std::vector<std::string> backwards(chain.rbegin(), chain.rend());
  for (const std::string& hostile : backwards) {
    for (const std::string& client : {other, mail, other, other_mail}) {
      for (const int type : {int{A}, int{MX}, int{AAAA}, int{ANY}, int{CNAME}}) {
        const Answer answer = world.resolver.answer(client, hostile, type);
        INFO(client << "\n" << answer.text());
        if (client != other) {
          CHECK_FALSE(tells_a_secret(answer));
          // The target of a CNAME that is asked for itself is a name, and may be no listed one.
          CHECK((type == ANY || type == CNAME || looks_blocked(answer)));
        } else {
          CHECK_FALSE(looks_blocked(answer));
        }
      }
    }
  }
  world.expect_blocked(mail, chain.front(), A);
  world.expect_blocked(mail, chain.back(), CNAME);
  REQUIRE(world.resolver.alive());
}

// An alias of a name whose action is `drop`, so that its clients share a lookup. Unbound 1.17.1
// closes a connection once for each of them, and then gives it to two clients at a time.
TEST_CASE("clients that are dropped together, one of them twice on a connection", "[hostile]") {
  World world(
      {.policy = usual_policy_with("action: drop"), .server_lines = "  incoming-num-tcp: 4\n"});
  const std::string& resolver = world.resolver.endpoint().address;
  const auto ask = [](int socket, const Bytes& wire) {
    const Bytes message = framed(wire);
    REQUIRE(send(socket, message.data(), message.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(message.size()));
  };
  for (int round = 0; round < 2; ++round) {
    world.lab.slow("alias.plain.example.", std::chrono::milliseconds(500));
    std::array<int, 2> sockets{};
    for (int& socket : sockets) {
      socket = bound_socket(SOCK_STREAM, mail, 0);
      set_timeout(socket, 10);
      connect_socket(socket, resolver, 53);
    }
    const Bytes behind = question(name("alias.plain.example"), round == 0 ? MX : A);
    ask(sockets[0], query({}, behind));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ask(sockets[1], query({}, behind));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ask(sockets[0], query({}, behind));
    for (const int socket : {sockets[0], sockets[1], sockets[0]}) {
      const Bytes answer = receive_framed(socket);
      REQUIRE(answer.size() > 3);
      CHECK((answer[3] & 0xf) == 2); // SERVFAIL
    }
    for (const int socket : sockets) {
      close(socket);
    }
    world.lab.slow("alias.plain.example.", std::chrono::milliseconds(0));
    for (int client = 0; client < 8; ++client) {
      world.expect_real(other, "good.example", MX, {.transport = Transport::tcp});
    }
  }
  world.resolver.stop();
}

// To drop a query over TCP is to close its connection.
TEST_CASE("other queries of a connection are answered, though one would be dropped", "[hostile]") {
  World world({.policy = usual_policy_with("action: drop"),
               .server_lines = "  num-queries-per-thread: 4\n"});
  const std::string& resolver = world.resolver.endpoint().address;
  const auto ask = [](int socket, const Bytes& wire) {
    const Bytes message = framed(wire);
    REQUIRE(send(socket, message.data(), message.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(message.size()));
  };
  const auto connection = [&] {
    const int socket = bound_socket(SOCK_STREAM, mail, 0);
    set_timeout(socket, 10);
    connect_socket(socket, resolver, 53);
    return socket;
  };
  world.expect_real(other, "good.example", A);
  // One that is dropped before anybody asks upstream, one that is so when the answer is there.
  for (const std::string listed : {"army.ml", "alias.plain.example"}) {
    CAPTURE(listed);
    const std::string slow = new_name();
    world.lab.relay(Server::host).forge(slow + ".", forger([](std::size_t) {
                                          return Sections{{record(the_question, MX,
                                                                  u16(10) + name("mx.example"))}};
                                        }));
    world.lab.slow(slow + ".", std::chrono::milliseconds(700));
    const int socket = connection();
    ask(socket, query({}, question(name(slow), MX)));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ask(socket, query({}, question(name(listed), MX)));
    const Bytes first = receive_framed(socket);
    REQUIRE(first.size() > 8);
    CHECK((first[3] & 0xf) == 2); // SERVFAIL
    CHECK(first[7] == 0);         // no answer
    const Bytes second = receive_framed(socket);
    REQUIRE(second.size() > 8);
    CHECK((second[3] & 0xf) == 0);
    CHECK(second[7] == 1);
    // Nothing is left to wait for, so it is dropped now.
    ask(socket, query({}, question(name(listed), A)));
    CHECK(receive_framed(socket).empty());
    close(socket);
  }
  (void)world.resolver.events().alert(4);
  world.resolver.stop();
}
