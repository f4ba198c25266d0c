// Upstream servers that lie, and clients that ask for odd names. Whatever comes: a policed client
// sees nothing of a listed name, Unbound lives on, and other names resolve.
#include "tests/catch.hpp"

#include "tests/e2e/hostile_server.hpp"

#include <atomic>

using namespace e2e;

TEST_CASE("compression pointers that lead nowhere", "[hostile]") {
  const auto scripts = std::map<std::string, Script>{
      {"an owner that points to itself",
       [](std::size_t at) { return Sections{{record(pointer(at), A, secret_address)}}; }},
      {"two owners that point to each other",
       [](std::size_t at) {
         const std::size_t second = at + 2 + 10 + 4;
         return Sections{
             {record(pointer(second), A, secret_address), record(pointer(at), A, secret_address)}};
       }},
      {"a label, then a pointer back to it",
       [](std::size_t at) {
         return Sections{{record(Bytes{1, 'a'} + pointer(at), A, secret_address)}};
       }},
      {"an owner that points forward",
       [](std::size_t at) {
         return Sections{{record(pointer(at + 16), A, secret_address),
                          record(name("army.ml"), A, secret_address)}};
       }},
      {"an owner that points behind the end",
       [](std::size_t) { return Sections{{record(pointer(0x3fff), A, secret_address)}}; }},
      {"an owner that points into the header",
       [](std::size_t) { return Sections{{record(pointer(0), A, secret_address)}}; }},
      {"an alias that points to itself",
       [](std::size_t at) { return Sections{{record(the_question, CNAME, pointer(at + 12))}}; }},
      {"an exchange that points to itself",
       [](std::size_t at) {
         return Sections{{record(the_question, MX, u16(10) + pointer(at + 14))}};
       }},
      {"an exchange that grows with each pointer",
       [](std::size_t at) {
         return Sections{
             {record(the_question, MX, u16(10) + Bytes{3, 'm', 'x', '1'} + pointer(at + 14))}};
       }},
  };
  World world({.policy = usual_policy});
  for (const auto& [what, script] : scripts) {
    CAPTURE(what);
    survive(world, script);
  }
}

TEST_CASE("a thousand aliases in one answer", "[hostile]") {
  const auto link = [](int number) { return "c" + std::to_string(number) + ".plain.example"; };
  const auto chain = [&link](int length, const Bytes& end) {
    Sections sections{{record(the_question, CNAME, name(link(1)))}};
    for (int i = 1; i < length; ++i) {
      sections.answer.push_back(
          record(name(link(i)), CNAME, i + 1 < length ? name(link(i + 1)) : end));
    }
    sections.answer.push_back(record(end, A, secret_address));
    return sections;
  };
  const auto scripts = std::map<std::string, Script>{
      {"a chain to a listed name", [&](std::size_t) { return chain(1000, name("army.ml")); }},
      {"a chain that goes round", [&](std::size_t) { return chain(1000, the_question); }},
      {"a chain past a listed name",
       [&](std::size_t) {
         Sections sections = chain(1000, name("good.example"));
         sections.answer[500] = record(name(link(500)), CNAME, name("navy.ml"));
         return sections;
       }},
      {"a thousand aliases of one name",
       [&](std::size_t) {
         Sections sections;
         for (int i = 0; i < 1000; ++i) {
           sections.answer.push_back(
               record(the_question, CNAME, name(i == 999 ? "navy.ml" : link(i))));
         }
         sections.answer.push_back(record(name("navy.ml"), A, secret_address));
         return sections;
       }},
      {"a thousand exchanges, all listed",
       [](std::size_t) {
         Sections sections;
         for (int i = 0; i < 1000; ++i) {
           sections.answer.push_back(record(
               the_question, MX, u16(10) + name("realhost" + std::to_string(i) + ".army.ml")));
         }
         return sections;
       }},
  };
  World world({.policy = usual_policy});
  for (const auto& [what, script] : scripts) {
    CAPTURE(what);
    survive(world, script);
  }
}

TEST_CASE("records whose data is cut off or too long", "[hostile]") {
  const Bytes exchange = u16(10) + name("realhost.army.ml");
  const auto cut = [&](std::size_t octets) {
    return Bytes(exchange.begin(), exchange.begin() + static_cast<std::ptrdiff_t>(octets));
  };
  World world({.policy = usual_policy});
  for (std::size_t octets = 3; octets < exchange.size(); ++octets) {
    CAPTURE(octets);
    const std::string hostile = new_name();
    world.lab.relay(Server::host).forge(hostile + ".", forger([data = cut(octets)](std::size_t) {
                                          return Sections{{record(the_question, MX, data)}};
                                        }));
    for (const std::string& client : {mail, other}) {
      CHECK(world.resolver.answer(client, hostile, MX).data_of(MX).empty());
    }
    CHECK(server_was_asked(world, hostile));
    REQUIRE(world.resolver.alive());
  }
  const auto scripts = std::map<std::string, Script>{
      {"an exchange with octets behind it",
       [&](std::size_t) { return Sections{{record(the_question, MX, exchange + u16(0))}}; }},
      // Unbound lets records pass that end before a name in them begins.
      {"an exchange without data",
       [](std::size_t) { return Sections{{record(the_question, MX, {})}}; }},
      {"a preference without an exchange",
       [](std::size_t) { return Sections{{record(the_question, MX, u16(10))}}; }},
      {"an alias cut off",
       [](std::size_t) {
         return Sections{{record(the_question, CNAME, Bytes{4, 'a', 'r', 'm'}),
                          record(name("army.ml"), A, secret_address)}};
       }},
      {"an alias without data",
       [](std::size_t) { return Sections{{record(the_question, CNAME, {})}}; }},
      {"one cut-off exchange beside a listed one",
       [&](std::size_t) {
         return Sections{{record(the_question, MX, exchange), record(the_question, MX, cut(5))}};
       }},
  };
  for (const auto& [what, script] : scripts) {
    CAPTURE(what);
    survive(world, script);
  }
}

TEST_CASE("an alias of a listed name among junk", "[hostile]") {
  const Bytes alias = record(the_question, CNAME, name("army.ml"));
  const Bytes secret = record(name("army.ml"), A, secret_address);
  const Bytes junk = record(name("good.example"), A, {198, 51, 100, 66});
  const auto scripts = std::map<std::string, Script>{
      {"in order",
       [&](std::size_t) {
         return Sections{{alias, secret, junk}, {secret, junk}};
       }},
      {"the address first",
       [&](std::size_t) {
         return Sections{{secret, junk, alias}, {junk}};
       }},
      {"twice, in other cases",
       [&](std::size_t) {
         return Sections{{alias, record(the_question, CNAME, name("ARMY.mL")), secret}};
       }},
      {"and an address of the alias itself",
       [&](std::size_t) {
         return Sections{{alias, record(the_question, A, secret_address), secret}};
       }},
      {"a DNAME whose alias says something else",
       [&](std::size_t) {
         return Sections{
             {record(name("plain.example"), DNAME, name("good.example")), alias, secret}};
       }},
      {"an exchange of a listed name and its address",
       [](std::size_t) {
         return Sections{{record(the_question, MX, u16(5) + name("realhost.army.ml"))},
                         {record(name("realhost.army.ml"), A, secret_address)}};
       }},
  };
  for (const bool minimal : {true, false}) {
    World world(
        {.policy = usual_policy, .server_lines = minimal ? "" : "  minimal-responses: no\n"});
    for (const auto& [what, script] : scripts) {
      CAPTURE(what, minimal);
      survive(world, script);
      world.expect_real(mail, "good.example", A);
      CHECK_FALSE(tells_a_secret(world.resolver.answer(other, "good.example", A)));
    }
    // The plain case is blocked for what it leads to, and told so.
    world.lab.relay(Server::host).forge("plainly.plain.example.", forger([&](std::size_t) {
                                          return Sections{{alias, secret}};
                                        }));
    world.expect_blocked(mail, "plainly.plain.example", A);
  }
}

TEST_CASE("names may hold any octet", "[hostile]") {
  World world({.policy = usual_policy});
  std::size_t events = 0;
  for (int first = 0; first < 256; first += 32) {
    std::string label;
    for (int octet = first; octet < first + 32; ++octet) {
      const std::string digits = std::to_string(1000 + octet);
      label += "\\" + digits.substr(1);
    }
    CAPTURE(label);
    for (const int type : {int{MX}, int{A}}) {
      world.expect_blocked(mail, label + ".army.ml", type);
      world.expect_blocked(mail, label + ".ml", type);
      CHECK_FALSE(looks_blocked(world.resolver.answer(mail, label + ".army.mil", type)));
      CHECK_FALSE(looks_blocked(world.resolver.answer(other, label + ".army.ml", type)));
      events += 2;
    }
  }
  // A whole label that only looks like two: one below the root, not one below ml.
  CHECK_FALSE(looks_blocked(world.resolver.answer(mail, "army\\046ml", MX)));
  world.expect_blocked(mail, "gouv\\046x.ml", MX);
  world.expect_blocked(mail, "x\\000.ml", MX);
  REQUIRE(world.resolver.alive());
  // Each event is one line of JSON with the name in it.
  const nlohmann::json last = world.resolver.events().alert(events + 2);
  CHECK(Events::field(last, "dns.question.name") == "x\\000.ml");
  CHECK(world.resolver.events().alerts().size() == events + 2);
}

TEST_CASE("a response without a question", "[hostile]") {
  World world({.policy = usual_policy});
  for (const int rcode : {noerror, formerr, servfail, nxdomain, refused}) {
    CAPTURE(rcode);
    const std::string hostile = new_name();
    world.lab.relay(Server::host).forge(hostile + ".", [rcode](const Bytes& query, bool) {
      return Bytes{query[0], query[1], 0x84} + Bytes(1, static_cast<std::uint8_t>(rcode)) +
             Bytes(8); // the header alone
    });
    for (const std::string& client : {mail, other}) {
      CHECK(world.resolver.answer(client, hostile, MX).answer.empty());
    }
    CHECK(server_was_asked(world, hostile));
    REQUIRE(world.resolver.alive());
  }
  world.expect_blocked(mail, "army.ml", MX);
}

// Unbound's cached messages share their records: new data of an RRset shows in every message that
// holds it, whatever the question was that brought it. Of an AAAA there are two messages, one for
// clients that check signatures themselves.
TEST_CASE("an answer in the cache does not change into one that leads to a listed address",
          "[hostile]") {
  std::string policy = usual_policy;
  policy.insert(policy.find("log:"), "  - {id: held, answer_ip: [\"2001:db8:bad::/48\"]}\n");
  World world({.policy = policy});
  std::atomic<bool> turned = false;
  world.lab.relay(Server::host)
      .forge("host.plain.example.", forger([&](std::size_t) {
               const Bytes network = turned ? Bytes{0x0b, 0xad} : Bytes{0x90, 0x0d};
               return Sections{
                   {record(the_question, AAAA,
                           Bytes{0x20, 0x01, 0x0d, 0xb8} + network + Bytes(9) + Bytes{0x65})}};
             }));
  const auto asked = [&](const std::string& client, bool cd) {
    return world.resolver.answer(client, "host.plain.example", AAAA, {.cd = cd}).data_of(AAAA);
  };
  using Data = std::vector<std::string>;
  const Data before{"2001:db8:900d::65"};
  CHECK(asked(mail, false) == before);
  turned = true;
  CHECK(asked(other, true) == Data{"2001:db8:bad::65"});
  world.expect_blocked(mail, "host.plain.example", AAAA, {.cd = true});
  for (const std::string& client : {mail, other, other_mail}) {
    CHECK(asked(client, false) == before); // until its TTL has run out
  }
}
