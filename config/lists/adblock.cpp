#include "config/lists/adblock.hpp"

#include "config/names.hpp"
#include "rules/client.hpp"

#include <algorithm>
#include <array>

namespace nearmiss {

namespace {

// Options that leave a filter one for the whole name.
constexpr std::array<std::string_view, 3> harmless_options{"important", "all", "document"};

bool only_harmless(std::string_view options) {
  while (!options.empty()) {
    const std::size_t end = std::min(options.find(','), options.size());
    if (std::ranges::find(harmless_options, options.substr(0, end)) == harmless_options.end()) {
      return false;
    }
    options.remove_prefix(std::min(end + 1, options.size()));
  }
  return true;
}

// Of a page, not of a name: `##`, `#@#`, `#?#`, `#$#`, `$$` and the like behind domains.
bool is_about_elements(std::string_view filter) {
  constexpr std::array<std::string_view, 8> separators{"##",  "#@#",  "#?#", "#$#",
                                                       "#%#", "#@$#", "$$",  "#@?#"};
  return std::ranges::any_of(
      separators, [&](std::string_view one) { return filter.find(one) != std::string_view::npos; });
}

bool is_comment(std::string_view line) {
  return line.starts_with('!') || line.starts_with('[') ||
         (line.starts_with('#') &&
          (line.size() == 1 || line[1] == ' ' || line[1] == '#' || line[1] == '\t') &&
          !line.starts_with("##"));
}

class Reader {
 public:
  Reader(std::size_t rule, ListLoad& load) : rule_(rule), load_(load) {}

  void take(std::string_view line, std::size_t number) {
    std::string_view filter = without_blanks(line);
    if (filter.empty() || is_comment(filter)) {
      if (filter.starts_with("!#include") || filter.starts_with("!#if")) {
        load_.left_out("directives (`!#`)", {number, 1});
      }
      return;
    }
    place_ = {number, static_cast<std::size_t>(filter.data() - line.data()) + 1};
    if (is_about_elements(filter)) {
      load_.left_out("filters of a page's elements (`##`)", place_);
      return;
    }
    const bool exception = filter.starts_with("@@");
    filter.remove_prefix(exception ? 2 : 0);
    if (filter.starts_with('/')) {
      load_.left_out("regular expressions and paths", place_);
      return;
    }
    if (!filter.starts_with("||")) {
      take_plain(filter, exception);
      return;
    }
    filter.remove_prefix(2);
    const std::size_t option = filter.find('$');
    const std::string_view options =
        option == std::string_view::npos ? "" : filter.substr(option + 1);
    filter = filter.substr(0, option);
    if (option != std::string_view::npos && !only_harmless(options)) {
      load_.left_out("filters with options (`$`)", place_);
      return;
    }
    if (filter.ends_with('|')) {
      filter.remove_suffix(1);
    }
    if (filter.ends_with('^')) {
      filter.remove_suffix(1);
    }
    const bool below = filter.starts_with("*.");
    filter.remove_prefix(below ? 2 : 0);
    if (filter.find('/') != std::string_view::npos || filter.find(':') != std::string_view::npos) {
      load_.left_out("regular expressions and paths", place_);
    } else if (filter.empty() || filter.find_first_of("*^|?=") != std::string_view::npos) {
      load_.left_out("patterns (`*`)", place_);
    } else {
      add(filter, below ? Scope::below : Scope::subtree, exception);
    }
  }

 private:
  void take_plain(std::string_view filter, bool exception) {
    const auto words = words_of(filter.substr(0, filter.find(" #")));
    if (words.size() == 2 && ClientAddress::from_text(words[0])) { // a line of a hosts file
      if (words[1] != "localhost") {
        add(words[1], Scope::exact, exception);
      }
      return;
    }
    const bool name = words.size() == 1 &&
                      filter.find_first_of("*^|/$=?:&,") == std::string_view::npos &&
                      filter.find('.') != std::string_view::npos && !filter.starts_with('.') &&
                      !filter.starts_with('-') && !filter.starts_with('_');
    if (name) {
      add(words[0], Scope::exact, exception);
    } else {
      load_.left_out("patterns (`*`)", place_);
    }
  }

  void add(std::string_view text, Scope scope, bool exception) {
    if (ClientAddress::from_text(text)) {
      load_.left_out("addresses", place_);
      return;
    }
    std::string problem;
    const auto name = listed_name(text, problem);
    if (!name) {
      load_.broken(place_, problem);
    } else if (exception) {
      load_.except(rule_, *name);
    } else {
      load_.add_published(rule_, *name, scope, text, place_);
    }
  }

  std::size_t rule_;
  ListLoad& load_;
  Place place_;
};

} // namespace

void read_adblock_list(std::string_view content, std::size_t rule, ListLoad& load) {
  Reader reader(rule, load);
  for_each_line(content,
                [&](std::string_view line, std::size_t number) { reader.take(line, number); });
}

} // namespace nearmiss
