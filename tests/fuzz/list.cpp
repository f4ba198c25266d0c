// List files: the first octet chooses the format, the rest is the file.
#include "config/lists/adblock.hpp"
#include "config/lists/dnsmasq.hpp"
#include "config/lists/domains.hpp"
#include "config/lists/hosts.hpp"
#include "config/lists/rpz.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <iterator>

using namespace nearmiss;

namespace {

// Adds what the content lists to the policy's one rule.
using Reader = void (*)(std::string_view content, PolicyBuilder& builder, const Rule& rule,
                        ListLoad& load);

// A format more is a line more.
constexpr Reader formats[] = {
    [](std::string_view content, PolicyBuilder&, const Rule&, ListLoad& load) {
      read_domains_list(content, 0, load);
    },
    [](std::string_view content, PolicyBuilder&, const Rule&, ListLoad& load) {
      read_hosts_list(content, 0, load);
    },
    [](std::string_view content, PolicyBuilder& builder, const Rule& rule, ListLoad& load) {
      RpzRules rules({.rule = rule}, builder);
      ZoneOrder order(ZoneOrder::Mode::off);
      read_rpz_list(content, rules, order, load);
    },
    [](std::string_view content, PolicyBuilder&, const Rule&, ListLoad& load) {
      read_adblock_list(content, 0, load);
    },
    [](std::string_view content, PolicyBuilder&, const Rule&, ListLoad& load) {
      read_dnsmasq_list(content, 0, load);
    },
};

void check(const Diagnostic& diagnostic, std::string_view content) {
  PROMISE(diagnostic.file == "list");
  if (diagnostic.line == 0) {
    return;
  }
  for (std::size_t line = 1; line < diagnostic.line; ++line) {
    const std::size_t end = content.find('\n');
    PROMISE(end != std::string_view::npos);
    content.remove_prefix(end + 1);
  }
  content = content.substr(0, content.find('\n'));
  PROMISE(diagnostic.column >= 1 && diagnostic.column <= content.size() + 1);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const unsigned choice = input.octet();
  const ListSettings settings{.strict = (choice & 64U) == 0,
                              .public_suffixes = (choice & 128U) != 0};
  const std::string content(input.rest());
  const std::string file = "list";
  PolicyBuilder builder;
  Rule rule;
  rule.id = file;
  rule.types = TypeSet::all();
  builder.add_rule(rule);
  Report report;
  ListLoad load(file, settings, builder, report);
  formats[(choice & 63U) % std::size(formats)](content, builder, rule, load);
  const std::size_t names = load.finish("names");
  PROMISE(report.failed() || names > 0); // an empty list blocks nothing, so it is an error
  for (const Diagnostic& diagnostic : std::move(report).take({{"list", {}}})) {
    check(diagnostic, content);
  }
  const Policy policy = std::move(builder).build();
  PROMISE(policy.name_count() <= names);
  PROMISE((policy.name_count() > 0) == (names > 0));
  return 0;
}
