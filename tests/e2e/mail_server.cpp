#include "tests/e2e/mail_server.hpp"

#include "tests/e2e/smtp_session.hpp"
#include "tests/paths.hpp"

#include <cerrno>
#include <csignal>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace e2e {

namespace {

// High, so that no account of the machine has them, and low enough for a container's range.
constexpr uid_t postfix_user = 65531;
constexpr gid_t postfix_group = 65531;
constexpr gid_t postdrop_group = 65532;

// One process for each service that a host without incoming mail needs; see master(5).
constexpr const char* services = "pickup   unix       n - n 60  1 pickup\n"
                                 "cleanup  unix       n - n -   0 cleanup\n"
                                 "qmgr     unix       n - n 300 1 qmgr\n"
                                 "rewrite  unix       - - n -   - trivial-rewrite\n"
                                 "bounce   unix       - - n -   0 bounce\n"
                                 "defer    unix       - - n -   0 bounce\n"
                                 "smtp     unix       - - n -   - smtp\n"
                                 "virtual  unix       - n n -   - virtual\n"
                                 "error    unix       - - n -   - error\n"
                                 "retry    unix       - - n -   - error\n"
                                 "proxymap unix       - - n -   - proxymap\n"
                                 "postlog  unix-dgram n - n -   1 postlogd\n";

void give(const std::filesystem::path& path, gid_t group, mode_t mode) {
  if (chown(path.c_str(), postfix_user, group) != 0 || chmod(path.c_str(), mode) != 0) {
    throw std::system_error(errno, std::generic_category(), path.string());
  }
}

std::string settings(const std::filesystem::path& folder) {
  const std::string place = folder.string();
  const std::string programs = MailHost::package();
  return "compatibility_level = 3.6\n"
         "queue_directory = " +
         place +
         "/queue\n"
         "data_directory = " +
         place +
         "/data\n"
         "command_directory = " +
         programs +
         "/usr/sbin\n"
         "daemon_directory = " +
         programs +
         "/usr/lib/postfix/sbin\n"
         "shlib_directory = " +
         programs +
         "/usr/lib/postfix\n"
         "meta_directory = /etc/postfix\n"
         "mail_owner = postfix\n"
         "setgid_group = postdrop\n"
         "maillog_file = " +
         place +
         "/maillog\n"
         "maillog_file_prefixes = " +
         place +
         "\n"
         // Its libraries are not where the package looks for them.
         "import_environment = MAIL_CONFIG MAIL_LOGTTY LD_LIBRARY_PATH\n"
         "export_environment = MAIL_CONFIG LD_LIBRARY_PATH\n"
         "myhostname = relay.example\n"
         "mydestination =\n"
         // Not all of 127.0.0.0/8: a host there is somebody else, not a mail loop.
         "inet_interfaces = 127.0.0.1\n"
         // The sender's mailbox, where bounces end up.
         "virtual_mailbox_domains = relay.example\n"
         "virtual_mailbox_base = " +
         place +
         "/mailboxes\n"
         "virtual_mailbox_maps = static:sender/\n"
         "virtual_uid_maps = static:" +
         std::to_string(postfix_user) +
         "\n"
         "virtual_gid_maps = static:" +
         std::to_string(postfix_group) + "\n";
}

// The first file in `folder` that has `text` in it; empty if none has.
std::string file_with(const std::string& text, const std::filesystem::path& folder) {
  std::error_code missing; // a mailbox appears with its first message
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    std::string content = read_file(entry.path());
    if (content.find(text) != std::string::npos) {
      return content;
    }
  }
  return {};
}

} // namespace

MailHost::MailHost(const std::string& resolver) {
  if (geteuid() != 0) {
    throw std::runtime_error(
        "the mail server's tests need root, for a mount namespace and port 25");
  }
  // Postfix's processes give up root, then pass through.
  std::filesystem::permissions(
      folder(), std::filesystem::perms::others_exec | std::filesystem::perms::group_exec,
      std::filesystem::perm_options::add);
  const std::filesystem::path etc = folder() / "etc";
  std::filesystem::create_directories(etc / "postfix");
  const std::string user = std::to_string(postfix_user) + ":" + std::to_string(postfix_group);
  write_file(etc / "passwd", "root:x:0:0::/:/bin/sh\n"
                             "nobody:x:65534:65534::/:/bin/false\n"
                             "postfix:x:" +
                                 user + "::/:/bin/false\n");
  write_file(etc / "group", "root:x:0:\nnogroup:x:65534:\n"
                            "postfix:x:" +
                                std::to_string(postfix_group) +
                                ":\n"
                                "postdrop:x:" +
                                std::to_string(postdrop_group) + ":\n");
  write_file(etc / "nsswitch.conf", "passwd: files\ngroup: files\nservices: files\n"
                                    "hosts: files dns\n");
  write_file(etc / "services", "smtp 25/tcp\n");
  write_file(etc / "hosts", "127.0.0.1 localhost\n");
  write_file(etc / "resolv.conf", "nameserver " + resolver + "\n");
}

std::vector<std::string> MailHost::inside(const std::vector<std::string>& argv) const {
  // Postfix closes every descriptor there could be when it starts: where a million are allowed,
  // that takes seconds.
  constexpr const char* script = "mount --bind \"$0/etc\" /etc; "
                                 "[ ! -d \"$0/var\" ] || mount --bind \"$0/var\" /var; "
                                 "ulimit -n 1024; exec \"$@\"";
  std::vector<std::string> all{"unshare", "--mount", "sh", "-ec", script, folder()};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

std::filesystem::path MailHost::add_folder(const std::string& name, unsigned mode) const {
  std::filesystem::path path = folder() / name;
  std::filesystem::create_directory(path);
  give(path, postfix_group, mode);
  return path;
}

std::string MailHost::package() {
  return POSTFIX_ROOT;
}

std::string MailHost::program(const std::string& name) {
  return package() + "/usr/sbin/" + name;
}

Process::Environment MailHost::environment(const std::string& configuration) {
  return {{"LD_LIBRARY_PATH", package() + "/usr/lib/postfix"},
          {"MAIL_CONFIG", configuration},
          {"MAIL_LOGTTY", "1"}}; // what goes wrong before its log file is open, to standard error
}

SmtpSink::SmtpSink(const MailHost& host, const std::string& address)
    : folder_(host.add_folder("sink-" + address)),
      process_(host.inside({MailHost::program("smtp-sink"), "-v", "-u", "root", "-d",
                            folder_ / "message.", address + ":25", "16"}),
               folder_.string() + ".log", MailHost::environment()) {
  // It does not say when it is ready. The connection that finds out is not counted.
  wait_until([&] { return !process_.alive() || SmtpSession::answers(address); });
  if (!wait_until([&] { return !process_.alive() || opened() > 0; }) || !process_.alive()) {
    throw std::runtime_error("smtp-sink does not start on " + address + ":\n" + process_.log());
  }
  probes_ = opened();
}

std::size_t SmtpSink::opened() const {
  const std::string log = process_.log();
  std::size_t number = 0;
  for (std::size_t at = 0; (at = log.find(": connect (", at)) != std::string::npos; ++at) {
    ++number;
  }
  return number;
}

std::size_t SmtpSink::connections() const {
  return opened() - probes_;
}

std::string SmtpSink::message_to(const std::string& recipient) const {
  return file_with("X-Rcpt-Args: <" + recipient + ">", folder_);
}

// Daemons change users, which ends PR_SET_PDEATHSIG for them. So they have a PID namespace, which
// goes with its first process: a shell that stays, and that dies with the unshare(1) above it.
DaemonTree::DaemonTree(const MailHost& host, const std::vector<std::string>& argv,
                       std::filesystem::path log, const Process::Environment& added)
    : process_(
          [&] {
            std::vector<std::string> daemon{"sh", "-c", "\"$0\" \"$@\"; exit $?"};
            daemon.insert(daemon.end(), argv.begin(), argv.end());
            std::vector<std::string> command{"unshare", "--pid", "--fork", "--kill-child"};
            daemon = host.inside(daemon);
            command.insert(command.end(), daemon.begin(), daemon.end());
            return command;
          }(),
          std::move(log), added) {}

// unshare(1) leaves SIGTERM to what it started, and there a shell is process 1, which ignores it.
DaemonTree::~DaemonTree() {
  process_.send(SIGKILL);
}

PostfixMaster::PostfixMaster(const MailHost& host, const std::filesystem::path& configuration,
                             const std::filesystem::path& maillog)
    : maillog_(maillog),
      daemon_(host, {MailHost::package() + "/usr/lib/postfix/sbin/master", "-s"},
              maillog.string() + ".master", MailHost::environment(configuration)) {
  if (!wait_until(
          [&] { return !daemon_.alive() || log().find("daemon started") != std::string::npos; }) ||
      !daemon_.alive()) {
    throw std::runtime_error("Postfix does not start:\n" + log());
  }
}

std::string PostfixMaster::log() const {
  return daemon_.log() + read_file(maillog_);
}

Postfix::Postfix(const MailHost& host) : host_(host) {
  const std::filesystem::path queue = host_.add_folder("queue", 0755);
  for (const char* name : {"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold",
                           "incoming", "private", "saved", "trace", "pid"}) {
    host_.add_folder(queue / name);
  }
  // Where users hand in mail, and tell Postfix so.
  give(host_.add_folder(queue / "maildrop"), postdrop_group, 0730);
  give(host_.add_folder(queue / "public"), postdrop_group, 0710);
  host_.add_folder("data");
  host_.add_folder("mailboxes");
  write_file(host_.folder() / "etc/postfix/main.cf", settings(host_.folder()));
  write_file(host_.folder() / "etc/postfix/master.cf", services);
  master_ = std::make_unique<PostfixMaster>(host_, "/etc/postfix", host_.folder() / "maillog");
}

void Postfix::send(const std::string& recipient) {
  const std::filesystem::path message = host_.folder() / "message";
  write_file(message, "From: " + sender + "\nTo: " + recipient + "\nSubject: Travel plans\n\nFor " +
                          recipient + " alone.\n");
  const Outcome outcome =
      run(host_.inside({"sh", "-c", "exec \"$@\" <\"$0\"", message, MailHost::program("sendmail"),
                        "-f", sender, recipient}),
          MailHost::environment());
  if (outcome.exit_code != 0) {
    throw std::runtime_error("sendmail refuses the message:\n" + outcome.output + log());
  }
}

Delivery Postfix::delivery_to(const std::string& recipient) const {
  const std::regex attempt(": to=<([^>]*)>.* dsn=([0-9.]+), status=([a-z]+) ");
  Delivery delivery;
  const bool over = wait_until([&] {
    std::istringstream lines(log());
    std::smatch parts;
    while (std::getline(lines, delivery.line)) {
      if (std::regex_search(delivery.line, parts, attempt) && parts[1] == recipient) {
        delivery.dsn = parts[2];
        delivery.status = parts[3];
        return true;
      }
    }
    return false;
  });
  if (!over) {
    throw std::runtime_error("no outcome of the message to " + recipient + "; Postfix's log:\n" +
                             log());
  }
  return delivery;
}

std::string Postfix::bounce_about(const std::string& recipient) const {
  std::string bounce;
  if (!wait_until([&] { return !(bounce = bounce_in_mailbox(recipient)).empty(); })) {
    throw std::runtime_error("no bounce about " + recipient + "; Postfix's log:\n" + log());
  }
  return bounce;
}

std::string Postfix::bounce_in_mailbox(const std::string& recipient) const {
  return file_with("Final-Recipient: rfc822; " + recipient + "\n",
                   host_.folder() / "mailboxes/sender/new");
}

std::string Postfix::log() const {
  return master_->log();
}

} // namespace e2e
