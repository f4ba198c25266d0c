#include "config/list_domains.hpp"

#include "config/names.hpp"

namespace nearmiss {

namespace {

std::string_view without_comment(std::string_view line) noexcept {
  for (std::size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1)) {
    if (at == 0 || line[at - 1] == ' ' || line[at - 1] == '\t') {
      return line.substr(0, at);
    }
  }
  return line;
}

} // namespace

void read_domains_list(std::string_view content, std::size_t rule, ListLoad& load) {
  std::string problem;
  for_each_line(content, [&](std::string_view line, std::size_t number) {
    const std::string_view text = without_blanks(without_comment(line));
    if (text.empty()) {
      return;
    }
    auto name = listed_name(text, problem);
    if (name && !load.settings().public_suffixes && is_public_suffix(*name)) {
      problem = public_suffix_problem(text);
      name.reset();
    }
    if (name) {
      load.add(rule, *name, Scope::subtree);
    } else {
      load.broken({number, static_cast<std::size_t>(text.data() - line.data()) + 1}, problem);
    }
  });
}

} // namespace nearmiss
