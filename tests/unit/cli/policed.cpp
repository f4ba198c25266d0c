// Warnings of `nearmiss check` about who is policed.
#include "contrib/cli/policed.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <sstream>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

std::string warnings_of(const std::string& yaml, bool local_mail_server) {
  const Folder folder;
  const LoadResult result = folder.load_policy("version: 1\n" + yaml);
  INFO(yaml);
  REQUIRE(result.config);
  std::string all;
  for (const Diagnostic& warning : cli::warn_of_clients("p", *result.config, local_mail_server)) {
    all += to_text(warning) + '\n';
  }
  return all;
}

const std::string mail = "clients: {mail: [192.0.2.25]}\ndefaults: {clients: [mail]}\n";
const std::string rule = "rules: [{id: r, domains: [a.example]}]\n";

} // namespace

TEST_CASE("a rule that blocks for every client is warned of", "[cli]") {
  const std::string warning = "p: warning: the rule `r` blocks for every client of this resolver";
  CHECK(warnings_of(rule, false).starts_with(warning));
  // But not where it blocks for some, or nothing is blocked.
  CHECK(warnings_of("clients: {mail: [192.0.2.25]}\n" + rule, false).empty());
  CHECK(warnings_of("mode: observe\n" + rule, false).empty());
  CHECK(warnings_of("rules: [{id: r, domains: [a.example], action: observe}]\n", false).empty());
}

TEST_CASE("a mail server on the resolver's host that is in no group is warned of", "[cli]") {
  const std::string both = warnings_of(mail + rule, true);
  CHECK(both.find("its lookups come from 127.0.0.1, which is in no group") != std::string::npos);
  CHECK(both.find("its lookups come from ::1, which is in no group") != std::string::npos);
  const std::string one = warnings_of("clients: {mail: [127.0.0.0/8]}\n"
                                      "defaults: {clients: [mail]}\n" +
                                          rule,
                                      true);
  CHECK(one.find("127.0.0.1") == std::string::npos);
  CHECK(one.find("::1") != std::string::npos);
  CHECK(warnings_of("clients: {mail: [127.0.0.1, \"::1\"]}\ndefaults: {clients: [mail]}\n" + rule,
                    true)
            .empty());
  CHECK(warnings_of(mail + rule, false).empty());             // none runs there
  CHECK(warnings_of("mode: observe\n" + rule, true).empty()); // every client is policed
}

TEST_CASE("a server on port 25 is found in /proc/net/tcp", "[cli]") {
  const auto listens = [](const std::string& line) {
    std::istringstream sockets("  sl  local_address rem_address   st tx_queue rx_queue\n" + line);
    return cli::listens_for_mail(sockets);
  };
  CHECK(listens("   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000\n"));
  CHECK(listens("   0: 00000000000000000000000000000000:0019 "
                "00000000000000000000000000000000:0000 0A 00000000:00000000\n"));
  CHECK_FALSE(listens("   0: 0100007F:0018 00000000:0000 0A 00000000:00000000 00:00000000\n"));
  CHECK_FALSE(listens("   0: 0100007F:0019 0100007F:9C40 01 00000000:00000000 00:00000000\n"));
  CHECK_FALSE(listens("   0: 0100007F:9C40 0100007F:0019 0A 00000000:00000000 00:00000000\n"));
  CHECK_FALSE(listens(""));
}

TEST_CASE("check prints these warnings and counts them", "[cli]") {
  const Folder folder;
  const std::string policy = folder.write("p.yaml", "version: 1\n" + rule);
  const Run run = nearmiss_cli("check " + policy + " 2>&1");
  CHECK(run.exit_code == 0);
  holds(run, "p.yaml: warning: the rule `r` blocks for every client");
}
