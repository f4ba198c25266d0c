// Lists that are empty, missing or old: what the policy says of them.
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"
#include "tests/unit/config/holds.hpp"

#include <filesystem>

using namespace nearmiss;
using namespace nearmiss::test;
using namespace std::chrono_literals;

namespace {

const std::string soa = "@ SOA localhost. hostmaster.localhost. 7 3600 600 86400 60\n";
const std::string other_kinds = soa + "32.1.2.0.192.rpz-ip CNAME .\n";

std::string policy_with(const std::string& format, const std::string& list_keys) {
  return "version: 1\nrules:\n  - id: feed\n    list: {file: l.txt, format: " + format + list_keys +
         "}\n  - {id: own, domains: [own.example]}\n";
}

LoadResult load_for(const Folder& folder, const std::string& policy, const Config* previous,
                    LoadFor purpose) {
  return load(folder.write("policy.yaml", policy), today, previous, purpose);
}

bool is_blocked(const LoadResult& result, const char* name) {
  return ask(*result.config, name).enforced;
}

} // namespace

TEST_CASE("an empty list is refused unless the policy allows it", "[config]") {
  const Folder folder;
  for (const auto& [format, content] : {std::pair<std::string, std::string>{"rpz", other_kinds},
                                        {"rpz", soa},
                                        {"domains", "# nothing today\n"},
                                        {"hosts", "127.0.0.1 localhost\n"},
                                        {"adblock", "! nothing\n"},
                                        {"dnsmasq", "# nothing\n"}}) {
    INFO(content);
    folder.write("l.txt", content);
    const LoadResult refused = folder.load_policy(policy_with(format, ""));
    CHECK_FALSE(refused.config);
    holds(texts(folder, refused), "if the list may be empty, write `empty: allowed` in `list`");
    const LoadResult taken = folder.load_policy(policy_with(format, ", empty: allowed"));
    INFO(texts(folder, taken));
    REQUIRE(taken.config);
    CHECK(taken.config->lists.at(0).names == 0);
    CHECK(is_blocked(taken, "own.example"));
    holds(texts(folder, taken), "note: the list holds no name, as `empty: allowed` lets it");
  }
  // A file cut to nothing is no zone, and a file of broken lines is not empty.
  folder.write("l.txt", "");
  CHECK_FALSE(folder.load_policy(policy_with("rpz", ", empty: allowed")).config);
  folder.write("l.txt", soa + "a..example CNAME .\n");
  const LoadResult broken =
      folder.load_policy(policy_with("rpz", ", empty: allowed, strict: false"));
  CHECK_FALSE(broken.config);
  holds(texts(folder, broken), "the list holds no name that could be used");
}

TEST_CASE("a list that is emptied loses all of its names where the policy allows it", "[config]") {
  const Folder folder;
  const std::string full = soa + "a.example CNAME .\nb.example CNAME .\nc.example CNAME .\n";
  const std::string policy = policy_with("rpz", ", empty: allowed");
  folder.write("l.txt", full);
  const LoadResult before = folder.load_policy(policy);
  REQUIRE(before.config);
  CHECK(is_blocked(before, "a.example"));
  folder.write("l.txt", soa);
  const LoadResult emptied = load_for(folder, policy, before.config.get(), LoadFor::check);
  INFO(texts(folder, emptied));
  REQUIRE(emptied.config);
  CHECK_FALSE(is_blocked(emptied, "a.example"));
  // But not most of them: that is a file cut short.
  folder.write("l.txt", soa + "a.example CNAME .\n");
  const LoadResult cut = load_for(folder, policy, before.config.get(), LoadFor::check);
  CHECK_FALSE(cut.config);
  holds(texts(folder, cut), "more than 50 % are gone");
}

TEST_CASE("a list that cannot be had at the start ends no resolver that can do without",
          "[config]") {
  const Folder folder;
  struct Fault {
    const char* list; // null: there is no file
    const char* says;
    std::size_t names; // that can be read
  };
  for (const Fault& fault :
       {Fault{nullptr, "no such file", 0}, Fault{"", "the list holds no name", 0},
        Fault{"<html>\n", "an HTML or XML page", 0},
        Fault{"a.example\nb..example\nc.example\n", "an empty label", 2}}) {
    INFO(fault.says);
    std::filesystem::remove(folder.path() / "l.txt");
    if (fault.list != nullptr) {
      folder.write("l.txt", fault.list);
    }
    const std::string usual = policy_with("domains", "");
    CHECK_FALSE(load_for(folder, usual, nullptr, LoadFor::check).config);
    const LoadResult started = load_for(folder, usual, nullptr, LoadFor::start);
    const std::string all = texts(folder, started);
    INFO(all);
    REQUIRE(started.config);
    CHECK(is_blocked(started, "own.example"));
    CHECK(is_blocked(started, "a.example") == (fault.names > 0));
    CHECK(is_blocked(started, "c.example") == (fault.names > 0));
    holds(all, ": error: ");
    holds(all, fault.says);
    holds(all, "of the rule `feed` is in force with " + std::to_string(fault.names) + " name");
    REQUIRE(started.config->lists.size() == 1);
    const LoadedList& list = started.config->lists[0];
    holds(list.problem, fault.says);
    CHECK(list.names == fault.names);
    CHECK(list.rule == "feed");

    const LoadResult required =
        load_for(folder, policy_with("domains", ", required: true"), nullptr, LoadFor::start);
    CHECK_FALSE(required.config);
    // Other changes get in while it stays so; and then the list does.
    const LoadResult changed = load_for(folder, usual + "  - {id: more, domains: [more.example]}\n",
                                        started.config.get(), LoadFor::check);
    INFO(texts(folder, changed));
    REQUIRE(changed.config);
    CHECK(is_blocked(changed, "more.example"));
    holds(changed.config->lists.at(0).problem, fault.says);
    folder.write("l.txt", "a.example\n");
    const LoadResult right = load_for(folder, usual, changed.config.get(), LoadFor::check);
    REQUIRE(right.config);
    CHECK(right.config->lists.at(0).problem.empty());
    CHECK(is_blocked(right, "a.example"));
    // What was right once stays: it is not given up for a file that is gone.
    std::filesystem::remove(folder.path() / "l.txt");
    CHECK_FALSE(load_for(folder, usual, right.config.get(), LoadFor::check).config);
    CHECK_FALSE(load_for(folder, usual, right.config.get(), LoadFor::start).config);
  }
}

TEST_CASE("mistakes of the policy itself refuse it at the start too", "[config]") {
  const Folder folder;
  folder.write("l.txt", "a.example\n");
  for (const char* const keys : {", strict: perhaps", ", wildcards: x", ", colour: red",
                                 ", stale_after: soon", ", zone: rpz.feed"}) {
    INFO(keys);
    CHECK_FALSE(load_for(folder, policy_with("domains", keys), nullptr, LoadFor::start).config);
  }
}

TEST_CASE("a list is stale after its SOA's expire, or what the policy says", "[config]") {
  const Folder folder;
  const auto with_age = [&](const std::string& format, const std::string& list_keys,
                            std::chrono::seconds age) {
    const auto file =
        folder.write("l.txt", format == "rpz" ? soa + "a.example CNAME .\n" : "a.example\n");
    std::filesystem::last_write_time(file, std::filesystem::file_time_type::clock::now() - age);
    const LoadResult result = folder.load_policy(policy_with(format, list_keys));
    REQUIRE(result.config);
    CHECK(is_blocked(result, "a.example"));
    const LoadedList& list = result.config->lists.at(0);
    const bool stale = list.stale_from && *list.stale_from <= list.read;
    CHECK(stale == (texts(folder, result).find("the list is stale") != std::string::npos));
    return stale;
  };
  CHECK(with_age("rpz", "", 86400s + 60s)); // the expire of its SOA
  CHECK_FALSE(with_age("rpz", "", 86400s - 60s));
  CHECK_FALSE(with_age("rpz", ", stale_after: never", 864000s));
  CHECK(with_age("rpz", ", stale_after: 2h", 7260s));
  CHECK_FALSE(with_age("rpz", ", stale_after: 7d", 6 * 86400s));
  CHECK_FALSE(with_age("domains", "", 864000s));
  CHECK(with_age("domains", ", stale_after: 7d", 8 * 86400s));
}

TEST_CASE("`action` says which word stands for another resolver's", "[config]") {
  const Folder folder;
  for (const auto& [word, remedy] :
       {std::pair<std::string, std::string>{"given", "leave `action` out"},
        {"passthru", "write `allow`"},
        {"disabled", "write `observe`"},
        {"cname", "write `sinkhole`"}}) {
    INFO(word);
    const LoadResult result = folder.load_policy(
        "version: 1\nrules:\n  - {id: a, domains: [a.example], action: " + word + "}\n");
    CHECK_FALSE(result.config);
    holds(texts(folder, result), remedy);
  }
}
