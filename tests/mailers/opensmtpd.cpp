#include "tests/mailers/start.hpp"

#include "tests/e2e/process.hpp"

namespace nearmiss::mailers {

namespace {

class OpenSmtpd : public SmtpMailer {
 public:
  explicit OpenSmtpd(const e2e::MailHost& host)
      : SmtpMailer(host,
                   {unpacked("opensmtpd") / "usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"}) {}

  std::string waiting(const std::string& recipient) const override {
    return line_with({"to=<" + recipient + ">", "result=\"TempFail\""}, log());
  }
  std::string given_up(const std::string& recipient) const override {
    return line_with({"to=<" + recipient + ">", "result=\"PermFail\""}, log());
  }
};

} // namespace

std::unique_ptr<Mailer> start_opensmtpd(const e2e::MailHost& host) {
  add_account(host, "opensmtpd");
  add_account(host, "opensmtpq");
  for (const char* name : {"var/run", "var/spool/smtpd", "var/lib/opensmtpd/empty", "var/tmp"}) {
    std::filesystem::create_directories(host.folder() / name);
  }
  std::filesystem::permissions(host.folder() / "var/spool/smtpd", std::filesystem::perms(0711));
  e2e::write_file(host.folder() / "etc/mailname", "mail." + sender_domain + "\n");
  e2e::write_file(host.folder() / "etc/smtpd.conf", "listen on 127.0.0.1\n"
                                                    "action \"out\" relay helo mail." +
                                                        sender_domain +
                                                        "\n"
                                                        "match from any for any action \"out\"\n");
  return std::make_unique<OpenSmtpd>(host);
}

} // namespace nearmiss::mailers
