// The events in other people's programs: rsyslog that forwards to a second rsyslog that reads the
// JSON, the journal, logrotate. Each where it is there: contrib/install-packages.sh pipeline.
#include "tests/catch.hpp"

#include "tests/e2e/address.hpp"
#include "tests/e2e/world.hpp"
#include "tests/paths.hpp"

#include <csignal>
#include <set>
#include <sstream>

using namespace e2e;
using nlohmann::json;

namespace {

constexpr auto npos = std::string::npos;

// A file of a package that was unpacked; empty: it was not, and the test says so.
std::filesystem::path unpacked(const std::string& path) {
  const std::filesystem::path file = std::filesystem::path(NEARMISS_PACKAGES) / path;
  return std::filesystem::exists(file) ? file : std::filesystem::path();
}

std::string with_log(const std::string& log) {
  std::string policy = usual_policy;
  return policy.replace(policy.find("log: {"), std::string::npos, log);
}

std::vector<json> lines_of(const std::filesystem::path& file) {
  std::vector<json> lines;
  std::istringstream text(read_file(file));
  for (std::string line; std::getline(text, line);) {
    lines.push_back(json::parse(line));
  }
  return lines;
}

std::unique_ptr<Process> start_rsyslog(const std::filesystem::path& program,
                                       const std::filesystem::path& folder, const std::string& name,
                                       const std::string& configuration) {
  std::filesystem::path modules;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(unpacked("rsyslog/usr/lib"))) {
    if (entry.path().filename() == "imtcp.so") {
      modules = entry.path().parent_path();
    }
  }
  const auto file = folder / (name + ".conf");
  write_file(file, "global(workDirectory=\"" + folder.string() + "\")\n" + configuration);
  return std::make_unique<Process>(std::vector<std::string>{program, "-n", "-f", file, "-i",
                                                            folder / (name + ".pid"), "-M",
                                                            modules},
                                   folder / (name + ".log"));
}

std::string tcp_input(const std::string& address) {
  return "module(load=\"imtcp\")\ninput(type=\"imtcp\" port=\"6514\" address=\"" + address +
         "\")\n";
}

// An rsyslog that reads the JSON of what comes and writes it into `output`.
std::string reads_json(const std::string& address, const std::filesystem::path& output) {
  return tcp_input(address) +
         "module(load=\"mmjsonparse\")\n"
         "template(name=\"json\" type=\"string\" string=\"%$!%\\n\")\n"
         "action(type=\"mmjsonparse\" cookie=\"\")\n"
         "if $parsesuccess == \"OK\" and $programname == \"nearmiss\" then "
         "action(type=\"omfile\" template=\"json\" file=\"" +
         output.string() + "\")\n";
}

// A journald of the test's own, in private mount namespaces: it and what runs inside() see a folder
// of the test's as /run; it alone another as /etc, since a machine without systemd has no
// /etc/machine-id; and what runs inside() another as /dev, where /dev/log leads to it.
class Journal {
 public:
  static bool is_there() { return !daemon().empty(); }
  Journal() {
    std::filesystem::create_directories(folder("run"));
    std::filesystem::create_directories(folder("etc"));
    std::filesystem::create_directories(folder("dev"));
    write_file(folder("etc") / "machine-id", "0123456789abcdef0123456789abcdef\n");
    for (const char* device : {"null", "random", "urandom", "zero"}) {
      write_file(folder("dev") / device, "");
    }
    std::filesystem::create_symlink("/run/systemd/journal/dev-log", folder("dev") / "log");
    journald_ = std::make_unique<Process>(seeing("mount --bind \"$0/etc\" /etc", {daemon()}),
                                          folder("journald.log"));
    const auto listens = [&] {
      return std::filesystem::exists(folder("run") / "systemd/journal/socket") &&
             std::filesystem::exists(folder("run") / "systemd/journal/dev-log");
    };
    INFO(journald_->log());
    REQUIRE(wait_until([&] { return listens() || !journald_->alive(); }));
    REQUIRE(listens());
  }
  // A command to put in front of another.
  std::vector<std::string> inside() const {
    return seeing("for device in null random urandom zero; do "
                  "mount --bind \"/dev/$device\" \"$0/dev/$device\"; done; "
                  "mount --rbind \"$0/dev\" /dev",
                  {});
  }
  // As journalctl finds them, in order.
  std::vector<json> entries(const std::vector<std::string>& matches) const {
    std::vector<std::string> search{
        of_systemd("bin/journalctl"),  "--quiet", "--no-pager", "--directory",
        folder("run") / "log/journal", "-o",      "json"};
    search.insert(search.end(), matches.begin(), matches.end());
    std::vector<json> found;
    const auto journalctl = run(search);
    INFO(journalctl.output);
    REQUIRE(journalctl.exit_code == 0);
    std::istringstream lines(journalctl.output);
    for (std::string line; std::getline(lines, line);) {
      found.push_back(json::parse(line));
    }
    return found;
  }

 private:
  static std::filesystem::path of_systemd(const std::string& file) {
    const auto path = unpacked("systemd/usr/" + file); // since Debian 13
    return path.empty() ? unpacked("systemd/" + file) : path;
  }
  static std::filesystem::path daemon() { return of_systemd("lib/systemd/systemd-journald"); }

  std::filesystem::path folder(const std::string& name) const { return folder_.path() / name; }
  std::vector<std::string> seeing(const std::string& mounts,
                                  const std::vector<std::string>& argv) const {
    std::vector<std::string> command{"unshare",
                                     "--mount",
                                     "sh",
                                     "-ec",
                                     "mount --bind \"$0/run\" /run; " + mounts + "; exec \"$@\"",
                                     folder_.path()};
    command.insert(command.end(), argv.begin(), argv.end());
    return command;
  }

  ScratchFolder folder_;
  std::unique_ptr<Process> journald_;
};

} // namespace

TEST_CASE("through rsyslog to a second rsyslog that reads the JSON", "[rsyslog]") {
  const auto program = unpacked("rsyslog/usr/sbin/rsyslogd");
  if (program.empty()) {
    LEAVE_OUT("rsyslog is not unpacked (contrib/install-packages.sh pipeline)");
  }
  const ScratchFolder folder;
  const std::string network = claim_network(55);
  const auto output = folder.path() / "received.jsonl";
  const auto far = start_rsyslog(program, folder.path(), "far", reads_json(network + "2", output));
  const auto near = start_rsyslog(program, folder.path(), "near",
                                  tcp_input(network + "1") +
                                      "action(type=\"omfwd\" port=\"6514\" target=\"" + network +
                                      "2\" protocol=\"tcp\" TCP_Framing=\"octet-counted\" "
                                      "template=\"RSYSLOG_SyslogProtocol23Format\")\n");
  World world({.policy = with_log("log:\n  - file: events.jsonl\n  - syslog: {tcp: \"" + network +
                                  "1:6514\"}\n")});
  world.expect_blocked(mail, "US.army.ml", MX);
  world.resolver.answer(mail, R"(x\"}\010{\"a.ml)", A);
  world.expect_blocked(other_mail, "navy.ml", AAAA);
  const auto received = [&] { return lines_of(output).size(); };
  INFO(far->log() << near->log() << read_file(output) << world.resolver.log());
  REQUIRE(wait_until([&] { return received() >= 5; }));
  // Every event arrived, in order, each field as it stands in the file.
  const std::vector<json> sent = world.resolver.events().all();
  const std::vector<json> arrived = lines_of(output);
  REQUIRE(arrived.size() == sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    CHECK(arrived[i] == sent[i]);
  }
}

TEST_CASE("an rsyslog that is killed and comes back has every event", "[rsyslog]") {
  const auto program = unpacked("rsyslog/usr/sbin/rsyslogd");
  if (program.empty()) {
    LEAVE_OUT("rsyslog is not unpacked (contrib/install-packages.sh pipeline)");
  }
  const ScratchFolder folder;
  const std::string network = claim_network(55);
  const auto output = folder.path() / "received.jsonl";
  const auto start = [&] {
    return start_rsyslog(program, folder.path(), "far", reads_json(network + "2", output));
  };
  auto rsyslog = start();
  World world({.policy = with_log("log: {syslog: {tcp: \"" + network + "2:6514\"}}\n")});
  std::set<std::uint64_t> received;
  const auto wait_for = [&](std::size_t count) {
    INFO(rsyslog->log() << world.resolver.log());
    REQUIRE(wait_until([&] {
      received.clear();
      for (const json& event : lines_of(output)) {
        received.insert(Events::field(event, "event.sequence").get<std::uint64_t>());
      }
      return received.size() >= count;
    }));
  };
  world.expect_blocked(mail, "army.ml", MX);
  wait_for(3);
  rsyslog->send(SIGKILL);
  REQUIRE(wait_until([&] { return !rsyslog->alive(); }));
  for (const char* name : {"navy.ml", "us.army.ml", "af.ml"}) {
    world.expect_blocked(mail, name, MX);
  }
  REQUIRE(wait_until([&] { return world.resolver.log().find("their events wait") != npos; }));
  rsyslog = start();
  wait_for(6);
  CHECK(*received.begin() == 1);
  CHECK(*received.rbegin() == 6);
  CHECK(wait_until([&] { return world.resolver.log().find("0 events were lost") != npos; }));
}

TEST_CASE("logrotate rotates the log under way, and no event is lost", "[logrotate]") {
  const auto program = unpacked("logrotate/usr/sbin/logrotate");
  if (program.empty()) {
    LEAVE_OUT("logrotate is not unpacked (contrib/install-packages.sh pipeline)");
  }
  const std::string way = GENERATE("create 0640", "nocreate", "copytruncate");
  INFO(way);
  World world({.policy = usual_policy});
  const auto& folder = world.resolver.folder();
  write_file(folder / "rotate.conf", (folder / "events.jsonl").string() +
                                         " {\n  rotate 9\n  nocompress\n  " + way + "\n}\n");
  std::size_t blocked = 0;
  for (int round = 1; round <= 3; ++round) {
    world.expect_blocked(mail, "army.ml", MX);
    ++blocked;
    REQUIRE(wait_until([&] { return !world.resolver.events().alerts().empty(); }));
    const Outcome rotated = run({program, "-f", "-s", folder / "state", folder / "rotate.conf"});
    INFO(rotated.output);
    REQUIRE(rotated.exit_code == 0);
    REQUIRE(std::filesystem::exists(folder / ("events.jsonl." + std::to_string(round))));
  }
  world.expect_blocked(mail, "army.ml", MX);
  world.resolver.stop();
  std::vector<std::uint64_t> numbers;
  for (const std::string suffix : {".3", ".2", ".1", ""}) {
    for (const json& event : lines_of(folder / ("events.jsonl" + suffix))) {
      numbers.push_back(Events::field(event, "event.sequence").get<std::uint64_t>());
    }
  }
  CHECK(numbers.size() == blocked + 4); // the last one; start, policy, stop
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CHECK(numbers[i] == i + 1);
  }
}

TEST_CASE("the journal finds an event by its rule", "[journald]") {
  if (!Journal::is_there()) {
    LEAVE_OUT("journald is not unpacked (contrib/install-packages.sh pipeline)");
  }
  Journal journal;
  World world({.policy = with_log("log:\n  - file: events.jsonl\n  - journald: true\n"),
               .launcher = journal.inside()});
  world.expect_blocked(mail, "US.army.ml", MX);
  world.expect_blocked(mail, "arrny.example", A); // another rule
  REQUIRE(wait_until([&] { return journal.entries({"NEARMISS_RULE_ID=one-name"}).size() == 1; }));
  const std::vector<json> entries = journal.entries({"NEARMISS_RULE_ID=mil-ml"});
  REQUIRE(entries.size() == 1);
  const json& entry = entries[0];
  INFO(entry.dump(1));
  const json event = world.resolver.events().alert(1);
  CHECK(entry["MESSAGE"] ==
        mail + " asked for us.army.ml MX, meant us.army.mil: blocked (nxdomain, rule mil-ml)");
  CHECK(entry["PRIORITY"] == "4");
  CHECK(entry["SYSLOG_IDENTIFIER"] == "nearmiss");
  CHECK(entry["NEARMISS_EVENT_ID"] == Events::field(event, "event.id"));
  CHECK(entry["NEARMISS_INTENDED_DOMAIN"] == "us.army.mil");
  CHECK(entry["_PID"] == std::to_string(world.resolver.pid()));
  CHECK(journal.entries({"NEARMISS_ACTION=policy-loaded"}).size() == 1);
  CHECK(journal.entries({"NEARMISS_RULE_ID=no-such-rule"}).empty());
}

TEST_CASE("the local syslog takes events as JSON", "[journald]") {
  if (!Journal::is_there()) {
    LEAVE_OUT("journald is not unpacked (contrib/install-packages.sh pipeline)");
  }
  Journal journal; // which listens for syslog as well
  World world({.policy = with_log("log:\n  - file: events.jsonl\n  - syslog: local\n"),
               .launcher = journal.inside()});
  world.expect_blocked(mail, "US.army.ml", MX);
  world.resolver.answer(mail, R"(x\"}\010{\"a.ml)", A);
  std::vector<json> entries;
  REQUIRE(wait_until([&] {
    entries = journal.entries({"SYSLOG_IDENTIFIER=nearmiss", "_TRANSPORT=syslog"});
    return entries.size() == 4;
  }));
  const std::vector<json> events = world.resolver.events().all();
  REQUIRE(events.size() == entries.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    INFO(entries[i].dump(1));
    CHECK(json::parse(entries[i]["MESSAGE"].get<std::string>()) == events[i]);
    CHECK(entries[i]["PRIORITY"] == (i < 2 ? "6" : "4"));
    CHECK(entries[i]["SYSLOG_FACILITY"] == "3");
    CHECK(entries[i]["SYSLOG_PID"] == std::to_string(world.resolver.pid()));
  }
}
