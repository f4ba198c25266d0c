// Where events go besides a file, several places at once, and the hash chain.
#include "config/digest.hpp"
#include "tests/catch.hpp"
#include "tests/unit/events/fixture.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <map>
#include <regex>

using namespace nearmiss;
using namespace nearmiss::test;
using nlohmann::json;

namespace {

// A listening socket of this test: a datagram socket at a path, or TCP on a free loopback port.
class Receiver {
 public:
  explicit Receiver(const std::filesystem::path& path)
      : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  // `buffer`: octets that its machine takes before it reads; 0: as many as usual.
  explicit Receiver(std::uint16_t port, int buffer = 0)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (buffer > 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(fd_, 4) == 0);
  }
  ~Receiver() {
    hang_up();
    close(fd_);
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  std::uint16_t port() const {
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    REQUIRE(getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return ntohs(address.sin_port);
  }
  std::string datagram() const {
    REQUIRE(readable(fd_));
    std::string text(65536, '\0');
    text.resize(static_cast<std::size_t>(recv(fd_, text.data(), text.size(), 0)));
    return text;
  }
  // The next message of a stream framed by octet counts.
  std::string message() {
    accept();
    while (true) {
      if (std::string message; take(text_, message)) {
        return message;
      }
      REQUIRE(readable(connection_));
      std::array<char, 4096> block{};
      const ssize_t got = recv(connection_, block.data(), block.size(), 0);
      REQUIRE(got > 0);
      text_.append(block.data(), static_cast<std::size_t>(got));
    }
  }
  // The whole messages that its machine has and that are not read; waits until these are all that
  // find room there.
  std::vector<std::string> unread() {
    accept();
    int before = -1;
    int now = 0;
    while (ioctl(connection_, FIONREAD, &now) == 0 && (now == 0 || now != before)) {
      before = now;
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
    }
    std::string text(static_cast<std::size_t>(now), '\0');
    REQUIRE(recv(connection_, text.data(), text.size(), MSG_PEEK) == now);
    std::vector<std::string> messages;
    for (std::string message; take(text, message);) {
      messages.push_back(message);
    }
    return messages;
  }
  void hang_up() {
    if (connection_ >= 0) {
      close(connection_);
    }
    connection_ = -1;
    text_.clear();
  }

 private:
  void accept() {
    if (connection_ < 0) {
      REQUIRE(readable(fd_));
      connection_ = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      REQUIRE(connection_ >= 0);
    }
  }
  // The first message of `text`, which it is taken from, if it is there as a whole.
  static bool take(std::string& text, std::string& message) {
    const std::size_t space = text.find(' ');
    if (space == std::string::npos) {
      return false;
    }
    const std::size_t size = std::stoul(text.substr(0, space));
    if (text.size() < space + 1 + size) {
      return false;
    }
    message = text.substr(space + 1, size);
    text.erase(0, space + 1 + size);
    return true;
  }
  static bool readable(int fd) {
    pollfd ready{fd, POLLIN, 0};
    return poll(&ready, 1, 20000) == 1;
  }
  int fd_;
  int connection_ = -1;
  std::string text_;
};

std::string tcp_log(std::uint16_t port) {
  return "log:\n  - file: events.jsonl\n  - {syslog: {tcp: \"127.0.0.1:" + std::to_string(port) +
         "\"}, format: ocsf}\n";
}

// The fields of a datagram of the journal's protocol.
std::map<std::string, std::string> journal_fields(const std::string& datagram) {
  std::map<std::string, std::string> fields;
  std::size_t at = 0;
  while (at < datagram.size()) {
    const std::size_t end = datagram.find('\n', at);
    REQUIRE(end != std::string::npos);
    const std::string line = datagram.substr(at, end - at);
    const std::size_t equals = line.find('=');
    at = end + 1;
    if (equals != std::string::npos) {
      fields[line.substr(0, equals)] = line.substr(equals + 1);
    } else {
      std::size_t size = 0;
      for (std::size_t octet = 0; octet < 8; ++octet) {
        size |= std::size_t{static_cast<unsigned char>(datagram.at(at + octet))} << (8 * octet);
      }
      fields[line] = datagram.substr(at + 8, size);
      REQUIRE(datagram.at(at + 8 + size) == '\n');
      at += 8 + size + 1;
    }
  }
  return fields;
}

} // namespace

TEST_CASE("syslog over TCP: RFC 5424, octet counts, JSON as the message", "[sinks]") {
  Receiver server(0);
  EventFixture fixture(tcp_log(server.port()));
  fixture.attempt("us.army.ml");
  fixture.attempt("x.seen.example");
  const std::string first = server.message();
  const std::regex shape(
      R"(<28>1 2030-06-15T01:00:00\.000042Z \S+ nearmiss \d+ blocked - (\{.*\}))");
  std::smatch parts;
  INFO(first);
  REQUIRE(std::regex_match(first, parts, shape));
  CHECK(json::parse(parts[1].str())["query"]["hostname"] == "us.army.ml");
  const std::string second = server.message();
  INFO(second);
  CHECK(std::regex_match(second, std::regex(R"(<29>1 \S+ \S+ nearmiss \d+ observed - \{.*\})")));
  // What the module tells of itself.
  fixture.events->notice({.action = "policy-loaded", .message = "2 rules"}, fixture.policy);
  CHECK(std::regex_match(server.message(),
                         std::regex(R"(<30>1 \S+ \S+ nearmiss \d+ notice - \{.*\})")));
  fixture.events->notice({.action = "policy-refused", .success = false, .message = "no"},
                         fixture.policy);
  CHECK(std::regex_match(server.message(),
                         std::regex(R"(<27>1 \S+ \S+ nearmiss \d+ trouble - \{.*\})")));
  fixture.events.reset();
  CHECK(events_of(fixture.file()).size() == 4); // ECS in the file, OCSF over there
}

TEST_CASE("a syslog server that is away keeps no other sink waiting, and gets its events later",
          "[sinks]") {
  std::uint16_t port = 0;
  {
    const Receiver taken(0);
    port = taken.port();
  }
  EventFixture fixture(tcp_log(port));
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return events_of(fixture.file()).size() == 1; }));
  REQUIRE(wait_until([&] { return !fixture.complaints.lines().empty(); }));
  CHECK(fixture.complaints.lines()[0].find("Connection refused") != std::string::npos);
  Receiver server(port);
  CHECK(server.message().find("one.ml") != std::string::npos);
  REQUIRE(wait_until([&] { return fixture.complaints.lines().size() == 2; }));
  CHECK(fixture.complaints.lines()[1].find("works again; 0 events were lost") != std::string::npos);
  // And once more after it hung up.
  server.hang_up();
  fixture.attempt("two.ml");
  CHECK(server.message().find("two.ml") != std::string::npos);
  const EventLog::Counts counts = fixture.events->counts();
  CHECK(counts.lost == 0);
}

TEST_CASE("what a sink loses is told to the others too, under one number", "[sinks]") {
  std::uint16_t port = 0;
  {
    const Receiver taken(0);
    port = taken.port();
  }
  EventFixture fixture(tcp_log(port));
  std::size_t pushed = 0;
  while (fixture.events->counts().lost == 0) {
    fixture.attempt("more.ml");
    std::this_thread::sleep_for(std::chrono::microseconds(++pushed % 100 == 0 ? 2000 : 0));
  }
  const Receiver nothing_yet(0);
  Receiver server(port);
  json lost;
  std::uint64_t last = 0;
  std::size_t alerts = 0;
  do {
    const std::string message = server.message();
    lost = json::parse(message.substr(message.find('{')));
    const auto number = lost["metadata"]["sequence"].get<std::uint64_t>();
    REQUIRE(number > last);
    last = number;
    alerts += lost["class_uid"] == 4003 ? 1 : 0;
  } while (lost["metadata"]["event_code"] != "events-lost");
  const auto count = lost["unmapped"]["nearmiss.events_lost"].get<std::uint64_t>();
  CHECK(alerts + count == pushed);
  fixture.events.reset();
  const auto events = events_of(fixture.file());
  CHECK(events.size() == pushed + 1); // the file lost nothing
  CHECK(events.back()["event.action"] == "events-lost");
  CHECK(events.back()["event.sequence"] == last);
  CHECK(events.back()["nearmiss.lost_by"] == "syslog 127.0.0.1 port " + std::to_string(port));
}

TEST_CASE("a server that ends without reading: what its machine does not have comes again",
          "[sinks]") {
  Receiver server(0, 4096);
  EventFixture fixture(tcp_log(server.port()));
  constexpr std::uint64_t pushed = 600; // of some 900 octets
  for (std::uint64_t i = 0; i < pushed; ++i) {
    fixture.attempt("n" + std::to_string(i) + ".ml");
  }
  const auto number = [](const std::string& message) {
    return json::parse(message.substr(message.find('{')))["metadata"]["sequence"]
        .get<std::uint64_t>();
  };
  std::uint64_t last = 0;
  for (const std::string& message : server.unread()) {
    CHECK(number(message) == ++last);
  }
  CHECK(last > 0);
  REQUIRE(wait_until([&] { return fixture.events->counts().written == last; }));
  server.hang_up();
  while (last < pushed) {
    REQUIRE(number(server.message()) == ++last);
  }
  REQUIRE(wait_until([&] { return fixture.events->counts().written == pushed; }));
  CHECK(fixture.events->counts().lost == 0);
}

TEST_CASE("an event that a socket never takes is lost, and keeps no other waiting", "[sinks]") {
  const Folder folder;
  Complaints complaints;
  const Receiver daemon(folder.path() / "log");
  const auto sink = make_local_syslog_sink(folder.path() / "log", complaints.listener());
  spdlog::logger logger("test", sink);
  logger.warn("before");
  logger.warn(std::string(500'000, 'x'));
  logger.warn("behind");
  logger.flush();
  CHECK(daemon.datagram().ends_with("]: before"));
  CHECK(daemon.datagram().ends_with("]: behind"));
  CHECK(sink->written() == 2);
  CHECK(sink->lost() == 1);
  REQUIRE(complaints.lines().size() == 1);
  CHECK(complaints.lines()[0].find("takes no message of 5000") != std::string::npos);
}

TEST_CASE("the local syslog gets what syslog(3) would write", "[sinks]") {
  const Folder folder;
  Complaints complaints;
  const auto path = folder.path() / "log";
  spdlog::logger logger("test", make_local_syslog_sink(path, complaints.listener()));
  logger.warn("early"); // while nobody listens: it waits
  logger.flush();
  REQUIRE(complaints.lines().size() == 1);
  const Receiver daemon(path);
  logger.warn(R"({"a":1})");
  REQUIRE(wait_until([&] {
    logger.flush();
    return complaints.lines().size() == 2;
  }));
  CHECK(std::regex_match(
      daemon.datagram(),
      std::regex(R"(<28>[A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d nearmiss\[\d+\]: early)")));
  CHECK(daemon.datagram().ends_with(R"(]: {"a":1})"));
}

TEST_CASE("the journal gets fields, with a readable message", "[sinks]") {
  EventFixture fixture("log: {file: events.jsonl}\n");
  const auto format = make_journal_format({"prefix", "host"});
  const auto path = fixture.folder.path() / "journal";
  const Receiver journald(path);
  spdlog::logger logger("test", make_journal_sink(path, fixture.complaints.listener()));
  Event event;
  event.sequence = 7;
  event.timestamp = "2030-06-15T01:00:00.000042Z";
  event.policy = fixture.policy.get();
  event.rule = fixture.config->policy.rules().data();
  event.action = Action::nxdomain;
  event.enforced = true;
  event.rcode = 3;
  event.client = "192.0.2.25";
  event.qname = "us.army.ml";
  event.type = "MX";
  event.intended = "us.army.mil";
  event.matched = "ml";
  LineBuffer text;
  format->append(event, text);
  logger.info(text.text());
  logger.flush();
  auto fields = journal_fields(journald.datagram());
  CHECK(fields["MESSAGE"] ==
        "192.0.2.25 asked for us.army.ml MX, meant us.army.mil: blocked (nxdomain, rule mil-ml)");
  CHECK(fields["PRIORITY"] == "4");
  CHECK(fields["SYSLOG_IDENTIFIER"] == "nearmiss");
  CHECK(fields["NEARMISS_RULE_ID"] == "mil-ml");
  CHECK(fields["NEARMISS_INTENDED_DOMAIN"] == "us.army.mil");
  CHECK(fields["NEARMISS_RULE_DESCRIPTION"] == "DoD mail \"mistyped\"\ninto Mali's TLD");
  CHECK(fields["NEARMISS_RULE_REFERENCE"] == "https://example.net/mil-ml");
  CHECK(fields["NEARMISS_RULE_OWNER"] == "noc");
  CHECK(fields["NEARMISS_POLICY_VERSION"] == fixture.policy->version());
  CHECK(fields["NEARMISS_EVENT_ID"] == "prefix-7");
  for (const auto& [key, value] : fields) {
    INFO(key);
    CHECK(std::regex_match(key, std::regex("[A-Z][A-Z0-9_]{0,63}")));
  }
  const Notice notice{.action = "policy-loaded",
                      .message = "2 rules",
                      .fields = {{"nearmiss.rules_added", std::vector<std::string>{"a", "b"}},
                                 {"file.path", std::string("/etc/nearmiss.yaml")}}};
  event = Event{};
  event.notice = &notice;
  text.clear();
  format->append(event, text);
  logger.info(text.text());
  logger.flush();
  fields = journal_fields(journald.datagram());
  CHECK(fields["PRIORITY"] == "6");
  CHECK(fields["NEARMISS_RULES_ADDED"] == "a b");
  CHECK(fields["NEARMISS_FILE_PATH"] == "/etc/nearmiss.yaml");
}

TEST_CASE("each line of a chained log holds the hash of all before it", "[sinks]") {
  EventFixture fixture("log: {file: events.jsonl, chain: true}\n");
  fixture.attempt("one.ml");
  fixture.attempt("two.ml");
  fixture.events.reset();
  const auto lines = lines_of(read_text(fixture.file()));
  REQUIRE(lines.size() == 2);
  std::string before(64, '0');
  for (const std::string& line : lines) {
    const std::string mark = R"(,"nearmiss.chain":")";
    const std::size_t at = line.rfind(mark);
    REQUIRE(at != std::string::npos);
    std::array<unsigned char, 32> digest{};
    const std::string hashed = before + line.substr(0, at);
    REQUIRE(EVP_Digest(hashed.data(), hashed.size(), digest.data(), nullptr, EVP_sha256(),
                       nullptr) == 1);
    before.clear();
    for (const unsigned char octet : digest) {
      constexpr const char* hex = "0123456789abcdef";
      before += {hex[octet >> 4], hex[octet & 0xf]};
    }
    CHECK(line.substr(at) == mark + before + "\"}");
    CHECK(json::accept(line));
  }
}

TEST_CASE("the chain goes on over a start, other settings and a rotation", "[sinks]") {
  EventFixture fixture("log: {file: events.jsonl, chain: true}\n");
  fixture.attempt("one.ml");
  fixture.events.reset();
  SECTION("half a line of a process that was killed stands behind it") {
    std::ofstream(fixture.file(), std::ios::app) << R"({"event.sequence":2,"nearmiss.chain":")";
  }
  fixture.start();
  fixture.attempt("two.ml");
  LogSettings settings = fixture.config->log;
  settings.discover = true;
  fixture.events->configure(settings);
  fixture.attempt("three.ml");
  const auto written = [&] { return lines_of(read_text(fixture.file())); };
  REQUIRE(wait_until([&] { return written().size() >= 3; }));
  auto lines = written();
  std::filesystem::rename(fixture.file(), fixture.file("older.jsonl"));
  fixture.attempt("four.ml");
  fixture.events.reset();
  lines.push_back(written().at(0));
  std::string last(LogChain::start);
  for (const std::string& line : lines) {
    const auto [body, value] = LogChain::split(line);
    if (!value.empty()) { // not the half line
      CHECK(value == LogChain().value(last, body));
      last = value;
    }
  }
  std::filesystem::remove(fixture.file());
  fixture.start(); // with nothing there to go on from
  fixture.attempt("five.ml");
  fixture.events.reset();
  const std::string anew = written().at(0);
  const auto [body, value] = LogChain::split(anew);
  CHECK(value == LogChain().value(LogChain::start, body));
}

// As after a reload of Unbound over a disk that hangs: the thread of the earlier one still writes.
TEST_CASE("of two sinks that chain to one file the later waits for the earlier", "[sinks]") {
  const Folder folder;
  const auto file = folder.path() / "events.jsonl";
  Complaints complaints;
  const auto say = [](EventSink& sink, const std::string& line) {
    sink.log(spdlog::details::log_msg("", spdlog::level::info, line));
    sink.flush();
  };
  auto earlier = make_file_sink(file, true, Unopened::refused, complaints.listener());
  const auto later = make_file_sink(file, true, Unopened::refused, complaints.listener());
  say(*earlier, R"({"a":1})");
  say(*later, R"({"b":1})");
  say(*later, R"({"b":2})");
  CHECK(later->written() == 0);
  say(*earlier, R"({"a":2})");
  CHECK(earlier->written() == 2);
  earlier.reset();
  REQUIRE(wait_until([&] {
    later->flush();
    return later->written() == 2;
  }));
  std::string last(LogChain::start);
  std::string bodies;
  for (const std::string& line : lines_of(read_text(file))) {
    const auto [body, value] = LogChain::split(line);
    CHECK(value == LogChain().value(last, body));
    last = value;
    bodies += body;
  }
  CHECK(bodies == R"({"a":1{"a":2{"b":1{"b":2)");
  // Without a chain each may write when it can.
  const auto one = make_file_sink(folder.path() / "p", false, Unopened::refused, {});
  const auto two = make_file_sink(folder.path() / "p", false, Unopened::refused, {});
  say(*one, "{}");
  say(*two, "{}");
  CHECK(two->written() == 1);
}

TEST_CASE("the chain by a value worked out elsewhere", "[sinks]") {
  // printf '%064d{"a":1' 0 | sha256sum
  std::string out;
  out += LogChain().sealed(R"({"a":1})");
  CHECK(out == R"({"a":1,"nearmiss.chain":")"
               "a6fc8d7dbf738917ee8344e1cd5486b01255b25fe5de4df9be7af29689f6a1aa\"}");
}

TEST_CASE("other settings while running: the new sinks go on, with the same numbers", "[sinks]") {
  EventFixture fixture("log: {file: events.jsonl}\n");
  fixture.attempt("one.ml");
  REQUIRE(wait_until([&] { return !events_of(fixture.file()).empty(); }));
  LogSettings settings = fixture.config->log;
  settings.sinks[0].file = fixture.file("other.jsonl");
  fixture.events->configure(settings);
  REQUIRE(wait_until([&] { return std::filesystem::exists(fixture.file("other.jsonl")); }));
  REQUIRE(wait_until([&] {
    fixture.attempt("two.ml");
    return !events_of(fixture.file("other.jsonl")).empty();
  }));
  settings.sinks[0].file = fixture.file("nowhere/other.jsonl");
  CHECK_THROWS_AS(fixture.events->configure(settings), std::system_error);
  fixture.attempt("three.ml");
  fixture.events.reset();
  const auto before = events_of(fixture.file());
  const auto after = events_of(fixture.file("other.jsonl"));
  REQUIRE_FALSE(before.empty());
  CHECK(after.front()["event.sequence"] == before.back()["event.sequence"].get<int>() + 1);
  CHECK(after.back()["dns.question.name"] == "three.ml");
}
