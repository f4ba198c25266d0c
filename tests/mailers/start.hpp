// What the mail servers that take mail by SMTP have in common.
#pragma once

#include "tests/mailers/mailer.hpp"

#include <string>
#include <utility>
#include <vector>

namespace nearmiss::mailers {

// A daemon that listens on port 25 of 127.0.0.1.
class SmtpMailer : public Mailer {
 public:
  // `argv` runs in the foreground. Returns when it answers; throws with its log if it does not.
  SmtpMailer(const e2e::MailHost& host, const std::vector<std::string>& argv);

  void send(const std::string& recipient) override;
  std::string log() const override { return process_.log(); }

 protected:
  const e2e::MailHost& host() const noexcept { return host_; }

 private:
  const e2e::MailHost& host_;
  e2e::DaemonTree process_;
};

std::unique_ptr<Mailer> start_exim(const e2e::MailHost& host);
std::unique_ptr<Mailer> start_opensmtpd(const e2e::MailHost& host);
std::unique_ptr<Mailer> start_sendmail(const e2e::MailHost& host);

// Adds a user and a group of that name to the host.
// Returns the number of both.
unsigned add_account(const e2e::MailHost& host, const std::string& name);

// The first line that holds all of `parts`; empty if none does.
std::string line_with(const std::vector<std::string>& parts, const std::string& text);

} // namespace nearmiss::mailers
