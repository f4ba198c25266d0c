#include "tests/mailers/start.hpp"

#include "tests/e2e/process.hpp"
#include "tests/e2e/smtp_session.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace nearmiss::mailers {

namespace {

void expect(const std::string& reply, const char* code) {
  if (!reply.starts_with(code)) {
    throw std::runtime_error("instead of " + std::string(code) + " the mail server says " + reply);
  }
}

} // namespace

SmtpMailer::SmtpMailer(const e2e::MailHost& host, const std::vector<std::string>& argv)
    : host_(host), process_(host, argv, host.folder() / "mailer.log") {
  if (!e2e::wait_until([&] {
        return !process_.alive() || e2e::SmtpSession::answers(e2e::mail_server_client);
      }) ||
      !process_.alive()) {
    throw std::runtime_error(argv.front() + " does not start:\n" + process_.log());
  }
}

void SmtpMailer::send(const std::string& recipient) {
  e2e::SmtpSession session(e2e::mail_server_client);
  expect(session.say("MAIL FROM:<" + sender + ">"), "250");
  expect(session.say("RCPT TO:<" + recipient + ">"), "250");
  expect(session.say("DATA"), "354");
  expect(session.say("From: " + sender + "\r\nTo: " + recipient +
                     "\r\nSubject: Travel plans\r\n\r\nFor " + recipient + " alone.\r\n."),
         "250");
  expect(session.say("QUIT"), "221");
}

unsigned add_account(const e2e::MailHost& host, const std::string& name) {
  const std::filesystem::path passwd = host.folder() / "etc/passwd";
  const std::string accounts = e2e::read_file(passwd);
  // Below those of Postfix; see tests/e2e/mail_server.cpp.
  const unsigned number =
      65500 + static_cast<unsigned>(std::count(accounts.begin(), accounts.end(), '\n'));
  const std::string id = std::to_string(number);
  std::ofstream(passwd, std::ios::app) << name << ":x:" << id << ':' << id << "::/:/bin/false\n";
  std::ofstream(host.folder() / "etc/group", std::ios::app) << name << ":x:" << id << ":\n";
  return number;
}

std::string line_with(const std::vector<std::string>& parts, const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
          return line.find(part) != std::string::npos;
        })) {
      return line;
    }
  }
  return {};
}

} // namespace nearmiss::mailers
