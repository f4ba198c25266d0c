// A client to talk SMTP with, line by line.
#pragma once

#include <string>

namespace e2e {

// An SMTP session from 127.0.0.1. Each reply is the last line of it, without its line end.
class SmtpSession {
 public:
  explicit SmtpSession(const std::string& address); // says EHLO
  static bool answers(const std::string& address);  // is there a server?
  ~SmtpSession();
  SmtpSession(const SmtpSession&) = delete;
  SmtpSession& operator=(const SmtpSession&) = delete;

  std::string say(const std::string& line); // and its reply
  void send(const std::string& text) const; // as it is
  std::string reply();                      // the next one; throws if the server hangs up
  // The keywords of the reply to EHLO, a line each.
  const std::string& offered() const noexcept { return offered_; }

 private:
  std::string line();

  int socket_;
  std::string buffer_;
  std::string offered_;
};

} // namespace e2e
