#include "rules/client.hpp"

#include "tests/catch.hpp"

using namespace nearmiss;

namespace {

ClientAddress address(std::string_view text) {
  const auto parsed = ClientAddress::from_text(text);
  REQUIRE(parsed);
  return *parsed;
}

Prefix prefix(std::string_view text) {
  Prefix parsed{};
  CAPTURE(text);
  REQUIRE(parse_prefix(text, parsed) == PrefixError::none);
  return parsed;
}

PrefixError error_of(std::string_view text) {
  Prefix parsed{};
  return parse_prefix(text, parsed);
}

} // namespace

TEST_CASE("addresses are read and written") {
  CHECK(address("192.0.2.1") == ClientAddress::v4({192, 0, 2, 1}));
  CHECK(address("192.0.2.1").is_v4());
  CHECK(address("192.0.2.1").to_text() == "192.0.2.1");
  CHECK(address("2001:DB8:0:0:0:0:0:1").to_text() == "2001:db8::1");
  CHECK_FALSE(address("2001:db8::1").is_v4());
  CHECK(address("::").to_text() == "::");
  CHECK(ClientAddress() == address("::"));
}

TEST_CASE("an IPv4-mapped address is the IPv4 address") {
  CHECK(address("::ffff:192.0.2.1") == address("192.0.2.1"));
  CHECK(address("::ffff:c000:201").to_text() == "192.0.2.1");
  CHECK_FALSE(address("::fffe:192.0.2.1") == address("192.0.2.1"));
}

TEST_CASE("text that is not an address is refused") {
  for (const char* const text : {"", "192.0.2", "192.0.2.256", "192.0.2.1.1", " 192.0.2.1", "::g",
                                 "2001:db8::1%eth0", "localhost", "010.0.0.1", "1:2:3:4:5:6:7:8:9",
                                 "::ffff:192.0.2.1::ffff:192.0.2.1::ffff:192.0.2.1::ffff"}) {
    CAPTURE(text);
    CHECK_FALSE(ClientAddress::from_text(text));
  }
  CHECK_FALSE(ClientAddress::from_text(std::string_view("192.0.2.1\0", 10)));
}

TEST_CASE("prefixes are read") {
  CHECK(prefix("192.0.2.0/24").bits == 120);
  CHECK(prefix("192.0.2.1").bits == 128);
  CHECK(prefix("0.0.0.0/0").bits == 96);
  CHECK(prefix("2001:db8::/32").bits == 32);
  CHECK(prefix("::/0").bits == 0);
  CHECK(prefix("2001:db8::1").bits == 128);
  CHECK(prefix("::ffff:192.0.2.0/120").address == address("192.0.2.0"));
  CHECK(prefix("::ffff:192.0.2.0/120").bits == 120);
}

TEST_CASE("why a text is not a prefix") {
  CHECK(error_of("mail") == PrefixError::not_an_address);
  CHECK(error_of("/24") == PrefixError::not_an_address);
  CHECK(error_of("") == PrefixError::not_an_address);
  for (const char* const text : {"192.0.2.0/33", "2001:db8::/129", "192.0.2.0/", "192.0.2.0/x",
                                 "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/024", "192.0.2.0/24/24",
                                 "192.0.2.0/24 ", "192.0.2.0/4294967320"}) {
    CAPTURE(text);
    CHECK(error_of(text) == PrefixError::bad_length);
  }
  CHECK(error_of("192.0.2.1/24") == PrefixError::host_bits_set);
  CHECK(error_of("192.0.2.2/31") == PrefixError::none);
  CHECK(error_of("192.0.2.1/31") == PrefixError::host_bits_set);
  CHECK(error_of("2001:db8::1/127") == PrefixError::host_bits_set);
  CHECK(error_of("::ffff:192.0.2.0/24") == PrefixError::host_bits_set); // IPv6 length meant
}

TEST_CASE("a client is in the groups whose prefixes hold it, and in no other") {
  ClientGroups groups;
  const GroupSet mail = GroupSet{1}
                        << groups.add("mail", {prefix("192.0.2.0/24"), prefix("2001:db8:25::/48")});
  const GroupSet one = GroupSet{1} << groups.add("one", {prefix("192.0.2.25")});
  const GroupSet twice =
      GroupSet{1} << groups.add("twice", {prefix("198.51.100.0/24"), prefix("198.51.100.0/25")});
  groups.seal();
  const auto of = [&](std::string_view text) { return groups.groups_of(address(text)); };

  CHECK(of("192.0.2.0") == mail);
  CHECK(of("192.0.2.255") == mail);
  CHECK(of("192.0.1.255") == 0);
  CHECK(of("192.0.3.0") == 0);
  CHECK(of("192.0.2.24") == mail);
  CHECK(of("192.0.2.25") == (mail | one));
  CHECK(of("::ffff:192.0.2.25") == (mail | one));
  CHECK(of("192.0.2.26") == mail);
  CHECK(of("2001:db8:25::") == mail);
  CHECK(of("2001:db8:25:ffff:ffff:ffff:ffff:ffff") == mail);
  CHECK(of("2001:db8:24:ffff:ffff:ffff:ffff:ffff") == 0);
  CHECK(of("2001:db8:26::") == 0);
  CHECK(of("198.51.100.127") == twice);
  CHECK(of("198.51.100.128") == twice); // still in the wider of the two
  CHECK(of("198.51.101.0") == 0);
  CHECK(of("::") == 0);
  CHECK(of("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == 0);
  CHECK(groups.names() == std::vector<std::string>{"mail", "one", "twice"});
}

TEST_CASE("every IPv4 client is not every client") {
  ClientGroups groups;
  groups.add("v4", {prefix("0.0.0.0/0")});
  groups.add("all", {prefix("::/0")});
  groups.seal();
  CHECK(groups.groups_of(address("0.0.0.0")) == 3);
  CHECK(groups.groups_of(address("255.255.255.255")) == 3);
  CHECK(groups.groups_of(address("::fffe:ffff:ffff")) == 2);
  CHECK(groups.groups_of(address("::1:0:0:0")) == 2);
  CHECK(groups.groups_of(address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")) == 2);
}

TEST_CASE("64 groups, and none") {
  ClientGroups groups;
  CHECK(groups.groups_of(address("192.0.2.1")) == 0);
  for (std::size_t number = 0; number < max_groups; ++number) {
    CHECK(groups.add("g", {prefix("192.0.2.1")}) == number);
  }
  groups.seal();
  CHECK(groups.groups_of(address("192.0.2.1")) == ~GroupSet{0});
  CHECK(groups.groups_of(address("192.0.2.2")) == 0);
  ClientGroups none;
  none.seal();
  CHECK(none.groups_of(address("192.0.2.1")) == 0);
}
