// A real mail server, pointed at the resolver: mail to a listed domain bounces at once, with a
// permanent status, and never reaches the hosts of that domain; other mail arrives.
#include "tests/catch.hpp"

#include "tests/e2e/mail_server.hpp"
#include "tests/e2e/world.hpp"
#include "tests/paths.hpp"

#include <arpa/inet.h>

#include <array>
#include <cstdio>
#include <functional>

using namespace e2e;

namespace {

// 127.25.3.2 as "0x7f190302", which getaddrinfo() reads as well.
std::string hexadecimal(const std::string& address) {
  in_addr octets{};
  REQUIRE(inet_pton(AF_INET, address.c_str(), &octets) == 1);
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "0x%08x", ntohl(octets.s_addr));
  return text.data();
}

// On `network`: .1 the exchange of the domains that are meant, .2 that of the listed ones and also
// their own address, as in a domain that needs no MX record; .3 nobody.
std::vector<Zone> zones_on(const std::string& network) {
  using enum Server;
  const std::string meant = "@ MX 10 mx\nmx A " + network + "1\n";
  const std::string strange =
      "@ MX 10 realhost\n@ A " + network + "2\nrealhost A " + network + "2\n";
  std::vector<Zone> zones{
      {"ml.", tld, true, ""},
      {"mil.", tld, true, ""},
      {"example.", tld, true, ""},
      {"army.mil.", host, true, meant},
      {"gouv.ml.", host, true, meant},
      {"good.example.", host, true,
       meant +
           "alias CNAME army.ml.\nmxlisted MX 10 realhost.army.ml.\n"
           "toward CNAME army.mil.\nmxopen MX 10 mx.army.mil.\n"
           "textopen MX 10 " +
           network + "1.\ntext MX 10 " + network + "2.\nhex MX 10 " + hexadecimal(network + "2") +
           ".\nbeside MX 10 mx\nbeside MX 20 " + network + "2.\n"},
  };
  for (const char* name :
       {"army", "nomx", "nodata", "nullmx", "sinkhole", "servfail", "refused", "mxonly"}) {
    zones.push_back({name + std::string(".ml."), host, true, strange});
  }
  return zones;
}

// Postfix, its resolver, and both hosts it may end up at.
struct MailWorld {
  explicit MailWorld(const std::string& policy) : MailWorld([&](const auto&) { return policy; }) {}
  // `policy_for` makes the policy of the network.
  explicit MailWorld(const std::function<std::string(const std::string&)>& policy_for)
      : world({.policy = policy_for(network)}, zones_on(network)) {}

  void send(const std::vector<std::string>& recipients) {
    for (const std::string& recipient : recipients) {
      postfix.send(recipient);
    }
  }

  void expect_bounced(const std::string& recipient, const std::string& dsn) const {
    const Delivery delivery = postfix.delivery_to(recipient);
    INFO(delivery.line);
    CHECK(delivery.status == "bounced");
    CHECK(delivery.dsn == dsn);
    const std::string bounce = postfix.bounce_about(recipient);
    INFO(bounce);
    CHECK(bounce.find("\nTo: " + Postfix::sender + "\n") != std::string::npos);
    CHECK(bounce.find("\nAction: failed\nStatus: " + dsn + "\n") != std::string::npos);
    CHECK(stranger.message_to(recipient).empty());
  }

  void expect_delivered(const std::string& recipient, const SmtpSink& sink) const {
    const Delivery delivery = postfix.delivery_to(recipient);
    INFO(delivery.line);
    CHECK(delivery.status == "sent");
    CHECK(sink.message_to(recipient).find("\nFor " + recipient + " alone.\n") != std::string::npos);
  }

  // In the queue still: it is tried again for days, and the sender knows nothing.
  void expect_queued(const std::string& recipient, const std::string& dsn) const {
    const Delivery delivery = postfix.delivery_to(recipient);
    INFO(delivery.line);
    CHECK(delivery.status == "deferred");
    CHECK(delivery.dsn == dsn);
  }

  const std::string network = claim_network(25);
  World world;
  MailHost host{world.resolver.endpoint().address};
  SmtpSink meant{host, network + "1"};
  SmtpSink stranger{host, network + "2"};
  Postfix postfix{host};
};

const std::string policed_clients = "clients: {mail: [" + mail_server_client + "]}\n";

std::string policy_in_mode(const std::string& mode) {
  return "version: 1\nmode: " + mode + "\n" + policed_clients +
         "defaults: {clients: [mail], action: nxdomain}\n"
         "rules:\n"
         "  - id: mil-ml\n"
         "    confusable: {intended: mil, mistyped: [ml]}\n"
         "    except: [gouv.ml]\n"
         "log: {file: events.jsonl}\n";
}

} // namespace

TEST_CASE("the default policy, once it enforces, bounces mail to army.ml; mail to army.mil arrives",
          "[mail]") {
  std::string policy = read_file(NEARMISS_DEFAULT_POLICY);
  const std::string observe = "\nmode: observe\n";
  REQUIRE(policy.find(observe) != std::string::npos);
  MailWorld mail_world(policy.replace(policy.find(observe), observe.size(), "\nmode: enforce\n"));
  mail_world.send({"user@army.ml", "user@army.mil", "user@gouv.ml"});
  mail_world.expect_bounced("user@army.ml", "5.4.4");
  mail_world.expect_delivered("user@army.mil", mail_world.meant);
  mail_world.expect_delivered("user@gouv.ml", mail_world.meant); // an exception
  CHECK(mail_world.stranger.connections() == 0);
}

TEST_CASE("mail to an alias of a listed domain bounces, and to one of another arrives", "[mail]") {
  MailWorld mail_world(policy_in_mode("enforce"));
  mail_world.send({"user@alias.good.example", "user@mxlisted.good.example",
                   "user@toward.good.example", "user@mxopen.good.example"});
  mail_world.expect_bounced("user@alias.good.example", "5.4.4");
  mail_world.expect_bounced("user@mxlisted.good.example", "5.1.0");
  mail_world.expect_delivered("user@toward.good.example", mail_world.meant);
  mail_world.expect_delivered("user@mxopen.good.example", mail_world.meant);
  CHECK(mail_world.stranger.connections() == 0);
}

TEST_CASE("mail to an MX host that is the text of a matched address bounces", "[mail]") {
  MailWorld mail_world([](const std::string& network) {
    return "version: 1\n" + policed_clients +
           "defaults: {clients: [mail]}\nrules:\n  - {id: hosting, answer_ip: [" + network +
           "2]}\nlog: {file: events.jsonl}\n";
  });
  mail_world.send({"user@textopen.good.example", "user@text.good.example", "user@hex.good.example",
                   "user@beside.good.example"});
  mail_world.expect_delivered("user@textopen.good.example",
                              mail_world.meant); // Postfix does connect there
  mail_world.expect_bounced("user@text.good.example", "5.1.0");
  mail_world.expect_bounced("user@hex.good.example", "5.1.0");
  mail_world.expect_bounced("user@beside.good.example", "5.1.0");
  CHECK(mail_world.stranger.connections() == 0);
}

TEST_CASE("while the policy only observes, mail to a listed domain leaves", "[mail]") {
  MailWorld mail_world(policy_in_mode("observe"));
  mail_world.send({"user@army.ml", "user@alias.good.example", "user@mxlisted.good.example"});
  mail_world.expect_delivered("user@army.ml", mail_world.stranger);
  mail_world.expect_delivered("user@alias.good.example", mail_world.stranger);
  mail_world.expect_delivered("user@mxlisted.good.example", mail_world.stranger);
  CHECK(mail_world.stranger.connections() > 0);
}

TEST_CASE("what each action does to a message", "[mail]") {
  const std::string nobody = claim_network(26) + "3";
  MailWorld mail_world("version: 1\n" + policed_clients + "sinkhole: {ipv4: " + nobody +
                       "}\n"
                       "defaults: {clients: [mail], action: nxdomain}\n"
                       "rules:\n"
                       "  - {id: nxdomain, domains: [army.ml]}\n"
                       "  - {id: nodata, domains: [nodata.ml], action: nodata}\n"
                       "  - {id: nullmx, domains: [nullmx.ml], action: null-mx}\n"
                       "  - {id: sinkhole, domains: [sinkhole.ml], action: sinkhole}\n"
                       "  - {id: servfail, domains: [servfail.ml], action: servfail}\n"
                       "  - {id: refused, domains: [refused.ml], action: refused}\n"
                       "log: {file: events.jsonl}\n");
  mail_world.send({"user@army.ml", "user@nodata.ml", "user@nullmx.ml", "user@sinkhole.ml",
                   "user@servfail.ml", "user@refused.ml"});
  mail_world.expect_bounced("user@army.ml", "5.4.4");
  mail_world.expect_bounced("user@nodata.ml", "5.4.4");
  mail_world.expect_bounced("user@nullmx.ml", "5.1.0");
  mail_world.expect_queued("user@sinkhole.ml", "4.4.1"); // nobody listens there
  mail_world.expect_queued("user@servfail.ml", "4.4.3");
  mail_world.expect_queued("user@refused.ml", "4.4.3");
  CHECK(mail_world.stranger.connections() == 0);
}

TEST_CASE("a rule for MX alone leaves the way by the domain's own address open", "[mail]") {
  MailWorld mail_world("version: 1\n" + policed_clients +
                       "defaults: {clients: [mail], action: nxdomain}\n"
                       "rules:\n"
                       "  - {id: mx, domains: [mxonly.ml], types: [MX]}\n"
                       "  - {id: all, domains: [army.ml]}\n"
                       "log: {file: events.jsonl}\n");
  mail_world.send({"user@mxonly.ml", "user@army.ml"});
  mail_world.expect_delivered("user@mxonly.ml", mail_world.stranger);
  mail_world.expect_bounced("user@army.ml", "5.4.4"); // the same with the types of delivery
}
