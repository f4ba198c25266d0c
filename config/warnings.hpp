// A policy without errors can still leave a way open for mail. These are the warnings about it.
#pragma once

#include "config/rule_reader.hpp"
#include "rules/policy.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace nearmiss {

struct PolicySource {
  const std::string& file;
  Place mode; // of `mode: observe`; else line 0
  const std::vector<Group>& groups;
  const SinkholeSource& sinkhole;
  const std::vector<RuleSource>& rules;
  const std::vector<ListSource>& lists;
  const std::vector<Name>& mail_providers; // that no rule should block
};

void warn_of_open_ways(const Policy& policy, const PolicySource& source,
                       std::chrono::sys_days today, Report& report);

} // namespace nearmiss
