// What a message holds that a rule matches: each hit beside its near miss, and octets that lie
// about their lengths.
#include "tests/catch.hpp"

#include "config/config.hpp"
#include "module/inspection.hpp"
#include "tests/unit/events/fixture.hpp"
#include "tests/unit/module/rrsets.hpp"

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

enum Type : std::uint16_t {
  A = 1,
  NS = 2,
  CNAME = 5,
  SOA = 6,
  MX = 15,
  AAAA = 28,
  DNAME = 39,
  HTTPS = 65
};

const std::string rules = R"(version: 1
rules:
  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}}
  - {id: typed, exact: [mx-only.example], types: [MX]}
  - {id: fine, domains: [fine.ml], action: allow}
  - {id: parked, mx_exchange: [mx.parking.example, 198.51.100.99, "2001:db8:99::1"]}
  - {id: hosting, answer_ip: [198.51.100.0/28, "2001:db8:66::/48"]}
)";

const Policy& policy() {
  static const Folder folder;
  static const LoadResult loaded =
      load(folder.write("nearmiss.yaml", rules), std::chrono::sys_days{});
  REQUIRE(loaded.config);
  return loaded.config->policy;
}

unsigned found(nm_section section, const std::string& owner, std::uint16_t type,
               const std::vector<std::string>& rdata, std::uint16_t qtype = 0) {
  Rrsets message;
  message.add(section, owner.empty() ? "" : wire(owner).substr(0, wire(owner).size() - 1), type,
              rdata);
  const unsigned all = inspect(policy(), qtype != 0 ? qtype : type, message.all());
  CHECK(all == message.all().front().findings);
  return all;
}

unsigned in_answer(std::uint16_t type, const std::vector<std::string>& rdata,
                   std::uint16_t qtype = 0) {
  return found(NM_ANSWER, "asked.example", type, rdata, qtype);
}

constexpr unsigned leads = NM_LEADS | NM_LEADS_FOR_SOME_TYPE;

} // namespace

TEST_CASE("an alias leads to what its target is", "[inspection]") {
  CHECK(in_answer(CNAME, {wire("army.ml")}, MX) == (leads | NM_NOT_SHARED));
  CHECK(in_answer(CNAME, {wire("army.mil")}, MX) == 0);
  CHECK(in_answer(CNAME, {wire("fine.ml")}, MX) == 0);
  CHECK(in_answer(CNAME, {wire("mx-only.example")}, MX) == (leads | NM_NOT_SHARED));
  CHECK(in_answer(CNAME, {wire("mx-only.example")}, A) == (NM_LEADS_FOR_SOME_TYPE | NM_NOT_SHARED));
  CHECK(in_answer(CNAME, {wire("mx.parking.example")}, A) == (leads | NM_NOT_SHARED));
  CHECK(in_answer(CNAME, {wire("parking.example")}, A) == 0);
  // From a matched name, wherever it leads.
  CHECK(found(NM_ANSWER, "army.ml", CNAME, {wire("good.example")}, A) == NM_NOT_SHARED);
}

TEST_CASE("a DNAME to above a matched name is not shared", "[inspection]") {
  CHECK(in_answer(DNAME, {wire("parking.example")}) == NM_NOT_SHARED);
  CHECK(in_answer(DNAME, {wire("good.example")}) == 0);
}

TEST_CASE("an MX RRset leads where a rule matches a host, or all of them", "[inspection]") {
  CHECK(in_answer(MX, {mx("mail.army.ml")}) == leads);
  CHECK(in_answer(MX, {mx("mail.army.ml"), mx("good.example")}) == 0);
  CHECK(in_answer(MX, {mx("good.example"), mx("a.mx.parking.example")}) == leads);
  CHECK(in_answer(MX, {mx("xmx.parking.example")}) == 0);
}

TEST_CASE("an MX host that is the text of an address is that address", "[inspection]") {
  const std::string text =
      GENERATE("198.51.100.7", "0xc6336407", "0xc6.51.0x64.7", "0306.063.0144.07", "3325256711",
               "198.51.25607", "::ffff:198.51.100.7", "2001:db8:66::1", "2001:DB8:66:0:0:0:0:1",
               "2001:db8:66::1%1");
  CAPTURE(text);
  CHECK(in_answer(MX, {mx(text)}) == (leads | NM_MATCHED_ADDRESS));
  CHECK(in_answer(MX, {mx("good.example"), mx(text)}) == (leads | NM_MATCHED_ADDRESS));
}

TEST_CASE("what only resembles the text of a matched address does not lead", "[inspection]") {
  const std::string text =
      GENERATE("198.51.100.70", "198.51.100.7.example", "198.51.100.256", "198.51.100.7.7",
               "0xc6336407x", "0xc6336446", "2001:db8:67::1", "2001:db8:66:1", "mx7", "7.mx");
  CAPTURE(text);
  CHECK(in_answer(MX, {mx(text)}) == 0);
}

TEST_CASE("a rule on MX hosts may say an address, in its usual text", "[inspection]") {
  CHECK(in_answer(MX, {mx("198.51.100.99")}) == leads);
  CHECK(in_answer(MX, {mx("0xc6336463")}) == leads);
  CHECK(in_answer(MX, {mx("198.51.100.98")}) == 0);
  CHECK(in_answer(MX, {mx("2001:db8:99:0::1")}) == leads);
  CHECK(in_answer(MX, {mx("2001:db8:99::2")}) == 0);
  CHECK(in_answer(A, {"\306\063\144\143"}) == 0); // no rule on addresses matches that
}

TEST_CASE("addresses, and the hints of HTTPS records", "[inspection]") {
  CHECK(in_answer(A, {"\306\063\144\7"}) == (leads | NM_MATCHED_ADDRESS));
  CHECK(in_answer(A, {"\306\063\144\20"}) == 0);
  CHECK(in_answer(A, {"\306\063\144\20", "\306\063\144\1"}) == (leads | NM_MATCHED_ADDRESS));
  const std::string head = std::string("\0\1", 2) + wire("svc.example");
  const auto hint = [&](const std::string& octets) {
    return head + std::string("\0\4\0", 3) + static_cast<char>(octets.size()) + octets;
  };
  CHECK(in_answer(HTTPS, {hint("\306\063\144\20\306\063\144\7")}) == (leads | NM_MATCHED_ADDRESS));
  CHECK(in_answer(HTTPS, {hint("\306\063\144\20")}) == 0);
  CHECK(in_answer(HTTPS, {head + std::string("\0\4\0\10", 4) + "\306\063\144\7"}) == 0); // cut off
}

TEST_CASE("what an answer brings along is a stray where a rule matches it", "[inspection]") {
  CHECK(found(NM_ADDITIONAL, "mail.army.ml", A, {"\300\0\2\1"}) == NM_STRAY);
  CHECK(found(NM_ADDITIONAL, "mail.army.mil", A, {"\300\0\2\1"}) == 0);
  CHECK(found(NM_ADDITIONAL, "mail.army.mil", A, {"\306\063\144\7"}) ==
        (NM_STRAY | NM_MATCHED_ADDRESS));
  CHECK(found(NM_AUTHORITY, "army.ml", MX, {mx("good.example")}) == NM_STRAY);
  CHECK(found(NM_AUTHORITY, "good.example", MX, {mx("mail.army.ml")}) == NM_STRAY);
  CHECK(found(NM_AUTHORITY, "good.example", MX, {mx("mail.good.example")}) == 0);
  CHECK(found(NM_AUTHORITY, "army.ml", NS, {wire("ns.army.ml")}) == 0); // a delegation
}

TEST_CASE("a wildcard is not shared", "[inspection]") {
  CHECK(found(NM_ANSWER, "*.good.example", A, {"\300\0\2\1"}) == NM_NOT_SHARED);
  CHECK(found(NM_ANSWER, "a*.good.example", A, {"\300\0\2\1"}) == 0);
}

TEST_CASE("octets that cannot be read count as matched, and are not read past their end",
          "[inspection]") {
  CHECK(in_answer(CNAME, {"\77army"}, MX) == (leads | NM_NOT_SHARED));
  CHECK(in_answer(CNAME, {"\300\14"}, MX) == (leads | NM_NOT_SHARED)); // a compression pointer
  CHECK(in_answer(CNAME, {""}, MX) == 0); // the root, as Unbound has it
  CHECK(in_answer(MX, {"\0"}) == 0);
  CHECK(in_answer(MX, {std::string("\0\12\77", 3)}) == leads);
  CHECK(in_answer(A, {"\306\063\144"}) == 0); // three octets are no address
  CHECK(in_answer(HTTPS, {std::string("\0", 1)}) == 0);
  CHECK(in_answer(HTTPS, {std::string("\0\1\77", 3)}) == 0);
}
