// The `nearmiss` command as a person or a script runs it.
#include "tests/catch.hpp"
#include "tests/paths.hpp"
#include "tests/unit/cli/log_lines.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

using namespace nearmiss::test;

TEST_CASE("every command has --help and --version", "[cli]") {
  for (const char* arguments :
       {"--help", "check --help", "explain --help", "export --help", "generate --help",
        "reload --help", "report --help", "simulate --help", "sinkhole --help", "status --help",
        "tail --help", "verify --help"}) {
    const Run run = nearmiss_cli(arguments);
    CHECK(run.exit_code == 0);
    holds(run, "Exit codes: 0");
  }
  for (const char* arguments :
       {"--version", "check --version", "explain --version", "generate --version",
        "export --version", "reload --version", "report --version", "simulate --version",
        "sinkhole --version", "status --version", "tail --version", "verify --version"}) {
    const Run run = nearmiss_cli(arguments);
    CHECK(run.exit_code == 0);
    CHECK(run.output.starts_with("nearmiss "));
  }
  CHECK(nearmiss_cli("2>&1").exit_code == 2);
  CHECK(nearmiss_cli("chekc x 2>&1").exit_code == 2);
  CHECK(nearmiss_cli("check 2>&1").exit_code == 2);
}

TEST_CASE("output that cannot be written is no answer", "[cli]") {
  const Folder folder;
  const std::string log = folder.write("e.jsonl", nearmiss::test::lookup({}) + '\n');
  const std::string policy = NEARMISS_DEFAULT_POLICY;
  for (const std::string& arguments :
       {"report " + log, "report --json " + log, "report --html - " + log,
        "tail --no-follow " + log, "simulate --config " + policy + ' ' + log, "verify " + log,
        "check " + policy, "check --json " + policy, "explain --config " + policy + " army.ml",
        "export --config " + policy, std::string("generate army.mil"), std::string("--help")}) {
    INFO(arguments);
    const Run run = nearmiss_cli(arguments + " 2>&1 >/dev/full");
    CHECK(run.exit_code == 2);
    holds(run, "nearmiss: the output cannot be written; is its disk full?\n");
  }
  // A reader that has gone is no failure: neither with the signal nor, as under a service, without.
  const Run gone = nearmiss_cli("report " + log + " 2>&1 | true; echo ended");
  CHECK(gone.output == "ended\n");
  const Run ignored = nearmiss_cli(
      "--version >/dev/null; trap '' PIPE; { sleep 0.1; " + std::string(NEARMISS_CLI) + " report " +
      log + " 2>&1 >&3; echo $? >&2; } 3>&1 2>" + log + ".told | true; cat " + log + ".told");
  CHECK(ignored.output == "0\n");
}

TEST_CASE("check: fine, wrong and unreadable", "[cli]") {
  const Folder folder;
  const std::string right = folder.write(
      "right.yaml", "version: 1\nmode: observe\nrules: [{id: r, domains: [a.example]}]\n");
  const std::string wrong = folder.write("wrong.yaml", "version: 1\nrules: [{id: r}]\n");

  const Run fine = nearmiss_cli("check " + right + " 2>/dev/null");
  CHECK(fine.exit_code == 0);
  CHECK(fine.output == right + ": ok, 1 rule, 1 name, 1 warning\n"); // no colour into a pipe
  const Run errors = nearmiss_cli("check " + wrong + " 2>&1 >/dev/null");
  CHECK(errors.exit_code == 1);
  CHECK(errors.output.starts_with(wrong + ":2:9: error: the rule names no domain"));
  CHECK(nearmiss_cli("check " + wrong + " 2>/dev/null").output ==
        wrong + ": wrong, 1 error, 0 warnings\n");
  const Run none = nearmiss_cli("check " + folder.path().native() + "/none.yaml 2>&1");
  CHECK(none.exit_code == 2);
  holds(none, "no such file");

  folder.write("l.txt", "a.example\na.example\n");
  const std::string listing = folder.write(
      "listing.yaml", "version: 1\nrules: [{id: r, list: {file: l.txt, format: domains}}]\n");
  holds(nearmiss_cli("check " + listing + " 2>&1"), "l.txt: note: 1 duplicate name of 2\n");

  const Run json = nearmiss_cli("check --json " + wrong + " 2>&1");
  CHECK(json.exit_code == 1);
  holds(json, "\"ok\": false");
  holds(json, "\"line\": 2");
}

TEST_CASE("explain: blocked, let through, and why", "[cli]") {
  const Run observed =
      nearmiss_cli(std::string("explain --config ") + NEARMISS_DEFAULT_POLICY + " army.ml");
  holds(observed, "army.ml MX from any client: observed");
  const Folder folder;
  const std::string policy = folder.path() / "enforcing.yaml";
  REQUIRE(std::system(("sed 's/^mode: observe/mode: enforce/' " +
                       std::string(NEARMISS_DEFAULT_POLICY) + " >" + policy)
                          .c_str()) == 0);
  const std::string config = "explain --config " + policy;
  const Run blocked = nearmiss_cli(config + " army.ml");
  CHECK(blocked.exit_code == 0);
  holds(blocked, "army.ml MX from any client: blocked");
  holds(blocked, "`mil-ml` lists `ml`");
  holds(blocked, "intended: army.mil");
  const Run passes = nearmiss_cli(config + " --type A army.mil gouv.ml");
  CHECK(passes.exit_code == 0);
  holds(passes, "army.mil A from any client: passes");
  holds(passes, "it excepts this name");
  const Run json = nearmiss_cli(config + " --json army.ml");
  CHECK(json.exit_code == 0);
  holds(json, "\"outcome\": \"blocked\"");
  holds(json, "\"intended\": \"army.mil\"");

  const Run no_name = nearmiss_cli(config + " a..b army.ml 2>&1");
  CHECK(no_name.exit_code == 1);
  holds(no_name, "empty label");
  holds(no_name, "army.ml MX from any client: blocked");
  CHECK(nearmiss_cli(config + " --type XYZZY army.ml 2>&1").exit_code == 2);
  CHECK(nearmiss_cli(config + " --client mail army.ml 2>&1").exit_code == 2);
  CHECK(nearmiss_cli("explain --config /nonexistent army.ml 2>&1").exit_code == 2);
}

TEST_CASE("explain: the client is the first of the first group, or the one given", "[cli]") {
  const Folder folder;
  const std::string file =
      folder.write("p.yaml", "version: 1\nclients: {mail: [192.0.2.0/24]}\n"
                             "rules:\n  - {id: r, domains: [a.example]}\n"
                             "  - {id: s, domains: [b.a.example], action: allow}\n");
  const Run first = nearmiss_cli("explain --config " + file + " a.example 2>&1");
  holds(first, "taking 192.0.2.0, the first address of the group `mail`");
  holds(first, "a.example MX from 192.0.2.0: blocked");
  const Run other = nearmiss_cli("explain --config " + file + " --client 192.0.3.1 a.example");
  holds(other, "a.example MX from 192.0.3.1: passes");
  holds(other, "it is not for this client");
  const std::string nothing = "because no rule blocks anything for this client and type, whatever";
  holds(other, nothing);
  const std::string leads = "because no rule applies to it; its answer is blocked all the same if";
  holds(nearmiss_cli("explain --config " + file + " b.example 2>/dev/null"), leads);
  holds(nearmiss_cli("explain --config " + file + " --type TXT b.example 2>/dev/null"), nothing);
  const std::string observing = folder.write(
      "o.yaml", "version: 1\nmode: observe\nrules:\n  - {id: r, domains: [a.example]}\n");
  holds(nearmiss_cli("explain --config " + observing + " b.example"),
        "no rule applies to it; its answer is observed all the same if it leads");
  const Run lost = nearmiss_cli("explain --config " + file + " b.a.example 2>/dev/null");
  holds(lost, "b.a.example MX from 192.0.2.0: passes");
  holds(lost,
        "the rule `r` lists `a.example` and does not decide: another rule matches a more specific");
  // The module reads the same variable.
  CHECK(nearmiss_cli("explain a.example 2>/dev/null").exit_code == 2);
  setenv("NEARMISS_CONFIG", file.c_str(), 1);
  const Run from_variable = nearmiss_cli("explain a.example 2>/dev/null");
  unsetenv("NEARMISS_CONFIG");
  CHECK(from_variable.exit_code == 0);
  holds(from_variable, "blocked");
}

TEST_CASE("explain: what to write to let a name through", "[cli]") {
  const Folder folder;
  const std::string file =
      folder.write("p.yaml", "version: 1\n"
                             "clients: {mail: [192.0.2.0/24], web: [198.51.100.0/24]}\n"
                             "defaults: {clients: [mail]}\n"
                             "rules:\n"
                             "  - {id: ours, domains: [a.example]}\n"
                             "  - {id: seen, domains: [s.example], action: observe}\n"
                             "protect:\n"
                             "  - {id: likes, domains: [outlook.com]}\n");
  const std::string explain = "explain --config " + file + ' ';
  holds(nearmiss_cli(explain + "x.a.example 2>/dev/null"),
        "  to let it through: write `except: [x.a.example]` in the rule `ours`, or for a while: "
        "nearmiss allow x.a.example --for 2h\n");
  holds(nearmiss_cli(explain + "outlok.com 2>/dev/null"),
        "write `except: [outlok.com]` in the entry `likes` of `protect`");
  lacks(nearmiss_cli(explain + "s.example 2>/dev/null"), "to let it through");
  lacks(nearmiss_cli(explain + "b.example 2>/dev/null"), "to let it through");
  // A mail address, and a group in place of an address.
  holds(nearmiss_cli(explain + "user@a.example 2>/dev/null"),
        "a.example MX from 192.0.2.0: blocked");
  holds(nearmiss_cli(explain + "--client web a.example"), "a.example MX from 198.51.100.0: ");
  lacks(nearmiss_cli(explain + "--client web a.example"), "blocked");
  const Run unknown = nearmiss_cli(explain + "--client wep a.example 2>&1");
  CHECK(unknown.exit_code == 2);
  holds(unknown, "is no IP address and no group of the policy's clients");
}

TEST_CASE("explain: a look-alike's class, score and the rules that lost", "[cli]") {
  const Folder folder;
  const std::string file =
      folder.write("p.yaml", "version: 1\n"
                             "rules: [{id: fine, domains: [amry.mil], action: allow}]\n"
                             "protect:\n"
                             "  - {id: ours, domains: [army.mil]}\n"
                             "  - {id: watch, domains: [army.mil], action: observe}\n");
  holds(nearmiss_cli("check " + file), "3 rules, 1 name, 2 protected domains, 1 warning\n");
  CHECK(nearmiss_cli("check " + file + " 2>&1").exit_code == 0);
  CHECK(nearmiss_cli("check --strict " + file + " 2>&1").exit_code == 1); // for the warning
  CHECK(nearmiss_cli("check --config " + file + " 2>&1").exit_code == 0);
  CHECK(nearmiss_cli("check --strict --config " + file + " 2>&1").exit_code == 1);
  const std::string explain = "explain --config " + file;
  const Run blocked = nearmiss_cli(explain + " mail.arrny.mil");
  holds(blocked, "mail.arrny.mil MX from any client: blocked");
  holds(blocked, "`ours` takes `arrny.mil` for a look-alike of `army.mil`");
  holds(blocked, "intended: army.mil\n  class: homoglyph\n  score: 75: homoglyph 95, less 20");
  holds(blocked, "`watch` takes `arrny.mil` for a look-alike of `army.mil` (score 75: ");
  holds(blocked, "does not decide: it only observes");
  holds(nearmiss_cli(explain + " mail.army.mil"),
        "passes\n  because no rule applies to it; its answer is blocked all the same if it leads");
  holds(nearmiss_cli(explain + " amry.mil"), "another rule matches the name or one above it");
  const Run json = nearmiss_cli(explain + " --json army.ml");
  holds(json, "\"class\": \"tld-swap\"");
  holds(json, "\"score\": 70");
  holds(json, "\"class\": 90,\n      \"short_label\": -20,\n      \"further_changes\": 0");
  holds(json, "\"rule\": \"watch\"");
}

TEST_CASE("generate: a look-alike a line, with its classes, in each format", "[cli]") {
  const std::string omissions = "generate --classes omission,plural army.mil";
  CHECK(nearmiss_cli(omissions).output == "amy.mil # omission\n"
                                          "arm.mil # omission\n"
                                          "ary.mil # omission\n"
                                          "rmy.mil # omission\n"
                                          "armies.mil # plural\n"
                                          "armyes.mil # plural\n"
                                          "armys.mil # plural\n");
  // Two classes of one name make one line; a domain that is asked about is nobody's look-alike.
  holds(nearmiss_cli("generate --classes all army.mil"),
        "\narmys.mil # insertion, addition, plural\n");
  const Run two = nearmiss_cli("generate --classes omission army.mil amy.mil");
  holds(two, "arm.mil # omission\n");
  CHECK(two.output.find("amy.mil #") == std::string::npos);
  holds(nearmiss_cli("generate --format rpz army.mil"),
        "\narmy.ml CNAME . ; tld-swap\n*.army.ml CNAME .\n");
  holds(nearmiss_cli("generate --format postfix army.mil"),
        "\narmy.ml REJECT did you mean army.mil? (tld-swap)\n");

  holds(nearmiss_cli("generate --json --classes all army.mil"), R"({
        "name": "armys.mil",
        "classes": [
          "insertion",
          "addition",
          "plural"
        ]
      })");

  const Run none = nearmiss_cli("generate mil army.mil 2>&1");
  CHECK(none.exit_code == 1);
  holds(none, "`mil` is no domain that mail goes to");
  holds(none, "army.ml # tld-swap");
  const Run wrong = nearmiss_cli("generate --classes omision army.mil 2>&1");
  CHECK(wrong.exit_code == 2);
  holds(wrong, "`omision` is no class; the classes are: default, all, homoglyph");
  CHECK(nearmiss_cli("generate --format bind army.mil 2>&1").exit_code == 2);
}

TEST_CASE("generate: the yaml is a policy, and the domains are a list for one", "[cli]") {
  const Folder folder;
  const std::string policy =
      folder.write("g.yaml", nearmiss_cli("generate --format yaml army.mil example.org").output);
  folder.write("l.txt", nearmiss_cli("generate army.mil").output);
  const std::string listing = folder.write(
      "l.yaml", "version: 1\nrules: [{id: l, list: {file: l.txt, format: domains}}]\n");
  for (const std::string& file : {policy, listing}) {
    const nearmiss::LoadResult result = nearmiss::load(file, today);
    INFO(texts(folder, result));
    REQUIRE(result.config);
    CHECK(result.diagnostics.empty());
    CHECK(ask(*result.config, "mail.arrny.mil").enforced);
    CHECK_FALSE(ask(*result.config, "mail.army.mil").enforced);
  }
  CHECK(ask(*nearmiss::load(policy, today).config, "exampel.org").rule->id ==
        "lookalikes-of-example.org");
}
