// The event log when something is wrong: no line is half a line, no loss goes untold.
#include "tests/catch.hpp"
#include "tests/unit/events/fixture.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

using namespace nearmiss;
using namespace nearmiss::test;
using nlohmann::json;

namespace {

const std::string to_file = "log: {file: logs/events.jsonl}\n";

struct FileFixture : EventFixture {
  FileFixture()
      : EventFixture(to_file, event_rules, [](const Folder& made) {
          std::filesystem::create_directory(made.path() / "logs");
        }) {}
  std::filesystem::path log() const { return file("logs/events.jsonl"); }
  std::size_t count() const { return lines_of(read_text(log())).size(); }
};

// The lowest limit of this process for one resource, while this lives.
class Limit {
 public:
  Limit(__rlimit_resource what, rlim_t value) : what_(what) {
    REQUIRE(getrlimit(what, &before_) == 0);
    const rlimit lower{value, before_.rlim_max};
    REQUIRE(setrlimit(what, &lower) == 0);
  }
  ~Limit() { setrlimit(what_, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  __rlimit_resource what_;
  rlimit before_{};
};

// The sequence numbers, which must rise from line to line.
std::vector<std::uint64_t> sequence_of(const std::vector<json>& events) {
  std::vector<std::uint64_t> numbers;
  for (const json& event : events) {
    numbers.push_back(event["event.sequence"].get<std::uint64_t>());
    REQUIRE((numbers.size() < 2 || numbers[numbers.size() - 2] < numbers.back()));
  }
  return numbers;
}

std::uint64_t told_losses(const std::vector<json>& events) {
  std::uint64_t told = 0;
  for (const json& event : events) {
    if (event["event.action"] == "events-lost") {
      told += event["nearmiss.events_lost"].get<std::uint64_t>();
    }
  }
  return told;
}

bool complained_of(const Complaints& complaints, const std::string& text) {
  for (const std::string& line : complaints.lines()) {
    if (line.find(text) != std::string::npos) {
      return true;
    }
  }
  return false;
}

} // namespace

TEST_CASE("a full disk: events wait, whole lines only, and go on when there is room", "[faults]") {
  FileFixture fixture;
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  const auto size = std::filesystem::file_size(fixture.log());
  {
    const Limit limit(RLIMIT_FSIZE, size + size / 2); // in the middle of the second line
    fixture.attempt("two.ml");
    fixture.attempt("three.ml");
    REQUIRE(wait_until([&] { return complained_of(fixture.complaints, "File too large"); }));
    CHECK(read_text(fixture.log()).ends_with("\n"));
    CHECK(fixture.count() == 1);
  }
  REQUIRE(wait_until([&] { return fixture.count() == 3; }));
  CHECK(complained_of(fixture.complaints, "works again; 0 events were lost"));
  fixture.events.reset();
  CHECK(sequence_of(events_of(fixture.log())) == std::vector<std::uint64_t>{1, 2, 3});
}

TEST_CASE("a disk that stays full: what finds no room to wait is counted and told", "[faults]") {
  FileFixture fixture;
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  std::uint64_t pushed = 1;
  {
    const Limit limit(RLIMIT_FSIZE, 0);
    while (fixture.events->counts().lost == 0) { // more than a sink keeps
      fixture.attempt("more.ml");
      std::this_thread::sleep_for(std::chrono::microseconds(pushed++ % 100 == 0 ? 2000 : 0));
    }
  }
  REQUIRE(wait_until([&] { return complained_of(fixture.complaints, "works again"); }));
  REQUIRE(wait_until([&] { return told_losses(events_of(fixture.log())) > 0; }));
  fixture.events.reset();
  const auto events = events_of(fixture.log());
  const std::uint64_t lost = told_losses(events);
  const auto numbers = sequence_of(events);
  std::uint64_t alerts = 0;
  for (const json& event : events) {
    alerts += event["event.kind"] == "alert" ? 1 : 0;
  }
  CHECK(alerts + lost == pushed);
  CHECK(numbers.back() == numbers.size() + lost);
}

TEST_CASE("the log's folder is removed, and comes back", "[faults]") {
  FileFixture fixture;
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  std::filesystem::remove_all(fixture.file("logs"));
  fixture.attempt("two.ml");
  REQUIRE(wait_until([&] { return complained_of(fixture.complaints, "No such file"); }));
  CHECK_FALSE(std::filesystem::exists(fixture.log()));
  std::filesystem::create_directory(fixture.file("logs"));
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  fixture.events.reset();
  CHECK(sequence_of(events_of(fixture.log())) == std::vector<std::uint64_t>{2});
}

TEST_CASE("no file descriptor is left when the log was rotated", "[faults]") {
  FileFixture fixture;
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  std::filesystem::rename(fixture.log(), fixture.file("logs/old"));
  {
    const Limit limit(RLIMIT_NOFILE, 3); // the sink's own is open already
    fixture.attempt("two.ml");
    REQUIRE(wait_until([&] { return complained_of(fixture.complaints, "Too many open files"); }));
  }
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  fixture.events.reset();
  CHECK(sequence_of(events_of(fixture.log())) == std::vector<std::uint64_t>{2});
}

TEST_CASE("rotated by renaming, by renaming with a new file there, and by truncating", "[faults]") {
  FileFixture fixture;
  const auto old = fixture.file("logs/events.jsonl.1");
  const std::string way = GENERATE("rename", "create", "copytruncate");
  INFO(way);
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return fixture.count() == 1; }));
  if (way == "copytruncate") {
    std::filesystem::copy_file(fixture.log(), old);
    std::filesystem::resize_file(fixture.log(), 0);
  } else {
    std::filesystem::rename(fixture.log(), old);
    if (way == "create") {
      close(open(fixture.log().c_str(), O_CREAT | O_WRONLY, 0600));
    }
  }
  fixture.attempt("two.ml");
  fixture.events.reset();
  CHECK(sequence_of(events_of(old)) == std::vector<std::uint64_t>{1});
  CHECK(sequence_of(events_of(fixture.log())) == std::vector<std::uint64_t>{2});
}

TEST_CASE("half a line left by a killed process is no part of the next event", "[faults]") {
  const std::string left = GENERATE(std::string(R"({"event.kind":"alert","rule)"),
                                    std::string("{\"a\":1}\n"), std::string());
  EventFixture fixture(to_file, event_rules, [&](const Folder& folder) {
    std::filesystem::create_directory(folder.path() / "logs");
    folder.write("logs/events.jsonl", left);
  });
  fixture.attempt("one.ml");
  fixture.events.reset();
  const auto lines = lines_of(read_text(fixture.file("logs/events.jsonl")));
  const bool half = !left.empty() && left.back() != '\n';
  REQUIRE(lines.size() == (left.empty() ? 1 : 2));
  CHECK(json::parse(lines.back())["dns.question.name"] == "one.ml");
  if (half) {
    CHECK(lines.front() == left); // a line of its own, which no reader takes for an event
    CHECK_FALSE(json::accept(lines.front()));
  }
}

TEST_CASE("a disk that takes nothing for a while: written and lost make up all, to the last one",
          "[faults]") {
  // A FIFO that nobody reads stops the writing thread in the middle of a write.
  EventFixture fixture(to_file, event_rules, [](const Folder& folder) {
    std::filesystem::create_directory(folder.path() / "logs");
    REQUIRE(mkfifo((folder.path() / "logs/events.jsonl").c_str(), 0600) == 0);
  });
  const int reader = open(fixture.file("logs/events.jsonl").c_str(), O_RDONLY | O_NONBLOCK);
  REQUIRE(reader >= 0);
  constexpr std::size_t flood = 3 * EventQueue::max_attempts;
  for (std::size_t i = 0; i < flood; ++i) {
    fixture.attempt("n" + std::to_string(i) + ".ml"); // none of these waits for the disk
  }
  const std::uint64_t dropped = fixture.events->counts().lost;
  CHECK(dropped > 0);
  CHECK(dropped < flood);

  std::string text;
  std::atomic<bool> done{false};
  std::thread drain([&] {
    std::array<char, 65536> block{};
    for (;;) {
      const bool last = done;
      const ssize_t got = read(reader, block.data(), block.size());
      if (got > 0) {
        text.append(block.data(), static_cast<std::size_t>(got));
      } else if (last) {
        break;
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  });
  CHECK(wait_until([&] {
    const EventLog::Counts counts = fixture.events->counts();
    return counts.written + counts.lost == counts.numbered && counts.numbered > flood;
  }));
  const EventLog::Counts counts = fixture.events->counts();
  fixture.events.reset();
  done = true;
  drain.join();
  close(reader);

  std::vector<json> events;
  for (const std::string& line : lines_of(text)) {
    events.push_back(json::parse(line));
  }
  const auto numbers = sequence_of(events);
  CHECK(counts.written == events.size());
  CHECK(counts.lost == dropped);
  CHECK(told_losses(events) == dropped);
  CHECK(numbers.back() == events.size() + dropped);
}

TEST_CASE("events of several threads stand in the log in the order of their numbers", "[faults]") {
  FileFixture fixture;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&fixture] {
      const Name qname = *Name::from_text("army.ml");
      const auto client = *ClientAddress::from_text("192.0.2.1");
      const Verdict verdict = fixture.config->policy.decide({qname, 15, client, today});
      for (int i = 0; i < 1000; ++i) {
        fixture.events->attempt({.verdict = verdict,
                                 .matched_by = MatchedBy::qname,
                                 .matched_address = nullptr,
                                 .qname = qname,
                                 .intended = "army.mil",
                                 .qtype = 15,
                                 .id = 1,
                                 .client = client,
                                 .client_port = 1,
                                 .tcp = false,
                                 .rcode = 3,
                                 .resolved_ip = nullptr},
                                fixture.policy, fixture.time);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  fixture.events.reset();
  const auto numbers = sequence_of(events_of(fixture.log()));
  CHECK(numbers.size() == 4000);
  CHECK(numbers.back() == 4000);
}

TEST_CASE("a clock that jumps back shows in the time, not in the order", "[faults]") {
  FileFixture fixture;
  fixture.attempt("one.ml");
  fixture.time -= std::chrono::hours(24);
  fixture.attempt("two.ml");
  REQUIRE(wait_until([&] { return fixture.count() == 2; }));
  fixture.events.reset();
  const auto events = events_of(fixture.log());
  CHECK(sequence_of(events) == std::vector<std::uint64_t>{1, 2});
  CHECK(events[0]["@timestamp"] == "2030-06-15T01:00:00.000042Z");
  CHECK(events[1]["@timestamp"] == "2030-06-14T01:00:00.000042Z");
}

TEST_CASE("a file that cannot be opened is an error at the start", "[faults]") {
  CHECK_THROWS_AS(EventFixture("log: {file: nowhere/events.jsonl}\n"), std::system_error);
}

TEST_CASE("a file that cannot be opened is waited for where it may be", "[faults]") {
  FileFixture fixture;
  const auto folder = fixture.log().parent_path() / "later";
  LogSink sink;
  sink.file = folder / "events.jsonl";
  LogSettings settings;
  settings.sinks.push_back(sink);
  fixture.events->configure(settings, Unopened::awaited);
  fixture.attempt("one.ml");
  CHECK(complained_of(fixture.complaints, "No such file or directory; lookups stay blocked"));
  std::filesystem::create_directory(folder);
  REQUIRE(wait_until([&] { return complained_of(fixture.complaints, "works again; 0 events"); }));
  fixture.events.reset();
  CHECK(sequence_of(events_of(folder / "events.jsonl")) == std::vector<std::uint64_t>{1});
}
