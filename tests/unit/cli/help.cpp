// The help of `nearmiss`, and a command that is mistyped.
#include "tests/catch.hpp"
#include "tests/unit/cli/run.hpp"

#include <sstream>

using namespace nearmiss::test;

namespace {

// The commands, by the lines of the main help that begin with two blanks and a letter.
std::vector<std::string> commands() {
  std::vector<std::string> names;
  std::istringstream help(nearmiss_cli("--help").output);
  for (std::string line; std::getline(help, line);) {
    if (line.starts_with("  ") && line.size() > 2 && std::isalpha(line[2]) != 0) {
      names.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
  }
  return names;
}

} // namespace

TEST_CASE("help fits 80 columns", "[cli][help]") {
  std::vector<std::string> all = commands();
  REQUIRE(all.size() >= 11);
  all.emplace_back();
  for (const std::string& command : all) {
    std::istringstream help(nearmiss_cli(command + " --help").output);
    for (std::string line; std::getline(help, line);) {
      INFO(command << ": " << line);
      CHECK(line.size() <= 80);
    }
  }
}

TEST_CASE("help shows the commands in groups", "[cli][help]") {
  const std::string help = nearmiss_cli("--help").output;
  const auto policy = help.find("\nThe policy:\n");
  const auto module = help.find("\nThe running module:\n");
  const auto events = help.find("\nThe events:\n");
  REQUIRE(policy < module);
  REQUIRE(module < events);
  REQUIRE(events != std::string::npos);
  const auto within = [&](const char* name, std::size_t from, std::size_t to) {
    const auto at = help.find(std::string("\n  ") + name + ' ');
    return from < at && at < to;
  };
  CHECK(within("check", policy, module));
  CHECK(within("status", module, events));
  CHECK(within("verify", events, help.size()));
}

TEST_CASE("a mistyped command: what may be meant, and none where nothing is near", "[cli][help]") {
  const Run near = nearmiss_cli("chekc policy.yaml 2>&1");
  CHECK(near.exit_code == 2);
  CHECK(near.output == "nearmiss: there is no command `chekc`, did you mean `check`?\n");
  const Run far = nearmiss_cli("frobnicate 2>&1");
  CHECK(far.exit_code == 2);
  CHECK(far.output == "nearmiss: there is no command `frobnicate`; nearmiss --help shows them\n");
  lacks(nearmiss_cli("--frobnicate 2>&1"), "no command"); // an option is none
}
