// The sinkhole of contrib/sinkhole/: the bounce tells the sender what was meant, and nothing makes
// it take a message.
#include "tests/catch.hpp"

#include "tests/e2e/mail_server.hpp"
#include "tests/e2e/sinkhole_server.hpp"
#include "tests/e2e/smtp_session.hpp"
#include "tests/e2e/world.hpp"
#include "tests/paths.hpp"

#include <set>
#include <sstream>
#include <stdexcept>

using namespace e2e;

namespace {

const std::string nothing_taken = "nothing was delivered, this server takes no mail";
const std::string suggestion = "did you mean ";

// Mail of every client to ml goes to the sinkhole at `address`.
std::string policy(const std::string& address, const std::string& intended = "mil") {
  return "version: 1\n"
         "clients: {mail: [" +
         mail_server_client +
         "]}\n"
         "sinkhole: {ipv4: " +
         address +
         "}\n"
         "defaults: {clients: [mail], action: sinkhole}\n"
         "rules:\n"
         "  - id: ml\n"
         "    confusable: {intended: " +
         intended +
         ", mistyped: [ml]}\n"
         "    except: [gouv.ml]\n"
         "  - {id: unknown, domains: [parked.example]}\n"
         "  - {id: partner, domains: [friend.example], intended: army.mil, action: allow}\n"
         "protect:\n"
         "  - {id: ours, domains: [army.mil]}\n"
         "log: {file: events.jsonl}\n";
}

// With runs of white space as one: a bounce folds long lines.
std::string unfolded(const std::string& text) {
  std::string one_line;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\n' || c == '\t';
    if (!space) {
      one_line += c;
    } else if (!one_line.empty() && one_line.back() != ' ') {
      one_line += ' ';
    }
  }
  return one_line;
}

std::vector<Zone> zones_on(const std::string& network) {
  using enum Server;
  const std::string takes_mail = "@ MX 10 mx\nmx A " + network;
  std::vector<Zone> zones{
      {"ml.", tld, true, ""}, {"mil.", tld, true, ""}, {"example.", tld, true, ""}};
  for (const char* meant : {"army.mil.", "gouv.ml.", "friend.example."}) {
    zones.push_back({meant, host, true, takes_mail + "1\n"});
  }
  for (const char* strange : {"army.ml.", "parked.example.", "arrny.mil."}) {
    zones.push_back({strange, host, true, takes_mail + "2\n"});
  }
  return zones;
}

// The sinkhole alone, with nobody sending through a resolver.
struct LoneSinkhole {
  const std::string address = claim_network(25) + "4";
  MailHost host{mail_server_client}; // no resolver there, and none is asked
  SinkholeServer server{host, address, policy(address)};
};

// The reply to one recipient in a session of its own.
std::string reply_to(const LoneSinkhole& sinkhole, const std::string& path,
                     const std::string& sender = "<sender@relay.example>") {
  SmtpSession session(sinkhole.address);
  CHECK(session.say("MAIL FROM:" + sender).starts_with("250 "));
  return session.say("RCPT TO:" + path);
}

void expect_refused(const std::string& reply, const std::string& recipient) {
  CHECK(reply == "550 5.1.2 <" + recipient + ">: Recipient address rejected: " + nothing_taken);
}

void expect_refused(const std::string& reply, const std::string& recipient,
                    const std::string& meant) {
  CHECK(reply == "550 5.1.2 <" + recipient + ">: Recipient address rejected: " + nothing_taken +
                     "; did you mean " + meant + "?");
}

} // namespace

TEST_CASE("a bounce from the sinkhole says what was meant", "[sinkhole]") {
  const std::string network = claim_network(25);
  const std::string rules = policy(network + "4");
  World world({.policy = rules}, zones_on(network));
  MailHost host(world.resolver.endpoint().address);
  SmtpSink meant(host, network + "1");
  SmtpSink stranger(host, network + "2");
  SinkholeServer sinkhole(host, network + "4", rules);
  Postfix postfix(host);
  const std::vector<std::string> bounced{"user@army.ml", "first.last+tag@army.ml", "user@arrny.mil",
                                         "user@parked.example"};
  const std::vector<std::string> delivered{"user@army.mil", "user@gouv.ml", "user@friend.example"};
  for (const auto* recipients : {&bounced, &delivered}) {
    for (const std::string& recipient : *recipients) {
      postfix.send(recipient);
    }
  }
  for (const std::string& recipient : bounced) {
    const Delivery delivery = postfix.delivery_to(recipient);
    INFO(delivery.line);
    CHECK(delivery.status == "bounced");
    CHECK(delivery.dsn == "5.1.2");
    CHECK(sinkhole.rejections_of(recipient) == 1);
  }
  const auto bounce = [&](const std::string& recipient) {
    return unfolded(postfix.bounce_about(recipient));
  };
  CHECK(bounce("user@army.ml").find(nothing_taken + "; did you mean user@army.mil?") !=
        std::string::npos);
  CHECK(bounce("user@army.ml").find("To: " + Postfix::sender) != std::string::npos);
  CHECK(bounce("first.last+tag@army.ml").find("did you mean first.last+tag@army.mil?") !=
        std::string::npos);
  CHECK(bounce("user@arrny.mil").find("did you mean user@army.mil?") != std::string::npos);
  // Nothing is known to be meant.
  CHECK(bounce("user@parked.example").find(nothing_taken) != std::string::npos);
  CHECK(bounce("user@parked.example").find(suggestion) == std::string::npos);
  // Not listed, an exception, an `allow`: these do not get here.
  for (const std::string& recipient : delivered) {
    const Delivery delivery = postfix.delivery_to(recipient);
    INFO(delivery.line);
    CHECK(delivery.status == "sent");
    CHECK_FALSE(meant.message_to(recipient).empty());
    CHECK(sinkhole.log().find("<" + recipient + ">") == std::string::npos);
  }
  CHECK(stranger.connections() == 0);
  CHECK(wait_until([&] { return sinkhole.queued().empty(); }));
}

TEST_CASE("the sinkhole refuses every recipient", "[sinkhole]") {
  LoneSinkhole sinkhole;
  expect_refused(reply_to(sinkhole, "<user@army.ml>"), "user@army.ml", "user@army.mil");
  expect_refused(reply_to(sinkhole, "<User@ARMY.ml>"), "User@ARMY.ml", "User@army.mil");
  expect_refused(reply_to(sinkhole, "<user@mail.army.ml>"), "user@mail.army.ml",
                 "user@mail.army.mil");
  expect_refused(reply_to(sinkhole, "<user@army.ml>", "<>"), "user@army.ml", "user@army.mil");
  // What the policy lets pass, does not know, or knows no better name for.
  for (const char* recipient :
       {"user@army.mil", "user@gouv.ml", "user@friend.example", "user@parked.example",
        "user@elsewhere.example", "postmaster@elsewhere.example", "user@sinkhole.invalid"}) {
    expect_refused(reply_to(sinkhole, "<" + std::string(recipient) + ">"), recipient);
  }
  // Addresses that have led other servers to relay, or that do not fit into a reply.
  for (const char* path :
       {"<user%army.mil@sinkhole.invalid>", "<@sinkhole.invalid:user@army.mil>", "<army.mil!user>",
        "<\"user@army.mil\"@sinkhole.invalid>", "<user@[127.0.0.1]>", "<user@[192.0.2.1]>",
        "<user>", "<root>", "<\"postmaster@\"@army.ml>", "<\"a b\"@army.ml>", "user@army.ml",
        "<user@army.ml> NOTIFY=SUCCESS", "<>", "<@>", "<user@>", "<user@army.ml", ""}) {
    const std::string reply = reply_to(sinkhole, path);
    INFO(path << " -> " << reply);
    CHECK(reply.starts_with("5"));
  }
  CHECK(reply_to(sinkhole, "<\"a b\"@army.ml>").ends_with("; did you mean army.mil?"));
  // Postfix removes the file of a refused message behind its answer.
  CHECK(wait_until([&] { return sinkhole.server.queued().empty(); }));
}

TEST_CASE("the sinkhole takes a message by no command", "[sinkhole]") {
  LoneSinkhole sinkhole;
  SmtpSession session(sinkhole.address);
  for (const char* keyword : {"AUTH", "CHUNKING", "ETRN", "PIPELINING", "VRFY", "DSN"}) {
    INFO(session.offered());
    CHECK(session.offered().find(keyword) == std::string::npos);
  }
  for (const char* command : {"VRFY user@army.ml", "VRFY postmaster", "EXPN staff", "ETRN army.mil",
                              "AUTH PLAIN AGEAYg==", "DATA", "RCPT TO:<user@army.ml>", "TURN",
                              "XCLIENT ADDR=127.0.0.1"}) {
    const std::string reply = session.say(command);
    INFO(command << " -> " << reply);
    CHECK(reply.starts_with("5"));
  }
  SECTION("not by BDAT, at which it hangs up") {
    SmtpSession chunking(sinkhole.address);
    CHECK(chunking.say("MAIL FROM:<sender@relay.example>").starts_with("250 "));
    CHECK(chunking.say("BDAT 2 LAST\r\nhi").starts_with("521 "));
    CHECK_THROWS(chunking.say("NOOP"));
  }
  SECTION("not to a postmaster without a domain, whose RCPT no Postfix refuses") {
    for (const char* last : {"DATA", "BDAT 2 LAST\r\nhi"}) {
      SmtpSession postmaster(sinkhole.address);
      CHECK(postmaster.say("MAIL FROM:<sender@relay.example>").starts_with("250 "));
      CHECK(postmaster.say("RCPT TO:<postmaster>").starts_with("250 "));
      const std::string reply = postmaster.say(last);
      INFO(last << " -> " << reply);
      CHECK(reply.starts_with("5"));
    }
  }
  SECTION("not all at once, before it has refused the recipient") {
    SmtpSession pushing(sinkhole.address);
    pushing.send("MAIL FROM:<sender@relay.example>\r\nRCPT TO:<user@army.ml>\r\nDATA\r\n"
                 "Subject: hi\r\n\r\nhello\r\n.\r\n");
    CHECK(pushing.reply().starts_with("250 ")); // the sender
    expect_refused(pushing.reply(), "user@army.ml", "user@army.mil");
    CHECK(pushing.reply().starts_with("554 ")); // DATA
    // At a header where a command belongs it hangs up; from Postfix 3.10 on without a reply.
    std::string farewell;
    try {
      farewell = pushing.reply();
    } catch (const std::runtime_error&) {
      farewell = "none";
    }
    CHECK((farewell == "none" || farewell.starts_with("221 ")));
    CHECK_THROWS(pushing.reply());
  }
  // Postfix takes away the file of a recipient that it had accepted once the session is over.
  CHECK(wait_until([&] { return sinkhole.server.queued().empty(); }));
}

TEST_CASE("each of a message's many recipients is refused in one session", "[sinkhole]") {
  LoneSinkhole sinkhole;
  SmtpSession session(sinkhole.address);
  CHECK(session.say("MAIL FROM:<sender@relay.example>").starts_with("250 "));
  for (int i = 0; i < 100; ++i) {
    const std::string user = "user" + std::to_string(i);
    expect_refused(session.say("RCPT TO:<" + user + "@army.ml>"), user + "@army.ml",
                   user + "@army.mil");
  }
  CHECK(session.say("DATA").starts_with("5"));
}

TEST_CASE("the sinkhole refuses whatever happens to its policy", "[sinkhole]") {
  LoneSinkhole sinkhole;
  SmtpSession session(sinkhole.address);
  session.say("MAIL FROM:<sender@relay.example>");
  const auto reply = [&] { return session.say("RCPT TO:<user@army.ml>"); };
  expect_refused(reply(), "user@army.ml", "user@army.mil");
  SECTION("a new one counts at once, a wrong one not") {
    sinkhole.server.write_policy(policy(sinkhole.address, "example"));
    expect_refused(reply(), "user@army.ml", "user@army.example");
    sinkhole.server.write_policy("version: 1\nrules: [{id: wrong}]\n");
    expect_refused(reply(), "user@army.ml", "user@army.example");
    sinkhole.server.write_policy(policy(sinkhole.address));
    expect_refused(reply(), "user@army.ml", "user@army.mil");
  }
  SECTION("wrong from the start") {
    sinkhole.server.write_policy("version: 1\nrules: [{id: wrong}]\n");
    sinkhole.server.restart();
    expect_refused(reply_to(sinkhole, "<user@army.ml>"), "user@army.ml");
    sinkhole.server.write_policy(policy(sinkhole.address));
    expect_refused(reply_to(sinkhole, "<user@army.ml>"), "user@army.ml", "user@army.mil");
  }
  SECTION("with nobody to ask") {
    sinkhole.server.lose_policy_service();
    sinkhole.server.restart();
    expect_refused(reply_to(sinkhole, "<user@army.ml>"), "user@army.ml");
    expect_refused(reply_to(sinkhole, "<user@elsewhere.example>"), "user@elsewhere.example");
  }
  // Postfix takes away the file of a recipient that it had accepted once the session is over.
  CHECK(wait_until([&] { return sinkhole.server.queued().empty(); }));
}

TEST_CASE("the sinkhole's README names the packages that `nearmiss` needs", "[sinkhole]") {
  const std::string readme = read_file(std::filesystem::path(NEARMISS_SINKHOLE_README));
  // A release of Debian that the page does not name, or another system.
  const std::string system = read_file("/etc/os-release");
  const std::string mark = "\nVERSION_ID=\"";
  const std::size_t release = system.find(mark);
  if (system.find("\nID=debian\n") == std::string::npos || release == std::string::npos) {
    return;
  }
  const std::size_t number = release + mark.size();
  const std::string from =
      "On Debian " + system.substr(number, system.find('"', number) - number) + " `nearmiss` needs";
  const std::size_t heading = readme.find(from);
  REQUIRE(heading != std::string::npos);
  const std::size_t begin = readme.find("apt-get install libyaml", heading);
  REQUIRE(begin != std::string::npos);
  const std::string named = readme.substr(begin, readme.find('\n', begin) - begin) + ' ';
  std::istringstream needed(run({"sh", "-c",
                                 "readelf -d \"$0\" | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p' | "
                                 "while read -r library; do "
                                 "dpkg-query -S \"*/$library\" | sed -n '1s/:.*//p'; done",
                                 NEARMISS_CLI})
                                .output);
  std::set<std::string> packages;
  for (std::string package; std::getline(needed, package);) {
    packages.insert(package);
  }
  CHECK(packages.size() > 5);
  for (const std::string& package : packages) {
    INFO(package);
    // Part of every Debian, or of a build with sanitizers.
    const bool everywhere = package.starts_with("libc6") || package == "libstdc++6" ||
                            package == "libgcc-s1" || package == "zlib1g" ||
                            package.find("san") != std::string::npos;
    CHECK((everywhere || named.find(' ' + package + ' ') != std::string::npos));
  }
}
