// List files: the first octet chooses the format, the rest is the file.
#include "config/list_domains.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <iterator>

using namespace nearmiss;

namespace {

using Reader = std::size_t (*)(std::string_view content, const std::string& file,
                               bool public_suffixes, PolicyBuilder& builder, std::size_t rule,
                               Report& report);

// A format more is a line more.
constexpr Reader formats[] = {
    read_domains_list,
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
  const bool public_suffixes = choice >= 128;
  const std::string content(input.rest());
  PolicyBuilder builder;
  Rule rule;
  rule.id = "list";
  rule.types = TypeSet::all();
  Report report;
  const std::size_t names = formats[choice % std::size(formats)](
      content, "list", public_suffixes, builder, builder.add_rule(rule), report);
  PROMISE(report.failed() || names > 0); // an empty list blocks nothing, so it is an error
  for (const Diagnostic& diagnostic : std::move(report).take({"list"})) {
    check(diagnostic, content);
  }
  const Policy policy = std::move(builder).build();
  PROMISE(policy.name_count() <= names);
  PROMISE((policy.name_count() > 0) == (names > 0));
  return 0;
}
