#include "rules/rule.hpp"

#include "tests/catch.hpp"

using namespace nearmiss;

TEST_CASE("RR types have a text, known or as RFC 3597 writes it") {
  CHECK(type_to_text(15) == "MX");
  CHECK(type_to_text(28) == "AAAA");
  CHECK(type_to_text(65) == "HTTPS");
  CHECK(type_to_text(255) == "ANY");
  CHECK(type_to_text(65280) == "TYPE65280");
  CHECK(type_to_text(0) == "TYPE0");
  CHECK(type_from_text("mx") == 15);
  CHECK(type_from_text("TYPE15") == 15);
  CHECK(type_from_text("type65535") == 65535);
  for (unsigned type = 0; type < 65536; ++type) {
    const auto value = static_cast<std::uint16_t>(type);
    REQUIRE(type_from_text(type_to_text(value)) == value);
  }
  for (const char* const text :
       {"", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "TYP", "MXX", "M", "TYPE 1"}) {
    CAPTURE(text);
    CHECK_FALSE(type_from_text(text));
  }
}

TEST_CASE("delivery is every type that can lead a mail server to a host") {
  const TypeSet types = TypeSet::delivery();
  std::vector<std::string> texts;
  for (std::uint16_t type = 0; type < 1024; ++type) {
    if (types.contains(type)) {
      texts.push_back(type_to_text(type));
    }
  }
  CHECK(texts ==
        std::vector<std::string>{"A", "CNAME", "MX", "AAAA", "SRV", "SVCB", "HTTPS", "ANY"});
}

TEST_CASE("a set of types holds what was added, all holds every type") {
  TypeSet types;
  CHECK_FALSE(types.contains(511));
  types.add(511);
  CHECK(types.contains(511));
  CHECK_FALSE(types.contains(510));
  CHECK_FALSE(types.contains(512));
  CHECK(TypeSet::all().contains(0));
  CHECK(TypeSet::all().contains(65535));
}

TEST_CASE("actions have the spelling of the policy") {
  for (const char* const text :
       {"nxdomain", "nodata", "null-mx", "sinkhole", "refused", "servfail", "observe", "allow"}) {
    CAPTURE(text);
    const auto action = action_from(text);
    REQUIRE(action);
    CHECK(to_string(*action) == text);
    CHECK(blocks(*action) ==
          (std::string_view(text) != "observe" && std::string_view(text) != "allow"));
  }
  CHECK_FALSE(action_from("null_mx"));
  CHECK_FALSE(action_from("NXDOMAIN"));
  CHECK_FALSE(action_from(""));
}
