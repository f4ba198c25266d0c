#include "tests/mailers/mailer.hpp"

#include "tests/mailers/start.hpp"
#include "tests/paths.hpp"

namespace nearmiss::mailers {

namespace {

// The mail server of the tests.
class PostfixMailer : public Mailer {
 public:
  explicit PostfixMailer(const e2e::MailHost& host)
      : postfix_(host), mailbox_(host.folder() / "mailboxes/sender/new") {}

  void send(const std::string& recipient) override { postfix_.send(recipient); }
  std::string waiting(const std::string& recipient) const override {
    return line_with({"to=<" + recipient + ">", "status=deferred"}, log());
  }
  std::string log() const override { return postfix_.log(); }
  std::filesystem::path bounces(const e2e::SmtpSink&) const override { return mailbox_; }

 private:
  e2e::Postfix postfix_;
  std::filesystem::path mailbox_;
};

std::unique_ptr<Mailer> start_postfix(const e2e::MailHost& host) {
  return std::make_unique<PostfixMailer>(host);
}

} // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{
      {"Postfix", {"postfix"}, start_postfix},
      {"Exim", {"exim4-daemon-light", "exim4-config"}, start_exim},
      {"OpenSMTPD", {"opensmtpd"}, start_opensmtpd},
      {"Sendmail", {"sendmail-bin", "sendmail-cf"}, start_sendmail},
  };
  return all;
}

std::filesystem::path unpacked(const std::string& package) {
  return std::filesystem::path(NEARMISS_PACKAGES) / package;
}

std::string version_of(const std::string& package) {
  // The link leads to a folder named PACKAGE-VERSION.
  const std::string folder = std::filesystem::canonical(unpacked(package)).filename();
  return folder.substr(package.size() + 1);
}

} // namespace nearmiss::mailers
