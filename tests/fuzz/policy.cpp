// The policy loader: any octets as a policy file, with a list beside it that it may name.
#include "config/config.hpp"
#include "config/diagnostics.hpp"
#include "module/answer.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace nearmiss;

namespace {

constexpr std::string_view list = "army-mil.example\n# a comment\nnavy.ml\n";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return lines;
    }
    text.remove_prefix(end + 1);
  }
}

void check_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    PROMISE(length > 0);
    text.remove_prefix(length);
  }
}

// A diagnostic stands inside the file it names, and cannot play with a terminal.
void check(const Diagnostic& diagnostic, std::string_view policy) {
  PROMISE(!diagnostic.message.empty());
  PROMISE(printable(to_text(diagnostic)) == to_text(diagnostic));
  if (diagnostic.line == 0) {
    return; // about the whole file
  }
  const bool about_policy = std::filesystem::path(diagnostic.file).filename() == "policy.yaml";
  const auto lines = lines_of(about_policy ? policy : list);
  PROMISE(diagnostic.line <= lines.size());
  PROMISE(diagnostic.column >= 1 && diagnostic.column <= lines[diagnostic.line - 1].size() + 1);
}

void check(const Config& config) {
  const Answers answers(config);
  for (const Rule& rule : config.policy.rules()) { // what goes into events as it is
    for (const auto* text : {&rule.id, &rule.category, &rule.reason, &rule.reference, &rule.owner,
                             &rule.ticket, &rule.confusable_class}) {
      check_utf8(*text);
    }
  }
  for (const std::string& group : config.policy.clients().names()) {
    check_utf8(group);
  }
  for (const char* text : {"army.ml", "a.army-mil.example", "arrny.mil", "army.mil", "."}) {
    const Name name = fuzz::known_name(text);
    for (const std::uint16_t type : std::initializer_list<std::uint16_t>{1, 15, 16, 255}) {
      const Query query{name, type, ClientAddress::v4({127, 1, 0, 1}), {}};
      const Verdict verdict = config.policy.decide(query);
      PROMISE(!verdict.noteworthy() || config.policy.covers(name, type));
      PROMISE(!verdict.enforced || (config.policy.enforcing() && blocks(verdict.action)));
      std::vector<Runner> lost;
      PROMISE(config.policy.explain(query, lost).rule == verdict.rule);
      if (verdict.noteworthy()) {
        (void)Policy::intended_for(verdict, name);
      }
      if (verdict.enforced) {
        nm_answer answer;
        answers.make(verdict, name, name.wire(), type, answer);
        PROMISE(answer.answer_count + answer.authority_count <= NM_RECORDS_MAX);
      }
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Folder folder;
  static const bool written = (folder.write("list.txt", list), true);
  PROMISE(written);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto today = std::chrono::sys_days(std::chrono::year(2026) / 6 / 1);
  const LoadResult result = load(folder.write("policy.yaml", text), today);
  PROMISE(result.readable);
  const bool errors =
      std::any_of(result.diagnostics.begin(), result.diagnostics.end(),
                  [](const Diagnostic& d) { return d.severity == Severity::error; });
  PROMISE(errors == (result.config == nullptr));
  for (const Diagnostic& diagnostic : result.diagnostics) {
    check(diagnostic, text);
  }
  if (result.config) {
    check(*result.config);
  }
  return 0;
}
