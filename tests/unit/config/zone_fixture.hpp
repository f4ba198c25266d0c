// A response policy zone in a test: a policy of it, its errors and its verdicts.
#pragma once

#include "config/local_data.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

#include <string>

namespace nearmiss::test {

inline const std::string head = "$TTL 300\n"
                                "$ORIGIN rpz.feed.\n"
                                "@ IN SOA localhost. hostmaster.localhost. (\n"
                                "  1 3600 600 86400 60 ) ; six lines, with the next two\n"
                                "  IN NS localhost.\n"
                                "\n"; // the triggers start in line 7

inline std::string policy_with(const std::string& rest) {
  return "version: 1\n"
         "rules:\n"
         "  - id: feed\n"
         "    list: {file: l.rpz, format: rpz}\n" +
         rest;
}

inline LoadResult load_zone(const Folder& folder, const std::string& zone,
                            const std::string& rest = "") {
  folder.write("l.rpz", zone);
  return folder.load_policy(policy_with(rest));
}

// The one error that the triggers come to.
inline std::string error_of(const std::string& triggers, const std::string& rest = "") {
  const Folder folder;
  const LoadResult result = load_zone(folder, head + triggers, rest);
  CHECK(result.config == nullptr);
  CHECK(result.diagnostics.size() == 1);
  return texts(folder, result);
}

// "nxdomain", "passes" if no rule blocks, and for local data its records.
inline std::string verdict_on(const Config& config, const std::string& asked,
                              const std::string& type = "MX", bool tcp = false) {
  const Verdict verdict = config.policy.decide(
      {*Name::from_text(asked), *type_from_text(type), ClientAddress(), today, tcp});
  if (verdict.rule == nullptr) {
    return "passes";
  }
  std::string text(to_string(verdict.action));
  if (verdict.action == Action::local_data) {
    for (const LocalRecord& record : *verdict.rule->local_data) {
      text += " | " + (record.owner ? record.owner->to_text() + " " : "") + to_text(record);
    }
  }
  CHECK(verdict.rule->id == "feed");
  return text;
}

} // namespace nearmiss::test
