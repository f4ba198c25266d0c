// The sinkhole of contrib/sinkhole/, as the files there describe it.
#pragma once

#include "tests/e2e/mail_server.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace e2e {

// A throw-away instance on port 25 of `address`, with files of its own below the host's folder.
class SinkholeServer {
 public:
  // Returns when it runs; throws with its log if it does not.
  SinkholeServer(const MailHost& host, const std::string& address, const std::string& policy);

  void write_policy(const std::string& text) const; // in one step, as an admin's editor does
  // `nearmiss sinkhole` is there no more: what runs of it stays, nothing new can start.
  void lose_policy_service() const;
  void restart(); // nothing of the old one stays
  std::size_t rejections_of(const std::string& recipient) const;
  // Files in any of its queues. None: it holds no message.
  std::vector<std::string> queued() const;
  std::string log() const;
  const std::string& address() const noexcept { return address_; }

 private:
  void start();

  const MailHost& host_;
  std::string address_;
  std::filesystem::path folder_;
  std::unique_ptr<PostfixMaster> master_;
};

} // namespace e2e
