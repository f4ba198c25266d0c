// `nearmiss tail`: the last events, and those to come, across a rotation.
#include "contrib/logs/follow.hpp"
#include "tests/paths.hpp"
#include "tests/unit/cli/log_lines.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <algorithm>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace nearmiss::test;

namespace {

using Lines = std::vector<std::string>;

void append(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::app) << text;
}

// The command while it runs; what it prints is read a line at a time.
class Running {
 public:
  explicit Running(const std::string& log) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      execl(NEARMISS_CLI, "nearmiss", "tail", log.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Running() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    fclose(output_);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  // Waits for it.
  std::string line() {
    std::string text;
    for (int c = fgetc(output_); c != '\n' && c != EOF; c = fgetc(output_)) {
      text += static_cast<char>(c);
    }
    return text;
  }

 private:
  pid_t pid_;
  FILE* output_;
};

} // namespace

TEST_CASE("tail: the last events, a readable line each", "[cli][tail]") {
  const Folder folder;
  std::string text = notice(0, "policy-loaded", 1) + '\n';
  for (int i = 1; i <= 20; ++i) {
    text += lookup({.second = i, .client = "192.0.2." + std::to_string(i)}) + '\n';
  }
  text += "{broken\n" +
          lookup({.second = 30, .qname = "armi.mil", .action = "observe", .rule = "watch"}) + '\n' +
          lookup({.second = 31, .client = "2001:db8::1", .qname = "mail.navy.ml"});
  const std::string log = folder.write("e.jsonl", text + '\n');
  const std::string tail = "tail --no-follow ";
  const Run run = nearmiss_cli(tail + "-n 2 " + log + " 2>&1");
  CHECK(run.exit_code == 0);
  holds(run, "1 damaged line left out\n");
  holds(run, "2026-11-23 12:00:30  observe     192.0.2.25       armi.mil MX  meant army.mil "
             "(tld-swap)  watch\n");
  lacks(run, "12:00:20");
  lacks(run, "\x1b");
  holds(nearmiss_cli(tail + "-n 100 " + log + " 2>/dev/null"),
        "policy-loaded  about policy-loaded");

  const auto count = [&](const std::string& options) {
    const Run filtered = nearmiss_cli(tail + "-n 100 " + options + ' ' + log + " 2>/dev/null");
    CHECK(filtered.exit_code == 0);
    return std::count(filtered.output.begin(), filtered.output.end(), '\n');
  };
  CHECK(count("--client 192.0.2.0/28") == 15);
  CHECK(count("--client 192.0.2.7 --client 2001:db8::/32") == 2);
  CHECK(count("--rule watch") == 1);
  CHECK(count("--rule watc") == 0);
  CHECK(count("--domain navy.ml") == 1);
  CHECK(count("--domain avy.ml") == 0);
  CHECK(count("--domain mil") == 22); // asked for, or meant
  CHECK(count("--domain ml --client 192.0.2.1") == 1);

  const Run json = nearmiss_cli(tail + "--json -n 1 " + log + " 2>/dev/null");
  CHECK(json.output ==
        lookup({.second = 31, .client = "2001:db8::1", .qname = "mail.navy.ml"}) + '\n');
  holds(nearmiss_cli(tail + "--color always -n 1 " + log + " 2>/dev/null"),
        "\x1b[32mnxdomain  \x1b[0m");
  // The colour is that of the outcome: what the report calls let through is red here too.
  const std::string actions =
      folder.write("a.jsonl", lookup({.action = "drop"}) + '\n' + lookup({.action = "tcp-only"}) +
                                  '\n' + lookup({.action = "local-data"}) + '\n' +
                                  lookup({.action = "observe"}) + '\n');
  const Run coloured = nearmiss_cli(tail + "--color always " + actions);
  for (const char* const part :
       {"\x1b[33mdrop", "\x1b[1;31mtcp-only", "\x1b[36mlocal-data", "\x1b[1;31mobserve"}) {
    holds(coloured, part);
  }
  const Run folder_itself = nearmiss_cli(tail + folder.path().native() + " 2>&1");
  CHECK(folder_itself.exit_code == 2);
  holds(folder_itself, "it is a directory; name the log file in it");
  CHECK(nearmiss_cli(tail + "--client 192.0.2.300 " + log + " 2>&1").exit_code == 2);
  CHECK(nearmiss_cli(tail + "/nonexistent 2>&1").exit_code == 2);
}

TEST_CASE("tail: a compressed log is told, and nothing else", "[cli][tail]") {
  const Folder folder;
  const std::string log = folder.write("e.jsonl", lookup({}) + '\n');
  REQUIRE(std::system(("gzip -k " + log).c_str()) == 0);
  const Run run = nearmiss_cli("tail --no-follow " + log + ".gz 2>&1");
  CHECK(run.exit_code == 2);
  holds(run, "it is compressed");
  holds(run, "nearmiss report");
  lacks(run, "damaged");
  CHECK(nearmiss_cli("tail --no-follow " + log).exit_code == 0);
}

TEST_CASE("tail: follows the log across each kind of rotation", "[tail]") {
  const Folder folder;
  const std::filesystem::path log = folder.write("e.jsonl", "one\ntwo\nthr");
  nearmiss::logs::Follow follow(log);
  CHECK(follow.tail(1000) == Lines{"one", "two"});
  CHECK(follow.more().empty());
  append(log, "ee\nfour\n");
  CHECK(follow.more() == Lines{"three", "four"});

  // Renamed; the writer goes on in the old file until it has made the new one.
  const std::filesystem::path old = folder.path() / "e.jsonl.1";
  std::filesystem::rename(log, old);
  append(old, "five\n");
  CHECK(follow.more() == Lines{"five"});
  append(old, "six\n");
  append(log, "seven\n");
  CHECK(follow.more() == Lines{"six", "seven"});

  // copytruncate
  std::filesystem::resize_file(log, 0);
  CHECK(follow.more().empty());
  append(log, "x\n");
  CHECK(follow.more() == Lines{"x"});
  CHECK(follow.lost_lines()); // no copy was made
  CHECK_FALSE(follow.lost_lines());

  const std::filesystem::path longer = folder.write("long", "cut off\nlast\n");
  nearmiss::logs::Follow end(longer);
  CHECK(end.tail(7) == Lines{"last"});
}

TEST_CASE("tail: copytruncate loses nothing that is in the copy", "[tail]") {
  const Folder folder;
  const std::filesystem::path log = folder.write("e.jsonl", "one\n");
  const std::filesystem::path copy = folder.path() / "e.jsonl.1";
  folder.write("e.jsonl.2", "uno\nold\n"); // an older one, of other lines
  nearmiss::logs::Follow follow(log);
  CHECK(follow.tail(1000) == Lines{"one"});
  const auto rotate = [&] {
    std::filesystem::copy_file(log, copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(log, 0);
  };
  append(log, "two\n");
  rotate();
  CHECK(follow.more() == Lines{"two"});
  // Grown past the old place before it is looked at.
  append(log, "three\n");
  CHECK(follow.more() == Lines{"three"});
  append(log, "four\n");
  rotate();
  append(log, "five, and much longer than all before it\n");
  CHECK(follow.more() == Lines{"four", "five, and much longer than all before it"});
  // Half a line was written.
  append(log, "si");
  CHECK(follow.more().empty());
  append(log, "x");
  rotate();
  append(log, "ty\n");
  CHECK(follow.more() == Lines{"sixty"});
  // Compressed at once.
  append(log, "seven\n");
  rotate();
  REQUIRE(std::system(("gzip -f " + copy.native()).c_str()) == 0);
  CHECK(follow.more() == Lines{"seven"});
  CHECK_FALSE(follow.lost_lines());
}

TEST_CASE("tail: shows what comes while it runs", "[cli][tail]") {
  const Folder folder;
  const std::filesystem::path log = folder.write("e.jsonl", lookup({.second = 1}) + '\n');
  Running tail(log);
  CHECK(tail.line().starts_with("2026-11-23 12:00:01"));
  append(log, lookup({.second = 2}) + '\n');
  CHECK(tail.line().starts_with("2026-11-23 12:00:02"));
  std::filesystem::rename(log, folder.path() / "e.jsonl.1");
  append(log, lookup({.second = 3}) + '\n');
  CHECK(tail.line().starts_with("2026-11-23 12:00:03"));
}

TEST_CASE("tail: ends without a word when nobody reads on", "[cli][tail]") {
  const Folder folder;
  const std::string log = folder.write("e.jsonl", lookup({.second = 1}) + '\n');
  // Nothing is appended, so it is not a signal for writing that ends it.
  const std::string command = std::string("(") + NEARMISS_CLI + " tail " + log +
                              " 2>&1 >&3; echo ended >&2) 3>&1 2>" + folder.path().native() +
                              "/told | head -n 1";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 256> line{};
  CHECK(fgets(line.data(), static_cast<int>(line.size()), pipe) != nullptr);
  CHECK(pclose(pipe) == 0); // waits for both
  std::ifstream told(folder.path() / "told");
  const std::string all{std::istreambuf_iterator<char>(told), {}};
  CHECK(all == "ended\n");
}
