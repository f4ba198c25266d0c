#include "tests/e2e/sinkhole_server.hpp"

#include "tests/e2e/smtp_session.hpp"
#include "tests/paths.hpp"

#include <stdexcept>

namespace e2e {

SinkholeServer::SinkholeServer(const MailHost& host, const std::string& address,
                               const std::string& policy)
    : host_(host), address_(address), folder_(host.add_folder("sinkhole-" + address, 0755)) {
  // The service runs as `nobody`, which need not be able to enter the clone.
  std::filesystem::copy_file(NEARMISS_CLI, folder_ / "nearmiss");
  write_policy(policy);
  Outcome made = run(host_.inside({NEARMISS_SINKHOLE_INSTANCE, address_, folder_,
                                   folder_ / "nearmiss.yaml", folder_ / "nearmiss"}),
                     {{"POSTFIX_ROOT", MailHost::package()}});
  if (made.exit_code != 0) {
    throw std::runtime_error("no sinkhole instance:\n" + made.output);
  }
  start();
}

void SinkholeServer::start() {
  write_file(folder_ / "maillog", "");
  master_ = std::make_unique<PostfixMaster>(host_, folder_, folder_ / "maillog");
}

void SinkholeServer::restart() {
  master_.reset();
  // Its processes go with their namespace, which is not at once.
  if (!wait_until([&] { return !SmtpSession::answers(address_); })) {
    throw std::runtime_error("the sinkhole does not end:\n" + read_file(folder_ / "maillog"));
  }
  start();
}

void SinkholeServer::write_policy(const std::string& text) const {
  write_file(folder_ / "new.yaml", text);
  std::filesystem::permissions(folder_ / "new.yaml", std::filesystem::perms(0644));
  std::filesystem::rename(folder_ / "new.yaml", folder_ / "nearmiss.yaml");
}

void SinkholeServer::lose_policy_service() const {
  std::filesystem::remove(folder_ / "nearmiss");
}

std::size_t SinkholeServer::rejections_of(const std::string& recipient) const {
  const std::string log = read_file(folder_ / "maillog");
  const std::string start = "reject: RCPT from unknown[127.0.0.1]: 550 5.1.2 <" + recipient + ">: ";
  std::size_t number = 0;
  for (std::size_t at = 0; (at = log.find(start, at)) != std::string::npos; ++at) {
    ++number;
  }
  return number;
}

std::vector<std::string> SinkholeServer::queued() const {
  std::vector<std::string> files;
  for (const char* queue : {"active", "bounce", "corrupt", "defer", "deferred", "hold", "incoming",
                            "maildrop", "saved"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(folder_ / "queue" / queue)) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  return files;
}

std::string SinkholeServer::log() const {
  return master_->log();
}

} // namespace e2e
