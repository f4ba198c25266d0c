// `report`, `verify` and `tail` without a LOG read what the policy writes.
#include "tests/unit/cli/log_lines.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

using namespace nearmiss::test;

TEST_CASE("without a LOG the policy's own are read, rotated ones too", "[cli]") {
  const Folder folder;
  const std::string head = "version: 1\nclients: {mail: [192.0.2.0/24]}\n"
                           "rules: [{id: r, domains: [a.example]}]\n";
  const std::string policy = folder.write("p.yaml", head + "log: {file: e.jsonl}\n");
  const auto line = [](int second, std::uint64_t number) {
    return lookup({.second = second, .sequence = number}) + '\n';
  };
  folder.write("e.jsonl.2", line(0, 1));
  folder.write("e.jsonl-20261123", line(1000, 2));
  folder.write("e.jsonl", line(2000, 3));
  folder.write("e.jsonl.bak", line(3000, 4)); // no rotation makes such a name
  folder.write("e.jsonl2", line(4000, 5));
  holds(nearmiss_cli("report --config " + policy), "3 lookups in 3 logs");
  holds(nearmiss_cli("verify --config " + policy), "3 events");
  const Run shown = nearmiss_cli("tail --no-follow --config " + policy);
  holds(shown, "army.ml");
  // A LOG that is given goes before the policy.
  holds(nearmiss_cli("report --config " + policy + ' ' + folder.path().native() + "/e.jsonl"),
        "1 lookup in 1 log");

  const std::string none = folder.write("none.yaml", head);
  for (const std::string command : {"report", "verify", "tail --no-follow"}) {
    CAPTURE(command);
    const Run run = nearmiss_cli(command + " --config " + none + " 2>&1");
    CHECK(run.exit_code == 2);
    holds(run, "no LOG is given, and the policy ");
    holds(run, "writes none to a file; name a log");
    const Run missing =
        nearmiss_cli(command + " --config " + folder.path().native() + "/no.yaml 2>&1");
    CHECK(missing.exit_code == 2);
    holds(missing, "cannot be read; name a log");
  }
}
