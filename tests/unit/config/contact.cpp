// Who blocks: `organisation`, `contact` and `language`, and a rule's owner.
#include "config/contact_reader.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

std::string policy_with(const std::string& lines) {
  return "version: 1\n" + lines + "clients: {mail: [192.0.2.1]}\n" +
         "rules:\n  - {id: r, domains: [a.example]}\n";
}

} // namespace

TEST_CASE("who blocks is read", "[config]") {
  const Folder folder;
  const auto result = folder.load_policy(
      policy_with("organisation: Example Org\nlanguage: pt-BR\n"
                  "contact: [\"mailto:abuse@example.net\", \"tel:+12025550123\", "
                  "\"sips:desk@example.net\", \"https://example.net/blocked?x=1\"]\n"));
  INFO(texts(folder, result));
  REQUIRE(result.config);
  const Contact& contact = result.config->contact;
  CHECK(contact.organisation == "Example Org");
  CHECK(contact.language == "pt-BR");
  CHECK(contact.uris == std::vector<std::string>{"mailto:abuse@example.net", "tel:+12025550123",
                                                 "sips:desk@example.net",
                                                 "https://example.net/blocked?x=1"});
}

TEST_CASE("a contact that no program could use is an error at its place", "[config]") {
  const auto [value, remedy] = GENERATE(table<std::string, std::string>({
      {"postmaster@example.net", "as mailto:postmaster@example.net"},
      {"\"mailto:\"", "as mailto:postmaster@example.net, "},
      {"\"mailto:nobody\"", "as mailto:postmaster@example.net, "},
      {"\"http://example.net/\"", "https://example.net/blocked"},
      {"\"https:example.net\"", "https://example.net/blocked"},
      {"\"javascript:alert(1)\"", "https://example.net/blocked"},
      {"\"https://example.net/a b\"", "https://example.net/blocked"},
      {"\"https://example.net/\\\"\"", "https://example.net/blocked"},
      {"\"https://example.net/\\u00e9\"", "https://example.net/blocked"},
      {"\"https://example.net/" + std::string(101, 'a') + '"', "at most 120 octets"},
  }));
  CAPTURE(value);
  const Folder folder;
  const auto result = folder.load_policy(policy_with("contact: [" + value + "]\n"));
  CHECK_FALSE(result.config);
  const std::string told = texts(folder, result);
  CHECK(told.starts_with("policy.yaml:2:11: error: "));
  CHECK(told.find(remedy) != std::string::npos);
  INFO(told);
}

TEST_CASE("what has no room in a DNS reply is an error", "[config]") {
  const Folder folder;
  const auto error_of = [&](const std::string& lines) {
    const auto result = folder.load_policy(policy_with(lines));
    CHECK_FALSE(result.config);
    return texts(folder, result);
  };
  CHECK(error_of("organisation: " + std::string(101, 'x') + "\n").find("longer than 100 octets") !=
        std::string::npos);
  CHECK(folder.load_policy(policy_with("organisation: " + std::string(100, 'x') + "\n")).config);
  CHECK(error_of("contact: [\"tel:1\", \"tel:2\", \"tel:3\", \"tel:4\", \"tel:5\"]\n")
            .find("more than four contacts") != std::string::npos);
  CHECK(error_of("language: Portuguese of Brazil\n").find("is no language tag") !=
        std::string::npos);
}

TEST_CASE("an owner that is a mail address is told from another", "[config]") {
  CHECK(is_mail_address("postmaster@example.net"));
  CHECK(is_mail_address("first.last+dns@mail.example.net"));
  for (const std::string_view text :
       {"", "@", "a@", "@b", "a@b@c", "Jane Doe", "a b@example.net", "a@example.net?cc=x@y",
        "a@example.net,b@example.net", "<a@example.net>", "mailto:a@example.net"}) {
    CAPTURE(text);
    CHECK_FALSE(is_mail_address(text));
  }
}
