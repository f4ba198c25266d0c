#include "tests/e2e/smtp_session.hpp"

#include "tests/e2e/address.hpp"
#include "tests/e2e/mail_server.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace e2e {

SmtpSession::SmtpSession(const std::string& address)
    : socket_(bound_socket(SOCK_STREAM, mail_server_client, 0)) {
  set_timeout(socket_, 120); // of a busy machine, Sendmail may be slow to greet
  connect_socket(socket_, address, 25);
  reply();
  send("EHLO client.example\r\n");
  do {
    offered_ += line() + "\n";
  } while (offered_.rfind("\n250 ") == std::string::npos && offered_.find("250 ") != 0);
}

bool SmtpSession::answers(const std::string& address) {
  const int socket = bound_socket(SOCK_STREAM, mail_server_client, 0);
  bool connected = true;
  try {
    connect_socket(socket, address, 25);
  } catch (const std::system_error&) {
    connected = false;
  }
  close(socket);
  return connected;
}

SmtpSession::~SmtpSession() {
  close(socket_);
}

void SmtpSession::send(const std::string& text) const {
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t sent = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      throw std::system_error(errno, std::generic_category(), "SMTP: send");
    }
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string SmtpSession::say(const std::string& text) {
  send(text + "\r\n");
  return reply();
}

std::string SmtpSession::reply() {
  std::string text;
  do {
    text = line();
  } while (text.size() > 3 && text[3] == '-');
  return text;
}

std::string SmtpSession::line() {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    std::array<char, 1024> more{};
    const ssize_t got = recv(socket_, more.data(), more.size(), 0);
    if (got <= 0) {
      throw std::runtime_error("SMTP: the server hangs up or says nothing; so far: " + buffer_);
    }
    buffer_.append(more.data(), static_cast<std::size_t>(got));
  }
  std::string text = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return text;
}

} // namespace e2e
