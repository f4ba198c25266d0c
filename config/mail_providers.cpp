#include "config/mail_providers.hpp"

#include "config/lists/list.hpp"

#include <stdexcept>

namespace nearmiss {

extern const std::string_view shipped_mail_providers_text; // of a generated file

std::vector<Name> read_mail_providers(std::string_view content, const std::string& file,
                                      Report& report) {
  std::vector<Name> names;
  for_each_line(content, [&](std::string_view line, std::size_t number) {
    const std::string_view text = without_blanks(line.substr(0, line.find('#')));
    if (text.empty()) {
      return;
    }
    std::string problem;
    if (const auto name = listed_name(text, problem)) {
      names.push_back(*name);
    } else {
      report.error(file, {number, static_cast<std::size_t>(text.data() - line.data()) + 1},
                   problem);
    }
  });
  return names;
}

std::vector<Name> shipped_mail_providers() {
  Report report;
  auto names = read_mail_providers(shipped_mail_providers_text, "mail_providers.txt", report);
  if (report.failed()) {
    throw std::logic_error("config/lists/mail_providers.txt holds what is no name");
  }
  return names;
}

} // namespace nearmiss
