// Lists of `format: domains`.
#include "tests/catch.hpp"
#include "tests/unit/config_folder.hpp"

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

bool holds(const std::string& text, const std::string& part) {
  INFO(text);
  INFO(part);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
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
                        "a#b.example\n"
                        "last.example");
  const LoadResult result = folder.load_policy(policy);
  INFO(texts(folder, result));
  // `#` inside a name is an octet of it, not a comment.
  REQUIRE(result.config);
  CHECK(result.config->policy.name_count() == 5);
  CHECK(ask(*result.config, "arrny.example").enforced);
  CHECK(ask(*result.config, "mx.arrny.example").enforced);
  CHECK_FALSE(ask(*result.config, "notarrny.example").enforced);
  CHECK(ask(*result.config, "dot.example").enforced);
  CHECK(ask(*result.config, "xn--bcher-kva.example").enforced);
  CHECK_FALSE(ask(*result.config, "bucher.example").enforced);
  CHECK(ask(*result.config, "last.example").enforced);
  CHECK_FALSE(ask(*result.config, "x.example").enforced);
  REQUIRE(result.config->files.size() == 2);
  CHECK(result.config->files[1] == folder.path() / "l.txt");
}

TEST_CASE("a broken line of a list is named", "[config]") {
  holds(list_error("a.example\n\n  b..example\n"),
        "l.txt:3:3: error: `b..example` has an empty label");
  holds(list_error("*.a.example\n"),
        "l.txt:1:1: error: `*.a.example` is a wildcard; write `a.example`");
  holds(list_error("a.example\ncom\n"), "l.txt:2:1: error: `com` is a public suffix");
  holds(list_error("0.0.0.0 a.example\n"), "l.txt:1:1: error: `0.0.0.0 a.example` holds a space");
  holds(list_error("a.example\n192.0.2.1\n"), "l.txt:2:1: error: `192.0.2.1` is an IP address");
  holds(list_error("||a.example^\nb@a.example\n").substr(0, 40), "l.txt:2:1: error: ");
  holds(list_error("ab\xFF.example\n"), "l.txt:1:1: error: `ab\\xff.example` is not UTF-8");
  holds(list_error(std::string("a\0b.example\n", 12)), "l.txt:1:1: error: ");
  holds(list_error(std::string(64, 'a') + ".example\n"), "l.txt:1:1: error: ");
  holds(list_error(""), "l.txt: error: the list holds no name");
  holds(list_error("# nothing\n"), "l.txt: error: the list holds no name");
}

TEST_CASE("a file of another format does not fill the screen", "[config]") {
  std::string list;
  for (int i = 0; i < 1000; ++i) {
    list += "0.0.0.0 a.example\n";
  }
  const Folder folder;
  folder.write("l.txt", list);
  const LoadResult result = folder.load_policy(policy);
  CHECK(result.config == nullptr);
  CHECK(result.diagnostics.size() == 21);
  holds(texts(folder, result), "and 980 more broken lines");
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
  holds(message("{file: l.txt, format: rpz}"),
        "policy.yaml:4:33: error: `rpz` is no value of `format`");
  holds(message("{file: l.txt, format: hosts}"), "write `domains`");
  holds(message("{file: l.txt}"), "policy.yaml:4:11: error: `list` has no `format`");
  holds(message("{format: domains}"), "policy.yaml:4:11: error: `list` has no `file`");
  holds(message("l.txt"), "policy.yaml:4:11: error: `list` must be a map");
  holds(message("{file: l.txt, format: domains, url: x}"), "unknown key `url`");
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
