// The mail servers of Debian, each as its package configures it for a host that delivers by itself,
// so far as the table needs: it takes a message for anybody from 127.0.0.1 and delivers by MX.
//
// Unpacked, never installed (contrib/install-packages.sh test mailers). Each runs in private mount
// and PID namespaces, with /etc and /var of its own; see tests/e2e/mail_server.hpp. What differs
// from the package's configuration stands beside each.
#pragma once

#include "tests/e2e/mail_server.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace nearmiss::mailers {

class Mailer {
 public:
  virtual ~Mailer() = default;
  Mailer(const Mailer&) = delete;
  Mailer& operator=(const Mailer&) = delete;

  virtual void send(const std::string& recipient) = 0; // from `sender`; one to each
  // What it notes about the message to `recipient`, now that it keeps it for another attempt; empty
  // as long as it does not.
  virtual std::string waiting(const std::string& recipient) const = 0;
  // Why it gives up the message, where the bounce has no Diagnostic-Code (RFC 3464) for it.
  virtual std::string given_up(const std::string&) const { return "no reason given"; }
  virtual std::string log() const = 0;
  // Where a file with each bounce appears, if `sink` takes the mail for the sender's domain.
  virtual std::filesystem::path bounces(const e2e::SmtpSink& sink) const { return sink.folder(); }

 protected:
  Mailer() = default;
};

// Whose mail is sent, and who gets the bounces.
inline const std::string sender = e2e::Postfix::sender;
// Its domain. Postfix delivers to it; the others send there by MX like anywhere.
inline const std::string sender_domain = "relay.example";

struct Kind {
  const char* name;
  std::vector<std::string> packages;                           // unpacked under their names
  std::unique_ptr<Mailer> (*start)(const e2e::MailHost& host); // throws with its log
};

// Postfix, Exim, OpenSMTPD, Sendmail.
const std::vector<Kind>& kinds();
// Exim with all the addresses that Debian's router ignores, the lab's own among them; bounces do
// not take that router, but go to `bounces_to`.
std::unique_ptr<Mailer> start_exim_unchanged(const e2e::MailHost& host,
                                             const std::string& bounces_to);

std::filesystem::path unpacked(const std::string& package); // its folder
// Of the package, as in "4.96-15+deb12u10".
std::string version_of(const std::string& package);

} // namespace nearmiss::mailers
