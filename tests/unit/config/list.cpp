// Lists of `format: domains` and `hosts`, and what all formats have in common.
#include "config/files.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"
#include "tests/unit/config/holds.hpp"

#include <string>

#include <sys/stat.h>
#include <unistd.h>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

const std::string policy = "version: 1\n"
                           "rules:\n"
                           "  - id: feed\n"
                           "    list: {file: l.txt, format: domains}\n";

// The one error of a policy with that list.
std::string list_error(const std::string& list) {
  const Folder folder;
  folder.write("l.txt", list);
  const LoadResult result = folder.load_policy(policy);
  CHECK(result.config == nullptr);
  CHECK(result.diagnostics.size() == 1);
  return texts(folder, result);
}

} // namespace

TEST_CASE("a list of domains is read as people write them", "[config]") {
  const Folder folder;
  folder.write("l.txt", "\xEF\xBB\xBF"
                        "# a comment\r\n"
                        "\r\n"
                        "Arrny.Example\r\n"
                        "  dot.example.  # why\n"
                        "\tb\xC3\xBC"
                        "cher.example\n"
                        "#x.example\n"
                        "a\\#b.example\n"
                        "last.example");
  const LoadResult result = folder.load_policy(policy);
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.config->policy.name_count() == 5);
  CHECK(ask(*result.config, "arrny.example").enforced);
  CHECK(ask(*result.config, "mx.arrny.example").enforced);
  CHECK_FALSE(ask(*result.config, "notarrny.example").enforced);
  CHECK(ask(*result.config, "dot.example").enforced);
  CHECK(ask(*result.config, "xn--bcher-kva.example").enforced);
  CHECK_FALSE(ask(*result.config, "bucher.example").enforced);
  CHECK(ask(*result.config, "a#b.example").enforced);
  CHECK(ask(*result.config, "last.example").enforced);
  CHECK_FALSE(ask(*result.config, "x.example").enforced);
  REQUIRE(result.config->files.size() == 2);
  CHECK(result.config->files[1].path == folder.path() / "l.txt");
}

TEST_CASE("a broken line of a list is named", "[config]") {
  holds(list_error("a.example\n\n  b..example\n"),
        "l.txt:3:3: error: `b..example` has an empty label");
  holds(list_error("..a.example\n"), "l.txt:1:1: error: `..a.example` starts with a dot; write "
                                     "`a.example`");
  holds(list_error("a.example\n*.*.a.example\n"),
        "l.txt:2:1: error: `*.*.a.example` has a `*` behind the first");
  holds(list_error("a.*.example\n"), "l.txt:1:1: error: `a.*.example` holds `*`");
  holds(list_error("*.com\n"), "l.txt:1:1: error: `com` is a public suffix");
  holds(list_error("*.\n"), "l.txt:1:1: error: `*.`");
  holds(list_error("a.example\ncom\n"), "l.txt:2:1: error: `com` is a public suffix");
  holds(list_error("a.example\n0.0.0.0 b.example\n"),
        "l.txt:2:1: error: `0.0.0.0 b.example` holds a space");
  holds(list_error("a.example ; why\n"), "l.txt:1:1: error: `a.example ; why` holds `;`");
  holds(list_error("; why\na.example\n"), "write `#` for one");
  holds(list_error("a.example\u00a0\n"), "holds a space or a control character");
  holds(list_error("a.example\nb.example#why\n"), "l.txt:2:1: error: `b.example#why` holds `#`");
  holds(list_error("a.example\n||b.example^\n"), "l.txt:2:1: error: `||b.example^` holds `|`");
  holds(list_error("a.example\n!b.example\n"), "l.txt:2:1: error: `!b.example` holds `!`");
  holds(list_error("a.example\n192.0.2.1\n"), "l.txt:2:1: error: `192.0.2.1` is an IP address");
  holds(list_error("a.example\nb@a.example\n").substr(0, 40), "l.txt:2:1: error: ");
  holds(list_error("ab\xFF.example\n"), "l.txt:1:1: error: `ab\\xff.example` is not UTF-8");
  holds(list_error(std::string("a\0b.example\n", 12)), "l.txt:1:1: error: ");
  holds(list_error(std::string(64, 'a') + ".example\n"), "l.txt:1:1: error: ");
  holds(list_error(""), "l.txt: error: the list holds no name");
  holds(list_error("# nothing\n"), "l.txt: error: the list holds no name");
}

TEST_CASE("a wildcard of a list is everything below the name, and a warning tells of the name",
          "[config]") {
  const Folder folder;
  folder.write("l.txt", "listed.example\n"
                        "  *.Wild.Example. # below\n"
                        "*.listed.example\n"
                        "*.before.example\n"
                        "before.example\n");
  const LoadResult result = folder.load_policy(policy);
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(ask(*result.config, "mx.wild.example").enforced);
  CHECK(ask(*result.config, "a.mx.wild.example").enforced);
  CHECK_FALSE(ask(*result.config, "wild.example").enforced);
  CHECK_FALSE(ask(*result.config, "notwild.example").enforced);
  CHECK(ask(*result.config, "listed.example").enforced);
  CHECK(ask(*result.config, "before.example").enforced);
  CHECK(ask(*result.config, "mx.before.example").enforced);
  holds(texts(folder, result), "l.txt:2:3: warning: 1 wildcard leaves the name itself open, as "
                               "`*.wild.example` does `wild.example`");

  folder.write("l.txt", "*.listed.example\nlisted.example\n");
  CHECK(texts(folder, folder.load_policy(policy)).find("wildcard") == std::string::npos);
}

TEST_CASE("a file that is broken all over does not fill the screen", "[config]") {
  std::string list;
  for (int i = 0; i < 1000; ++i) {
    list += "a.example b.example\n";
  }
  const Folder folder;
  folder.write("l.txt", list);
  const LoadResult result = folder.load_policy(policy);
  CHECK(result.config == nullptr);
  REQUIRE(result.diagnostics.size() == 21);
  for (std::size_t at = 0; at < 20; ++at) {
    CHECK(result.diagnostics[at].line == at + 1);
  }
  CHECK(result.diagnostics[20].line == 0);
  holds(result.diagnostics[20].message, "and 980 more broken lines; is this a list of");
  const auto last_of = [&](std::size_t broken_lines) {
    folder.write("l.txt", list.substr(0, broken_lines * list.find('\n') + broken_lines));
    return folder.load_policy(policy).diagnostics.back();
  };
  CHECK(last_of(20).line == 20);
  CHECK(last_of(21).message.starts_with("and 1 more broken line;"));
}

TEST_CASE("a file of another kind is told in one line, with the remedy", "[config]") {
  const std::string zone = "$TTL 60\n@ SOA localhost. h.localhost. 1 1 1 1 1\na.example CNAME .\n";
  const std::string hosts = "# a comment\n\n0.0.0.0 a.example b.example\n";
  const std::string names = "# a comment\na.example # why\nb.example\n";
  struct Case {
    std::string list, format, message;
  };
  const std::vector<Case> cases{
      {hosts, "domains", "l.txt:3:1: error: the list is a hosts file; write `format: hosts`"},
      {hosts, "rpz", "l.txt:3:1: error: the list is a hosts file"},
      {names, "hosts",
       "l.txt:2:1: error: the list is one of a name a line; write `format: domains`"},
      {names, "rpz", "l.txt:2:1: error: the list is one of a name a line"},
      {zone, "domains", "l.txt:1:1: error: the list is a zone file; write `format: rpz`"},
      {"; a zone\na.example IN CNAME .\n", "hosts", "l.txt:2:1: error: the list is a zone file"},
      {"\x1F\x8B\x08", "domains", "l.txt:1:1: error: the list is compressed"},
      {"\x1F\x8B\x08", "rpz", "the list is compressed"},
      {"BZh91AY&SY\n", "domains", "the list is compressed"},
      {"<!DOCTYPE html>\n", "domains", "l.txt:1:1: error: the list is an HTML"},
      {"||a.example^\n", "domains", "l.txt:1:1: error: the list is one of filters for browsers"},
      {"! Title\n||a.example^\n", "hosts", "one of filters for browsers"},
      {"address=/a.example/0.0.0.0\n", "domains",
       "a configuration of dnsmasq; write `format: dnsmasq`"},
      {"local-zone: \"a.example\" always_null\n", "domains", "a configuration of Unbound"},
  };
  const Folder folder;
  const auto load = [&](const Case& one, const std::string& more) {
    folder.write("l.txt", one.list);
    return folder.load_policy("version: 1\nrules:\n  - {id: feed, list: {file: l.txt, format: " +
                              one.format + more + "}}\n");
  };
  for (const Case& one : cases) {
    const LoadResult result = load(one, "");
    CHECK(result.config == nullptr);
    CHECK(result.diagnostics.size() == 1);
    holds(texts(folder, result), one.message);
    // Where broken lines are skipped, nothing would be left.
    const LoadResult skipped = load(one, ", strict: false");
    CHECK(skipped.config == nullptr);
    holds(texts(folder, skipped), one.message);
  }
  for (const auto& [list, format] : std::vector<std::pair<std::string, std::string>>{
           {names, "domains"},
           {hosts, "hosts"},
           {zone, "rpz"},
           {"BZhaus.example\n", "domains"},
           {"0.0.0.0 a.example IN b.example\n", "hosts"}}) {
    CHECK(load({list, format, ""}, "").config);
    CHECK(load({"\xEF\xBB\xBF" + list, format, ""}, "").config); // a byte order mark
  }
}

TEST_CASE("a list may hold a public suffix if the rule says so", "[config]") {
  const Folder folder;
  folder.write("l.txt", "ml\n");
  const LoadResult result = folder.load_policy(policy + "    public_suffix: true\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(ask(*result.config, "army.ml").enforced);
  CHECK_FALSE(ask(*result.config, "army.mil").enforced);
}

TEST_CASE("a list that cannot be used", "[config]") {
  const Folder folder;
  const auto message = [&](const std::string& file) {
    const LoadResult result = folder.load_policy(
        "version: 1\nrules:\n  - id: feed\n    list: {file: " + file + ", format: domains}\n");
    CHECK(result.config == nullptr);
    CHECK(result.readable);
    CHECK(result.diagnostics.size() == 1);
    std::string all = texts(folder, result);
    CHECK(all.starts_with("policy.yaml:4:18: error: the list "));
    return all;
  };
  holds(message("no.txt"), "no such file");
  holds(message("policy.yaml"), "this policy file");
  holds(message("."), "a folder");
  REQUIRE(mkfifo((folder.path() / "fifo").c_str(), 0600) == 0);
  holds(message("fifo"), "FIFO");
  holds(message("/dev/zero"), "device");
  std::filesystem::create_symlink("b", folder.path() / "a");
  std::filesystem::create_symlink("a", folder.path() / "b");
  holds(message("a"), "symbolic links");
  std::filesystem::create_symlink("policy.yaml", folder.path() / "same");
  holds(message("same"), "this policy file");
  const std::filesystem::path large = folder.write("large", "a.example\n");
  std::filesystem::resize_file(large, PolicyFiles::most_octets + 1); // holes, which take no room
  holds(message("large"), "large` cannot be used: it has 4294967297 octets, and 4294967296 is the "
                          "most; check the path");
  if (geteuid() != 0) { // root may read everything
    std::filesystem::permissions(folder.write("secret", "a.example\n"),
                                 std::filesystem::perms::none);
    holds(message("secret"), "may not read");
  }
}

TEST_CASE("a mistake in `list` itself", "[config]") {
  const Folder folder;
  folder.write("l.txt", "a.example\n");
  const auto message = [&](const std::string& list) {
    const LoadResult result =
        folder.load_policy("version: 1\nrules:\n  - id: feed\n    list: " + list + "\n");
    CHECK(result.config == nullptr);
    CHECK(result.diagnostics.size() == 1);
    return texts(folder, result);
  };
  holds(message("{file: l.txt, format: host}"),
        "policy.yaml:4:33: error: `host` is no value of `format`, did you mean `hosts`?");
  holds(message("{file: l.txt, format: csv}"), "write one of: domains, hosts, rpz");
  holds(message("{file: l.txt, format: domains, strict: maybe}"), "`strict` must be `true`");
  holds(message("{file: l.txt, format: domains, max_shrink: 101}"),
        "`max_shrink` must be a number");
  holds(message("{file: l.txt}"), "policy.yaml:4:11: error: `list` has no `format`");
  holds(message("{format: domains}"), "policy.yaml:4:11: error: `list` has no `file`");
  holds(message("l.txt"), "policy.yaml:4:11: error: `list` must be a map");
  holds(message("{file: l.txt, format: domains, url: x}"), "unknown key `url`");
}

TEST_CASE("a hosts file blocks the names it has, each alone", "[config]") {
  const Folder folder;
  folder.write("l.txt", "# a blocklist\r\n"
                        "127.0.0.1 localhost localhost.localdomain\n"
                        "255.255.255.255\tbroadcasthost\n"
                        "::1 localhost ip6-localhost # us\n"
                        "fe80::1%lo0 localhost\n"
                        "ff02::1 ip6-allnodes\n"
                        "0.0.0.0 0.0.0.0\n"
                        "0.0.0.0 Typo.Example  www.typo.example#why\n"
                        "  127.0.0.1\tloop.example localhost\n"
                        ":: six.example\n"
                        "::1 b\xC3\xBC"
                        "cher.example\n"
                        "0.0.0.0 com\n"
                        "0.0.0.0 last.example");
  const LoadResult result = folder.load_policy(
      "version: 1\nrules:\n  - {id: feed, list: {file: l.txt, format: hosts}}\n");
  INFO(texts(folder, result));
  REQUIRE(result.config);
  CHECK(result.diagnostics.empty());
  const Config& config = *result.config;
  CHECK(config.policy.name_count() == 7);
  for (const char* const name : {"typo.example", "www.typo.example", "loop.example", "six.example",
                                 "xn--bcher-kva.example", "com", "last.example"}) {
    INFO(name);
    CHECK(ask(config, name).enforced);
  }
  for (const char* const name : {"mx.typo.example", "example", "localhost", "broadcasthost",
                                 "a.com", "notlast.example", "ip6-allnodes"}) {
    INFO(name);
    CHECK_FALSE(ask(config, name).enforced);
  }
}

TEST_CASE("a broken line of a hosts file is named", "[config]") {
  const auto error = [](const std::string& list) {
    const Folder folder;
    folder.write("l.txt", list);
    const LoadResult result = folder.load_policy(
        "version: 1\nrules:\n  - {id: feed, list: {file: l.txt, format: hosts}}\n");
    CHECK(result.config == nullptr);
    CHECK(result.diagnostics.size() == 1);
    return texts(folder, result);
  };
  holds(error("0.0.0.0 a.example\n 192.0.2.1 b.example\n"),
        "l.txt:2:2: error: `192.0.2.1` is the address of a real host");
  holds(error("2001:db8::1 b.example\n"), "address of a real host");
  holds(error("0.0.0.0 a.example\nb.example\n"),
        "l.txt:2:1: error: `b.example` is no address; a line is");
  holds(error("; why\n0.0.0.0 a.example\n"), "l.txt:1:1: error: a `;` begins no comment here");
  holds(error("0.0.0.0\n"), "l.txt:1:1: error: there is no name behind the address");
  holds(error("0.0.0.0 a.example b..example\n"), "l.txt:1:19: error: `b..example` has an empty");
  holds(error("0.0.0.0 *.a.example\n"), "l.txt:1:9: error: `*.a.example` is a wildcard");
  holds(error("0.0.0.0 192.0.2.7\n"), "l.txt:1:9: error: `192.0.2.7` is an IP address");
  holds(error("127.0.0.1 localhost\n"), "l.txt: error: the list holds no name");
}

TEST_CASE("strict: false skips broken lines and counts them", "[config]") {
  const Folder folder;
  const auto lenient = [&](const std::string& list) {
    folder.write("l.txt", list);
    return folder.load_policy("version: 1\nrules:\n  - id: feed\n    list: {file: l.txt, format: "
                              "domains, strict: false}\n");
  };
  const LoadResult result =
      lenient("a.example\n  b..example\nc.example\ncom\n192.0.2.1\nx@d.example\n");
  REQUIRE(result.config);
  CHECK(ask(*result.config, "a.example").enforced);
  CHECK(ask(*result.config, "c.example").enforced);
  CHECK_FALSE(ask(*result.config, "d.example").enforced);
  CHECK(result.diagnostics.size() == 1);
  const std::string all = texts(folder, result);
  holds(all, "l.txt:2:3: warning: 4 broken lines skipped, as `strict: false` says: line 2: "
             "`b..example` has an empty label");
  holds(all, "line 4: `com` is a public suffix");
  holds(all, "; ...");
  CHECK(all.find("x@d.example") == std::string::npos); // the first three are enough
  holds(texts(folder, lenient("a.example\nb..example\n")), "1 broken line skipped");
  CHECK(lenient("a.example\n").diagnostics.empty());
  const LoadResult none = lenient("b..example\n");
  CHECK(none.config == nullptr);
  holds(texts(folder, none), "l.txt: error: the list holds no name");
  // The file itself must be there all the same.
  std::filesystem::remove(folder.path() / "l.txt");
  CHECK(folder
            .load_policy("version: 1\nrules:\n  - id: feed\n    list: {file: l.txt, format: "
                         "domains, strict: false}\n")
            .config == nullptr);
}

TEST_CASE("duplicates of a list are counted", "[config]") {
  const Folder folder;
  folder.write("l.txt", "a.example\nb.example\nA.example.\na.example\nx.b.example\n");
  folder.write("m.txt", "a.example\n");
  const LoadResult result =
      folder.load_policy(policy + "  - {id: other, list: {file: m.txt, format: "
                                  "domains}}\n");
  REQUIRE(result.config);
  CHECK(texts(folder, result) == "l.txt: note: 2 duplicate names of 5\n");
  CHECK(result.config->policy.name_count() == 3);
  folder.write("l.txt", "a.example\nb.example\nx.a.example\n");
  CHECK(folder.load_policy(policy).diagnostics.empty());
}

TEST_CASE("a list that shrank is refused", "[config]") {
  const Folder folder;
  const auto write = [&](int names) {
    std::string list;
    for (int i = 0; i < names; ++i) {
      list += "n" + std::to_string(i) + ".example\n";
    }
    folder.write("l.txt", list);
  };
  const auto again = [&](const Config* previous, const std::string& more = "") {
    return load(folder.write("policy.yaml", "version: 1\nrules:\n  - id: feed\n    list: {file: "
                                            "l.txt, format: domains" +
                                                more + "}\n"),
                today, previous);
  };
  write(100);
  const LoadResult first = again(nullptr);
  REQUIRE(first.config);
  const Config* const previous = first.config.get();
  write(50);
  CHECK(again(previous).config);
  write(49);
  CHECK(again(nullptr).config); // nothing to compare with
  const LoadResult refused = again(previous);
  CHECK(refused.config == nullptr);
  const std::string all = texts(folder, refused);
  holds(all, "policy.yaml:4:18: error: the list ");
  holds(all, "has 49 names, and 100 in the policy that is in force: more than 50 % are gone");
  CHECK(again(previous, ", max_shrink: 51").config);
  CHECK(again(previous, ", max_shrink: 100").config);
  write(99);
  CHECK(again(previous).config);
  CHECK(again(previous, ", max_shrink: 0").config == nullptr);
  CHECK(again(previous, ", max_shrink: 1").config);
  write(1000);
  CHECK(again(previous, ", max_shrink: 0").config); // growing is fine
  // Another file has no past.
  std::filesystem::rename(folder.path() / "l.txt", folder.path() / "m.txt");
  write(1);
  CHECK(again(previous).config == nullptr);
  folder.write("m.txt", "a.example\n");
  CHECK(load(folder.write("policy.yaml", "version: 1\nrules:\n  - id: feed\n    list: {file: "
                                         "m.txt, format: domains}\n"),
             today, previous)
            .config);
}

TEST_CASE("a list of a million names loads", "[config]") {
  const Folder folder;
  std::string list;
  for (int i = 0; i < 1'000'000; ++i) {
    list += "typo" + std::to_string(i) + ".example\n";
  }
  folder.write("l.txt", list);
  const LoadResult result = folder.load_policy(policy);
  REQUIRE(result.config);
  CHECK(result.config->policy.name_count() == 1'000'000);
  CHECK(ask(*result.config, "typo999999.example").enforced);
  CHECK_FALSE(ask(*result.config, "typo1000000.example").enforced);
}
