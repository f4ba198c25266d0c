#include "module/events/notices.hpp"

#include "module/events/timestamp.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

namespace nearmiss {

namespace {

using Ids = std::vector<std::string>;
constexpr std::size_t most_ids = 100; // in a notice; the counts are of all

// The owner by /etc/passwd alone: whatever else knows users may need the resolver that waits for
// this. Read by hand, as no function of POSIX reads that file alone. In a chroot it may be missing.
std::string user_name(uid_t uid) {
  std::ifstream file("/etc/passwd");
  const std::string id = std::to_string(uid);
  for (std::string line; std::getline(file, line);) { // name:password:uid:...
    const std::size_t name = line.find(':');
    const std::size_t password = name == std::string::npos ? name : line.find(':', name + 1);
    if (password != std::string::npos && line.compare(password + 1, id.size() + 1, id + ':') == 0) {
      return line.substr(0, name);
    }
  }
  return {};
}

void add_ids(Notice& notice, const std::string& name, Ids ids) {
  notice.fields.push_back({name + "_count", std::uint64_t{ids.size()}});
  ids.resize(std::min(ids.size(), most_ids));
  notice.fields.push_back({name, std::move(ids)});
}

void add_file(Notice& notice, const std::filesystem::path& file) {
  struct stat status {};
  notice.fields.push_back({"file.path", file.native()});
  if (stat(file.c_str(), &status) != 0) {
    return; // gone already; what was read is in force
  }
  notice.fields.push_back({"file.uid", std::to_string(status.st_uid)});
  const std::string owner = user_name(status.st_uid);
  if (!owner.empty()) {
    notice.fields.push_back({"file.owner", owner});
  }
  const auto changed = std::chrono::seconds(status.st_mtim.tv_sec) +
                       std::chrono::nanoseconds(status.st_mtim.tv_nsec);
  const auto at = std::chrono::duration_cast<Timestamp::Clock::duration>(changed);
  notice.fields.push_back(
      {"file.mtime", std::string(Timestamp().text(Timestamp::Clock::time_point(at)))});
}

} // namespace

Notice policy_loaded(const Config* before, const Config& now, const std::string& message) {
  std::map<std::string_view, const Rule*> old;
  if (before != nullptr) {
    for (const Rule& rule : before->policy.rules()) {
      if (!rule.variant) {
        old.emplace(rule.id, &rule);
      }
    }
  }
  Ids added;
  Ids removed;
  Ids changed;
  for (const Rule& rule : now.policy.rules()) {
    if (rule.variant) {
      continue;
    }
    const auto found = old.find(rule.id);
    if (found == old.end()) {
      added.push_back(rule.id);
      continue;
    }
    if (!(*found->second == rule)) {
      changed.push_back(rule.id);
    }
    old.erase(found);
  }
  for (const auto& [id, rule] : old) {
    removed.emplace_back(id);
  }
  Notice notice{.action = "policy-loaded", .message = message};
  notice.fields = {{"nearmiss.rules", std::uint64_t{now.policy.rule_count()}},
                   {"nearmiss.names", std::uint64_t{now.policy.name_count()}}};
  add_ids(notice, "nearmiss.rules_added", std::move(added));
  add_ids(notice, "nearmiss.rules_removed", std::move(removed));
  add_ids(notice, "nearmiss.rules_changed", std::move(changed));
  if (!now.files.empty()) {
    add_file(notice, now.files.front().path);
  }
  return notice;
}

Notice client_discovered(const ClientAddress& client, const Name& qname, bool tcp) {
  Notice notice{.action = "mail-client-discovered", .category = "network"};
  notice.message = client.to_text() + " asks for MX records and is in no group of clients";
  notice.fields = {{"source.ip", client.to_text()},
                   {"network.transport", std::string(tcp ? "tcp" : "udp")},
                   {"network.protocol", std::string("dns")},
                   {"dns.question.name", qname.to_text()},
                   {"dns.question.type", std::string("MX")},
                   {"related.ip", std::vector<std::string>{client.to_text()}}};
  return notice;
}

} // namespace nearmiss
