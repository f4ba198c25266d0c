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

std::vector<Notice> switch_notices(const Overrides& switched, Switched how, uid_t user,
                                   const Policy& policy) {
  const bool begins = how == Switched::by_an_admin || how == Switched::still_at_start;
  const std::string why = how == Switched::still_at_start    ? ", as before this start"
                          : how == Switched::taken_back      ? ": it was taken back"
                          : how == Switched::ended_by_itself ? ": its time is over"
                                                             : "";
  const auto word = [](bool enforcing) { return enforcing ? "enforce" : "observe"; };
  std::vector<Notice> notices;
  const auto finish = [&](Notice& notice) {
    if (how == Switched::by_an_admin || how == Switched::taken_back) {
      notice.fields.push_back({"user.id", std::to_string(user)});
    }
    notices.push_back(std::move(notice));
  };
  if (const auto& mode = switched.mode) {
    const std::string until = mode->until ? " until " + rfc3339(*mode->until) : "";
    Notice notice{.action = begins ? "mode-overridden" : "mode-override-ended"};
    notice.message = std::string("mode: ") + word(mode->enforcing) + until +
                     (begins ? ", whatever the policy says (" : " has ended, the policy says ") +
                     word(policy.enforcing()) + (begins ? ")" : "") + why;
    notice.fields.push_back(
        {"nearmiss.mode", std::string(word(begins ? mode->enforcing : policy.enforcing()))});
    if (mode->until) {
      notice.fields.push_back({"nearmiss.until", rfc3339(*mode->until)});
    }
    finish(notice);
  }
  for (const AllowedName& allowed : switched.allowed) {
    const std::string name = allowed.name.to_text();
    Notice notice{.action = begins ? "name-allowed" : "name-allow-ended"};
    notice.message = name + (begins ? " is let through until " : " was let through until ") +
                     rfc3339(allowed.until) +
                     (allowed.client_group.empty() ? "" : ", for " + allowed.client_group) +
                     (allowed.ticket.empty() ? "" : ", ticket " + allowed.ticket) + why;
    notice.fields = {{"nearmiss.allowed_name", name}, {"nearmiss.until", rfc3339(allowed.until)}};
    if (!allowed.client_group.empty()) {
      notice.fields.push_back({"nearmiss.client_group", allowed.client_group});
    }
    if (!allowed.ticket.empty()) {
      notice.fields.push_back({"nearmiss.ticket", allowed.ticket});
    }
    finish(notice);
  }
  return notices;
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
