#include "tests/mailers/start.hpp"

#include "tests/e2e/process.hpp"

#include <unistd.h>

namespace nearmiss::mailers {

namespace {

// As Debian has it (conf.d/router/200_exim4-config_primary), but for the loopback network: there
// only 127.0.0.1, for all of the lab is in it.
constexpr const char* ignored_hosts =
    "ROUTER_DNSLOOKUP_IGNORE_TARGET_HOSTS = <; 0.0.0.0 ; 127.0.0.1 ; 192.168.0.0/16 ; "
    "172.16.0.0/12 ; 10.0.0.0/8 ; 169.254.0.0/16 ; 255.255.255.255 ; ::/128 ; ::1/128 ; "
    "fc00::/7 ; fe80::/10 ; 100::/64\n";

class Exim : public SmtpMailer {
 public:
  explicit Exim(const e2e::MailHost& host) : SmtpMailer(host, {program(host), "-bdf"}) {}

  std::string waiting(const std::string& recipient) const override {
    return line_with({" == " + recipient + " "}, log());
  }
  std::string given_up(const std::string& recipient) const override {
    return line_with({" ** " + recipient}, log());
  }
  std::string log() const override {
    return SmtpMailer::log() + e2e::read_file(host().folder() / "var/log/exim4/mainlog") +
           e2e::read_file(host().folder() / "var/log/exim4/paniclog");
  }
  static std::string program(const e2e::MailHost& host) { return host.folder() / "exim4"; }
};

std::unique_ptr<Mailer> start(const e2e::MailHost& host, const std::string& macros,
                              const std::string& first_router = "") {
  const unsigned user = add_account(host, "Debian-exim");
  add_account(host, "mail");
  const std::filesystem::path& folder = host.folder();
  for (const char* name : {"var/spool/exim4", "var/log/exim4", "var/run/exim4", "var/tmp"}) {
    std::filesystem::create_directories(folder / name);
    if (chown((folder / name).c_str(), user, user) != 0) {
      throw std::runtime_error("chown: " + (folder / name).string());
    }
  }
  // Exim runs itself again, as that user, who need not be able to enter the cache.
  std::filesystem::copy_file(unpacked("exim4-daemon-light") / "usr/sbin/exim4",
                             Exim::program(host));
  const std::filesystem::path parts = unpacked("exim4-config") / "etc/exim4/conf.d";
  std::filesystem::create_directories(folder / "etc/exim4");
  e2e::write_file(folder / "etc/exim4/exim4.conf",
                  "DCconfig_internet = 1\n" + macros + "exim_path = " + Exim::program(host) +
                      "\n"
                      "primary_hostname = mail." +
                      sender_domain +
                      "\n"
                      "domainlist local_domains =\n"
                      "domainlist relay_to_domains =\n"
                      "local_interfaces = 127.0.0.1\n"
                      "tls_advertise_hosts =\n"
                      "keep_environment =\n"
                      "never_users = root\n"
                      "acl_smtp_rcpt = rcpt\n"
                      "begin acl\n"
                      "rcpt:\n"
                      "  accept hosts = 127.0.0.1\n"
                      "begin routers\n" +
                      first_router + e2e::read_file(parts / "router/200_exim4-config_primary") +
                      "begin transports\n" +
                      e2e::read_file(parts / "transport/30_exim4-config_remote_smtp") +
                      "begin retry\n" + e2e::read_file(parts / "retry/30_exim4-config"));
  return std::make_unique<Exim>(host);
}

} // namespace

std::unique_ptr<Mailer> start_exim(const e2e::MailHost& host) {
  return start(host, ignored_hosts);
}

std::unique_ptr<Mailer> start_exim_unchanged(const e2e::MailHost& host,
                                             const std::string& bounces_to) {
  return start(host, "",
               "bounces:\n"
               "  driver = manualroute\n"
               "  domains = " +
                   sender_domain +
                   "\n"
                   "  transport = remote_smtp\n"
                   "  route_data = " +
                   bounces_to + "\n");
}

} // namespace nearmiss::mailers
