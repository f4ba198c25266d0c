// A mail server of a test: Postfix as Debian packs it, unpacked and never installed, and the hosts
// it may deliver to.
//
// libresolv knows no port but 53 and reads /etc/resolv.conf alone; Postfix wants users of its own,
// and its libraries in a fixed place. So each of these programs runs in a private mount namespace,
// where /etc is a folder of the test, and /var too if the test has made one: the machine keeps its
// own resolv.conf, users and queues. Needs root.
//
// Postfix's queries come from 127.0.0.1, whatever loopback address it asks.
#pragma once

#include "tests/e2e/process.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace e2e {

inline const std::string mail_server_client = "127.0.0.1";

// The private /etc, and the way to run a program with it.
class MailHost {
 public:
  explicit MailHost(const std::string& resolver); // its address; port 53

  // Arguments that run `argv` on this host. The process keeps its id: nothing is forked before it.
  std::vector<std::string> inside(const std::vector<std::string>& argv) const;
  const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  // A new folder that Postfix's user owns.
  std::filesystem::path add_folder(const std::string& name, unsigned mode = 0700) const;

  static std::string package();                        // where Debian's Postfix is unpacked
  static std::string program(const std::string& name); // Postfix's path of it
  static Process::Environment environment(const std::string& configuration = "/etc/postfix");

 private:
  ScratchFolder folder_;
};

// An SMTP server that takes every message (Postfix's smtp-sink), on port 25 of `address`.
class SmtpSink {
 public:
  SmtpSink(const MailHost& host, const std::string& address);

  std::size_t connections() const; // counted when they open
  // The message to `recipient`, with the envelope in front as X-Mail-Args and X-Rcpt-Args; empty
  // if none came.
  std::string message_to(const std::string& recipient) const;
  const std::filesystem::path& folder() const noexcept { return folder_; } // a file each

 private:
  std::size_t opened() const;

  std::filesystem::path folder_;
  Process process_;
  std::size_t probes_ = 0;
};

// A daemon that starts others: they all end with it. `argv` stays in the foreground.
class DaemonTree {
 public:
  DaemonTree(const MailHost& host, const std::vector<std::string>& argv, std::filesystem::path log,
             const Process::Environment& added = {});
  ~DaemonTree();
  DaemonTree(const DaemonTree&) = delete;
  DaemonTree& operator=(const DaemonTree&) = delete;

  bool alive() { return process_.alive(); }
  std::string log() const { return process_.log(); }

 private:
  Process process_;
};

// A running Postfix with its main.cf and master.cf in a folder that programs on `host` see.
class PostfixMaster {
 public:
  // Returns when it runs; throws with its logs if it does not.
  PostfixMaster(const MailHost& host, const std::filesystem::path& configuration,
                const std::filesystem::path& maillog);

  std::string log() const; // also what went wrong before its log file was open

 private:
  std::filesystem::path maillog_;
  DaemonTree daemon_;
};

// What became of the first attempt to deliver a message.
struct Delivery {
  std::string status; // sent, bounced or deferred
  std::string dsn;    // enhanced status code (RFC 3463)
  std::string line;   // of Postfix's log
};

class Postfix {
 public:
  explicit Postfix(const MailHost& host); // as PostfixMaster

  // Hands in a message from `sender`. To each recipient only one.
  void send(const std::string& recipient);
  // Waits for the outcome; throws with the log if there is none.
  Delivery delivery_to(const std::string& recipient) const;
  // Waits for the non-delivery notification (RFC 3464) in the sender's mailbox.
  std::string bounce_about(const std::string& recipient) const;
  std::string log() const;
  static inline const std::string sender = "sender@relay.example";

 private:
  std::string bounce_in_mailbox(const std::string& recipient) const;

  const MailHost& host_;
  std::unique_ptr<PostfixMaster> master_;
};

} // namespace e2e
