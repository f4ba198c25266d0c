// Upstream servers that lie, and clients that ask for odd names. Whatever comes: a policed client
// sees nothing of a listed name, Unbound lives on, and other names resolve.
#include "tests/catch.hpp"

#include "tests/e2e/world.hpp"

#include <atomic>
#include <functional>
#include <numeric>

using namespace e2e;

namespace {

using Bytes = std::vector<std::uint8_t>;

// A name that nobody has asked for: Unbound remembers for some seconds what failed. Its zone is not
// signed, so nobody but the parser stops its answers.
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

constexpr std::size_t question_at = 12;
const Bytes the_question = pointer(question_at); // as an owner
const Bytes secret_address = {198, 51, 100, 77};

Bytes record(const Bytes& owner, int type, const Bytes& rdata) {
  return owner + u16(static_cast<std::size_t>(type)) + u16(1) + Bytes{0, 0, 1, 44} +
         u16(rdata.size()) + rdata;
}

struct Sections {
  std::vector<Bytes> answer, additional{};
};

// What the server sends, given where the first record will stand.
using Script = std::function<Sections(std::size_t at)>;

Relay::Forger forger(const Script& script) {
  return [script](const Bytes& query, bool tcp) {
    std::size_t end = question_at;
    while (query.at(end) != 0) {
      end += 1U + query[end];
    }
    end += 5; // the root's octet, type, class
    const Sections sections = script(end);
    Bytes message(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(end));
    message[2] = 0x84; // QR, AA
    message[3] = 0;
    const Bytes counts =
        u16(1) + u16(sections.answer.size()) + u16(0) + u16(sections.additional.size());
    std::copy(counts.begin(), counts.end(), message.begin() + 4);
    Bytes records;
    for (const auto* section : {&sections.answer, &sections.additional}) {
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

// QNAME minimisation may ask for A first, whatever the client asked for.
bool server_was_asked(const World& world, const std::string& name) {
  return world.lab.queries(name + ".", MX) + world.lab.queries(name + ".", A) > 0;
}

// Everybody asks for a name whose answers are the script's, policed clients first and last.
void survive(World& world, const Script& script) {
  const std::string hostile = new_name();
  world.lab.relay(Server::host).forge(hostile + ".", forger(script));
  for (const std::string& client : {mail, other, other_mail}) {
    for (const int type : {int{MX}, int{A}, int{AAAA}, int{CNAME}, int{ANY}}) {
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

} // namespace

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
