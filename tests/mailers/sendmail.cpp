#include "tests/mailers/start.hpp"

#include "tests/e2e/process.hpp"

#include <stdexcept>

namespace nearmiss::mailers {

namespace {

const std::string programs = "usr/libexec/sendmail/";

class Sendmail : public SmtpMailer {
 public:
  explicit Sendmail(const e2e::MailHost& host)
      : SmtpMailer(host, {unpacked("sendmail-bin") / (programs + "sendmail"), "-bD"}) {}

  // Its log goes to syslog alone, its reason for waiting also into the queue file.
  std::string waiting(const std::string& recipient) const override {
    std::error_code gone; // a message that is done
    for (const auto& entry :
         std::filesystem::directory_iterator(host().folder() / "var/spool/mqueue", gone)) {
      const std::string queued = e2e::read_file(entry.path());
      if (entry.path().filename().string().starts_with("qf") &&
          queued.find("<" + recipient + ">") != std::string::npos &&
          queued.find("\nM") != std::string::npos) {
        return line_with({"M"}, queued.substr(queued.find("\nM") + 1)).substr(1);
      }
    }
    return {};
  }
};

void run_inside(const e2e::MailHost& host, const std::vector<std::string>& argv) {
  const e2e::Outcome outcome = e2e::run(host.inside(argv));
  if (outcome.exit_code != 0) {
    throw std::runtime_error(argv.front() + ": " + outcome.output);
  }
}

} // namespace

std::unique_ptr<Mailer> start_sendmail(const e2e::MailHost& host) {
  for (const char* account : {"mail", "smmta", "smmsp"}) {
    add_account(host, account);
  }
  const std::filesystem::path& folder = host.folder();
  for (const char* name : {"etc/mail/m4", "etc/mail/tls", "var/spool/mqueue", "var/tmp",
                           "var/run/sendmail/mta", "var/lib/sendmail/host_status"}) {
    std::filesystem::create_directories(folder / name);
  }
  std::filesystem::permissions(folder / "var/spool/mqueue", std::filesystem::perms(0700));
  e2e::write_file(folder / "etc/services", "smtp 25/tcp\nsubmission 587/tcp\n");
  // Debian's sendmail.mc, with its macros where they are unpacked, a name for the host, and none of
  // the restraint (to queue, to refuse) that it shows on a busy machine.
  const std::string macros = folder / "sendmail";
  for (const char* name : {"m4/dialup.m4", "m4/provider.m4", "access", "aliases", "trusted-users",
                           "local-host-names"}) {
    e2e::write_file(folder / "etc/mail" / name, "");
  }
  e2e::write_file(folder / "etc/mail/relay-domains", "127.0.0.1\n");
  run_inside(
      host,
      {"sh", "-ec",
       "cp -r \"$1\" \"$2\"\n"
       "find \"$2\" -type f -exec sed -i \"s|/usr/share/sendmail|$2|g\" {} +\n"
       "sed -i \"s|^MAILER_DEFINITIONS|define(\\`confDOMAIN_NAME', \\`$3')dnl\\n"
       "define(\\`confQUEUE_LA', \\`1000')dnl\\ndefine(\\`confREFUSE_LA', \\`1000')dnl\\n&|\" "
       "\"$2/cf/debian/sendmail.mc\"\n"
       "m4 \"$2/cf/debian/sendmail.mc\" >/etc/mail/sendmail.cf\n"
       "\"$4/makemap\" hash /etc/mail/access.db </etc/mail/access\n"
       "\"$4/sendmail\" -bi",
       "sh", unpacked("sendmail-cf") / "usr/share/sendmail", macros, "mail." + sender_domain,
       unpacked("sendmail-bin") / programs});
  return std::make_unique<Sendmail>(host);
}

} // namespace nearmiss::mailers
