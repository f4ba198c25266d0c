// Every kind of mistake in a policy: where it is reported, and in which words.
#include "config/files.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

#include <algorithm>
#include <vector>

#include <sys/stat.h>
#include <unistd.h>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

struct Mistake {
  const char* what;
  std::string yaml;
  std::string place;              // "LINE:COLUMN"; empty: the whole file
  std::vector<std::string> words; // each must stand in the message
};

const std::string head = "version: 1\nrules:\n  - id: r\n"; // a rule goes on in line 4

// One error, of that place and words, and no policy.
void expect_error(const Mistake& mistake) {
  INFO(mistake.what);
  const Folder folder;
  const LoadResult result = folder.load_policy(mistake.yaml);
  const std::string all = texts(folder, result);
  INFO(all);
  CHECK(result.config == nullptr);
  REQUIRE(result.diagnostics.size() == 1);
  const std::string place = mistake.place.empty() ? "" : ':' + mistake.place;
  CHECK(all.starts_with("policy.yaml" + place + ": error: "));
  for (const std::string& word : mistake.words) {
    INFO(word);
    CHECK(all.find(word) != std::string::npos);
  }
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

} // namespace

TEST_CASE("a policy that is not the YAML it should be", "[config]") {
  const std::string rule = "    domains: [a.example]\n";
  const Mistake mistake = GENERATE_COPY(values<Mistake>({
      {"empty", "", "", {"no policy", "version: 1"}},
      {"comment only", "# nothing\n", "", {"no policy"}},
      {"a list", "- a\n", "1:1", {"must be a map", "a list"}},
      {"text", "hello\n", "1:1", {"must be a map", "text"}},
      {"open list", head + "    domains: [a.example\n", "5:1", {"not YAML", "write the `]`"}},
      {"open map", "version: 1\nclients: {mail: 192.0.2.1\n", "3:1", {"write the `}`"}},
      {"closed twice",
       head + "    domains: [a.example]]\n",
       "4:25",
       {"not YAML", "take this one out"}},
      {"closed by the other kind", head + "    domains: [a.example}\n", "4:24", {"`]` for `[`"}},
      {"wildcard", head + "    domains: [*.a.example]\n", "4:15", {"with `*` must", "in quotes"}},
      {"at sign", head + "    domains: [@a.example]\n", "4:15", {"with `@` must", "in quotes"}},
      {"beyond ASCII",
       head + "    domains: [\xC3\xA4.example, @a.example]\n",
       "4:27",
       {"with `@` must"}},
      {"colon in a value",
       head + rule + "    reason: Mali: no\n",
       "5:17",
       {"holds `: `", "quotes"}},
      {"indented too far", head + "     domains: [a.example]\n", "4:13", {"the line before"}},
      {"no space after `:`", "version:1\nrules:\n", "2:6", {"the line before", "`: `"}},
      {"out of line", head + "   domains: [a.example]\n", "4:4", {"begin in one column"}},
      {"behind a quote", head + rule + "    reason: \"x\" y\n", "5:17", {"behind a quoted value"}},
      {"escape in a text", head + rule + "    reason: \"\\q\"\n", "5:16", {"written twice"}},
      {"open quote",
       head + "    exact: [a.example]\n    reason: \"x\n  - id: s\n    exact: [b.example]\n",
       "5:13",
       {"never closed"}},
      {"open single quote",
       head + "    exact: [a.example]\n    reason: 'it''s\n",
       "5:13",
       {"never closed"}},
      {"nested", "version: 1\nrules: " + repeated("[", 5000), "2:1", {"nested too deeply"}},
      {"tab", "version: 1\nrules:\n\t- id: r\n", "3:2", {"not YAML", "indent with spaces"}},
      {"Latin-1", head + rule + "    reason: caf\xE9\n", "5:16", {"not UTF-8", "\\xe9"}},
      {"UTF-16", std::string("\xFF\xFEv") + '\0' + 'e', "1:1", {"not UTF-8"}},
      {"NUL", head + "    domains: [a" + std::string(1, '\0') + "b]\n", "4:16", {"NUL"}},
      {"two documents", head + rule + "---\nversion: 1\n", "5:1", {"second YAML document"}},
      {"alias",
       "version: 1\nclients: {mail: &a [192.0.2.1]}\ndefaults: {clients: *a}\nrules:\n"
       "  - {id: r, domains: [a.example]}\n",
       "3:21",
       {"alias"}},
      {"cyclic alias", head + "    domains: &a [a.example, *a]\n", "4:29", {"alias"}},
      {"merge key",
       "version: 1\nrules:\n  - &r {id: r, domains: [a.example]}\n  - {id: s, "
       "exact: [b.example], <<: *r}\n",
       "4:40",
       {"alias"}},
      {"tag", head + "    domains: [!!binary a.example]\n", "4:15", {"tag"}},
      {"key twice",
       head + rule + "    domains: [b.example]\n",
       "5:5",
       {"`domains`", "twice", "line 4"}},
      {"key is a list", head + rule + "    [x]: y\n", "5:5", {"key", "must be text"}},
  }));
  if (std::string(mistake.what) == "merge key") {
    // The alias and the key it belongs to are two mistakes.
    const Folder folder;
    const std::string all = texts(folder, folder.load_policy(mistake.yaml));
    INFO(all);
    CHECK(all.find("policy.yaml:4:37: error: a YAML alias") != std::string::npos);
    CHECK(all.find("unknown key `<<`") != std::string::npos);
    return;
  }
  if (std::string(mistake.what) == "UTF-16") {
    expect_error({mistake.what, std::string("\xFF\xFEv\0e\0", 6), "1:1", {"not UTF-8"}});
    return;
  }
  expect_error(mistake);
}

TEST_CASE("a mistake at the top of a policy", "[config]") {
  const std::string rules = "rules:\n  - {id: r, domains: [a.example]}\n";
  expect_error(GENERATE_COPY(values<Mistake>({
      {"no version", rules, "1:1", {"no `version`", "version: 1"}},
      {"version 2", "version: 2\n" + rules, "1:10", {"version 1 only"}},
      {"no rules", "version: 1\n", "1:1", {"no `rules`", "`protect`", "nothing is blocked"}},
      {"rules empty", "version: 1\nrules: []\n", "2:8", {"`rules`", "empty list"}},
      {"rules nothing", "version: 1\nrules:\n", "2:1", {"`rules`", "no value"}},
      {"rules a map",
       "version: 1\nrules: {id: r}\n",
       "2:8",
       {"`rules`", "must be a list", "a map"}},
      {"rule is text", "version: 1\nrules: [army.ml]\n", "2:9", {"the rule must be a map"}},
      {"unknown key", "version: 1\nspeed: 2\n" + rules, "2:1", {"unknown key `speed`", "sinkhole"}},
      {"misspelt key",
       "version: 1\nclinets: {a: [192.0.2.1]}\n" + rules,
       "2:1",
       {"`clinets`", "did you mean `clients`?"}},
      {"a later key", "version: 1\ntuning: {}\n" + rules, "2:1", {"unknown key `tuning`"}},
      {"mode",
       "version: 1\nmode: enforced\n" + rules,
       "2:7",
       {"`enforced`", "did you mean `enforce`?", "observe"}},
      {"mode a list", "version: 1\nmode: [enforce]\n" + rules, "2:7", {"`mode`", "text", "a list"}},
      {"clients a list", "version: 1\nclients: [192.0.2.1]\n" + rules, "2:10", {"map of groups"}},
      {"group is text",
       "version: 1\nclients: {m: 192.0.2.1}\n" + rules,
       "2:14",
       {"`m` must be a list", "`[192.0.2.1]`"}},
      {"group any", "version: 1\nclients: {any: [192.0.2.1]}\n" + rules, "2:11", {"`any`"}},
      {"no address",
       "version: 1\nclients: {m: [mail.example]}\n" + rules,
       "2:15",
       {"`mail.example`", "no address or prefix"}},
      {"prefix length",
       "version: 1\nclients: {m: [192.0.2.0/33]}\n" + rules,
       "2:15",
       {"192.0.2.0/33", "prefix length"}},
      {"host bits",
       "version: 1\nclients: {m: [192.0.2.77/24]}\n" + rules,
       "2:15",
       {"host bits", "`192.0.2.0/24`", "`192.0.2.77`"}},
      {"host bits, IPv6",
       "version: 1\nclients: {m: [\"2001:db8::1/32\"]}\n" + rules,
       "2:15",
       {"host bits", "`2001:db8::/32`"}},
      {"sinkhole text",
       "version: 1\nsinkhole: 192.0.2.53\n" + rules,
       "2:11",
       {"`sinkhole` must be a map"}},
      {"sinkhole family",
       "version: 1\nsinkhole: {ipv4: \"2001:db8::53\"}\n" + rules,
       "2:18",
       {"2001:db8::53", "no IPv4 address"}},
      {"sinkhole without address",
       "version: 1\nsinkhole: {mx: a.example}\n" + rules,
       "2:11",
       {"no address"}},
      {"sinkhole mx",
       "version: 1\nsinkhole: {ipv4: 192.0.2.53, mx: a..b}\n" + rules,
       "2:34",
       {"empty label"}},
      {"default action",
       "version: 1\ndefaults: {action: nxdomian}\n" + rules,
       "2:20",
       {"did you mean `nxdomain`?"}},
      {"log without place",
       "version: 1\nlog: {format: ecs}\n" + rules,
       "2:6",
       {"no place", "`syslog: local`"}},
      {"log format",
       "version: 1\nlog: {file: a, format: cef}\n" + rules,
       "2:24",
       {"`cef`", "`format`", "ecs, ocsf"}},
      {"log with two places",
       "version: 1\nlog: {file: a, journald: true}\n" + rules,
       "2:6",
       {"several places", "list"}},
      {"the same place twice",
       "version: 1\nlog: [{syslog: local}, {file: a}, {syslog: local}]\n" + rules,
       "2:35",
       {"twice"}},
      {"the same file twice",
       "version: 1\nlog: [{file: a}, {file: ./a}, {file: b}]\n" + rules,
       "2:25",
       {"`log` cannot have `", "that of `log` in line 2", "a file of its own"}},
      {"journal's format",
       "version: 1\nlog: {journald: true, format: ocsf}\n" + rules,
       "2:31",
       {"fields of its own"}},
      {"journald: false", "version: 1\nlog: {journald: false}\n" + rules, "2:17", {"take"}},
      {"a chain not in a file",
       "version: 1\nlog: {syslog: local, chain: true}\n" + rules,
       "2:29",
       {"only the lines of a file"}},
      {"syslog elsewhere",
       "version: 1\nlog: {syslog: remote}\n" + rules,
       "2:15",
       {"`remote`", "`syslog: local`", "{tcp: "}},
      {"syslog by name",
       "version: 1\nlog: {syslog: {tcp: \"log.example:514\"}}\n" + rules,
       "2:21",
       {"`log.example:514`", "192.0.2.1:601", "looked up"}},
      {"syslog without port",
       "version: 1\nlog: {syslog: {tcp: 192.0.2.1}}\n" + rules,
       "2:21",
       {"`192.0.2.1`", "port"}},
      {"syslog over v6 without brackets",
       "version: 1\nlog: {syslog: {tcp: \"2001:db8::1:601\"}}\n" + rules,
       "2:21",
       {"[2001:db8::1]:601"}},
      {"metrics without file",
       "version: 1\nmetrics: {interval: 15}\n" + rules,
       "2:10",
       {"no `file`"}},
      {"metrics too often",
       "version: 1\nmetrics: {file: a, interval: 0}\n" + rules,
       "2:30",
       {"`interval`", "1"}},
  })));
}

TEST_CASE("what the module writes is no other file of the policy", "[config]") {
  const Folder folder;
  folder.write("feed.txt", "a.example\n");
  folder.write("there.jsonl", "");
  std::filesystem::create_directory(folder.path() / "d");
  std::filesystem::create_directory_symlink("d", folder.path() / "e");
  std::filesystem::create_symlink("policy.yaml", folder.path() / "link.yaml");
  std::filesystem::create_hard_link(folder.path() / "there.jsonl", folder.path() / "hard.jsonl");
  const auto load_with = [&](const std::string& lines) {
    const LoadResult result = folder.load_policy(
        "version: 1\n" + lines + "rules: [{id: r, list: {file: feed.txt, format: domains}}]\n");
    CHECK((result.config == nullptr) == !result.diagnostics.empty());
    return texts(folder, result);
  };
  struct Case {
    std::string lines, place, file, other;
  };
  const std::string policy = "the policy itself";
  const std::string list = "a list of the policy";
  for (const auto& [lines, place, file, other] : std::vector<Case>{
           {"log: {file: policy.yaml}\n", "2:13", "policy.yaml", policy},
           {"log: [{syslog: local}, {file: d/../feed.txt}]\n", "2:31", "feed.txt", list},
           {"log: {file: link.yaml}\n", "2:13", "link.yaml", policy},
           {"log: {file: nearmiss.sock}\n", "2:13", "nearmiss.sock", "the control socket, as no"},
           {"metrics: {file: policy.yaml}\n", "2:17", "policy.yaml", policy},
           {"metrics: {file: feed.txt}\n", "2:17", "feed.txt", list},
           {"log: {file: a}\nmetrics: {file: a}\n", "3:17", "a", "that of `log` in line 2"},
           {"metrics: {file: a}\nlog: {file: a}\n", "2:17", "a", "that of `log` in line 3"},
           {"log: {file: d/a}\nmetrics: {file: e/a}\n", "3:17", "e/a", "that of `log` in line 2"},
           {"log: [{file: there.jsonl}, {file: hard.jsonl}]\n", "2:35", "hard.jsonl",
            "that of `log` in line 2"},
           {"control: {socket: policy.yaml}\n", "2:19", "policy.yaml", policy},
           {"control: {state: policy.yaml}\n", "2:18", "policy.yaml", policy},
           {"control: {state: nearmiss.sock}\n", "2:18", "nearmiss.sock", "the control socket"},
           {"control: {socket: nearmiss.state}\n", "2:19", "nearmiss.state", "the state file"},
           {"log: {file: d/a}\nmetrics: {file: d/nearmiss.state}\n", "3:17", "d/nearmiss.state",
            "the state file"},
           {"control: {socket: feed.txt}\n", "2:19", "feed.txt", list},
           {"log: {file: a}\ncontrol: {socket: a}\n", "3:19", "a", "that of `log` in line 2"},
           {"metrics: {file: a}\ncontrol: {socket: a}\n", "3:19", "a",
            "that of `metrics` in line 2"},
       }) {
    INFO(lines);
    const std::string text = load_with(lines);
    INFO(text);
    CHECK(text.starts_with("policy.yaml:" + place + ": error: `"));
    CHECK(text.find(" cannot have `" + file + "`: it is " + other) != std::string::npos);
    CHECK(text.ends_with("; name a file of its own\n"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 1);
  }
  for (const std::string lines : {
           "log: {file: policy.yaml.jsonl}\n",
           "log: {file: d/policy.yaml}\nmetrics: {file: d/feed.txt}\n",
           "log: {file: nearmiss.sock}\ncontrol: {socket: other.sock}\n",
           "log: [{file: a}, {file: b}]\nmetrics: {file: c}\ncontrol: {socket: d/a}\n",
           "log: [{file: there.jsonl}, {file: there.json}]\n",
       }) {
    INFO(lines);
    CHECK(load_with(lines).empty());
  }
}

TEST_CASE("a mistake in a rule", "[config]") {
  const std::string rule = head + "    domains: [a.example]\n"; // goes on in line 5
  expect_error(GENERATE_COPY(values<Mistake>({
      {"no id", "version: 1\nrules:\n  - domains: [a.example]\n", "3:5", {"no `id`"}},
      {"id empty",
       "version: 1\nrules:\n  - id:\n    domains: [a.example]\n",
       "3:5",
       {"`id` has no value"}},
      {"id twice", rule + "  - id: r\n    exact: [b.example]\n", "5:9", {"`r`", "line 3"}},
      {"no matcher", head + "    action: nodata\n", "3:5", {"names no domain", "`confusable`"}},
      {"two matchers",
       rule + "    confusable: {intended: mil, mistyped: [ml]}\n",
       "5:5",
       {"`confusable`", "two rules"}},
      {"misspelt",
       rule + "    intented: a.example\n",
       "5:5",
       {"`intented`", "did you mean `intended`?"}},
      {"exchange of everybody",
       head + "    mx_exchange: [co.uk]\n",
       "4:19",
       {"`co.uk` in `mx_exchange`", "public suffix"}},
      {"answer_ip is a name",
       head + "    answer_ip: [a.example]\n",
       "4:17",
       {"no address or prefix", "192.0.2.0/24"}},
      {"answer_ip of half a network",
       head + "    answer_ip: [192.0.2.1/24]\n",
       "4:17",
       {"host bits", "`192.0.2.0/24`"}},
      {"domains text", head + "    domains: a.example\n", "4:14", {"a list", "`[a.example]`"}},
      {"domains empty", head + "    domains: []\n", "4:14", {"empty list"}},
      {"domain is a map", head + "    domains: [{a: b}]\n", "4:15", {"must be text", "a map"}},
      {"label of 64",
       head + "    domains: [" + std::string(64, 'a') + ".example]\n",
       "4:15",
       {"64 octets", "63"}},
      {"U-label too long",
       head + "    domains: [" + repeated("\xC3\xA4", 63) + ".example]\n",
       "4:15",
       {"too long in A-label form"}},
      {"name of 256",
       head + "    domains: [" + repeated(std::string(49, 'a') + '.', 5) + "abcd]\n",
       "4:15",
       {"256 octets", "255"}},
      {"empty label", head + "    exact: [a..example]\n", "4:13", {"`exact`", "empty label"}},
      {"leading dot", head + "    domains: [.ml]\n", "4:15", {"starts with a dot", "`ml`"}},
      {"wildcard", head + "    domains: ['*.a.example']\n", "4:15", {"wildcard", "`a.example`"}},
      {"URL", head + "    domains: ['https://a.example/']\n", "4:15", {"URL"}},
      {"mail address", head + "    domains: [me@a.example]\n", "4:15", {"mail address"}},
      {"IP address", head + "    domains: [192.0.2.1]\n", "4:15", {"IP address"}},
      {"two names", head + "    domains: [a.example b.example]\n", "4:15", {"space"}},
      {"bad escape", head + "    domains: ['a\\999.example']\n", "4:15", {"RFC 1035"}},
      {"bad IDN",
       head + "    domains: [\"\\u2665\\u0301\\u200d.example\"]\n",
       "4:15",
       {"IDNA2008"}},
      {"TLD",
       head + "    domains: [com]\n",
       "4:15",
       {"`com`", "public suffix", "public_suffix: true"}},
      {"suffix, ICANN", head + "    exact: [co.uk]\n", "4:13", {"public suffix"}},
      {"suffix, private", head + "    domains: [github.io]\n", "4:15", {"public suffix"}},
      {"root", head + "    domains: [.]\n", "4:15", {"public suffix"}},
      {"public_suffix", rule + "    public_suffix: 'true'\n", "5:20", {"`true`", "without quotes"}},
      {"confusable without intended",
       head + "    confusable: {mistyped: [ml]}\n",
       "4:17",
       {"no `intended`"}},
      {"confusable without mistyped",
       head + "    confusable: {intended: mil}\n",
       "4:17",
       {"no `mistyped`"}},
      {"confusable with itself",
       head + "    confusable: {intended: mil, mistyped: [mil]}\n",
       "4:44",
       {"`mil`", "would block the intended"}},
      {"confusable above itself",
       head + "    confusable: {intended: army.mil, mistyped: [mil]}\n",
       "4:49",
       {"would block the intended `army.mil`"}},
      {"confusable of everything",
       head + "    confusable: {intended: mil, mistyped: [.]}\n",
       "4:44",
       {"root"}},
      {"two intended",
       head + "    confusable: {intended: mil, mistyped: [ml]}\n    intended: army.mil\n",
       "5:5",
       {"`intended`", "take this one out"}},
      {"except", rule + "    except: [b..c]\n", "5:14", {"`except`", "empty label"}},
      {"intended", rule + "    intended: [b.example]\n", "5:15", {"`intended` must be text"}},
      {"action", rule + "    action: discard\n", "5:13", {"`discard`", "null-mx", "servfail"}},
      {"sinkhole missing", rule + "    action: sinkhole\n", "5:5", {"needs addresses", "ipv6"}},
      {"ttl negative", rule + "    ttl: -1\n", "5:10", {"`ttl`", "0 to 86400", "`-1`"}},
      {"ttl a day and a second", rule + "    ttl: 86401\n", "5:10", {"86400", "`86401`"}},
      {"ttl with a unit", rule + "    ttl: 1h\n", "5:10", {"`1h`"}},
      {"ttl quoted", rule + "    ttl: '60'\n", "5:10", {"quotes"}},
      {"types word", rule + "    types: MX\n", "5:12", {"`MX`", "[MX, A, AAAA]"}},
      {"types unknown", rule + "    types: [MX, AAAAA]\n", "5:17", {"`AAAAA`", "no RR type"}},
      {"types above the limit",
       rule + "    types: [MX, A, AAAA, TYPE65280]\n",
       "5:26",
       {"TYPE65280", "types: all"}},
      {"group without groups",
       rule + "    clients: [mail]\n",
       "5:15",
       {"no group `mail`", "clients:"}},
      {"clients word", rule + "    clients: mail\n", "5:14", {"`[mail]`"}},
      {"date", rule + "    expires: 31.12.2031\n", "5:14", {"`31.12.2031`", "2031-12-31"}},
      {"no such day", rule + "    expires: 2031-02-29\n", "5:14", {"`2031-02-29`", "no date"}},
      {"reason a list", rule + "    reason: [a]\n", "5:13", {"`reason` must be text"}},
  })));
}

TEST_CASE("an unknown group names the ones there are", "[config]") {
  expect_error({"misspelt group",
                "version: 1\nclients: {mail: [192.0.2.0/24]}\nrules:\n"
                "  - {id: r, domains: [a.example], clients: [mial]}\n",
                "4:45",
                {"no group `mial`", "did you mean `mail`?", "the groups are: mail"}});
}

TEST_CASE("all mistakes are told in one go, in the file's order", "[config]") {
  const Folder folder;
  folder.write("l.txt", "a.example\nb..example\n");
  const LoadResult result = folder.load_policy("version: 3\n"
                                               "rules:\n"
                                               "  - id: a\n"
                                               "    domain: [x.example]\n"
                                               "    ttl: no\n"
                                               "  - id: b\n"
                                               "    list: {file: l.txt, format: domains}\n"
                                               "mode: off\n");
  const std::string all = texts(folder, result);
  INFO(all);
  // A rule without names is no mistake of its own where one of its keys is misspelled.
  REQUIRE(result.diagnostics.size() == 5);
  CHECK(result.diagnostics[0].line == 1);
  CHECK(result.diagnostics[1].line == 4);
  CHECK(result.diagnostics[2].line == 5);
  CHECK(result.diagnostics[3].line == 8);
  CHECK(to_text(result.diagnostics[4]).find("l.txt:2:1: error: ") != std::string::npos);
}

TEST_CASE("a message cannot carry control characters to the terminal", "[config]") {
  expect_error(
      {"escape sequence", head + "    domains: [\"\\e[2Ja.example\"]\n", "4:15", {"\\x1b[2J"}});
}

TEST_CASE("a policy file that cannot be read", "[config]") {
  const Folder folder;
  const auto message = [](const std::filesystem::path& file) {
    const LoadResult result = load(file, today);
    CHECK(result.config == nullptr);
    CHECK_FALSE(result.readable);
    REQUIRE(result.diagnostics.size() == 1);
    CHECK(result.diagnostics[0].line == 0);
    return to_text(result.diagnostics[0]);
  };
  CHECK(message(folder.path() / "no.yaml").find("no such file") != std::string::npos);
  CHECK(message(folder.path()).find("a folder") != std::string::npos);
  REQUIRE(mkfifo((folder.path() / "fifo").c_str(), 0600) == 0);
  CHECK(message(folder.path() / "fifo").find("FIFO") != std::string::npos);
  CHECK(message("/dev/null").find("device") != std::string::npos);
  const std::filesystem::path large = folder.write("large.yaml", "version: 1\n");
  std::filesystem::resize_file(large, PolicyFiles::most_octets + 1);
  CHECK(message(large).find("large.yaml: error: the policy cannot be read: it has 4294967297 "
                            "octets, and 4294967296 is the most") != std::string::npos);
}
