#include "config/lists/dnsmasq.hpp"

#include "config/lists/hosts.hpp"
#include "config/names.hpp"

#include <vector>

namespace nearmiss {

namespace {

// What `/` separates: `/a/b/0.0.0.0` is "a", "b" and "0.0.0.0".
std::vector<std::string_view> parts_of(std::string_view value) {
  std::vector<std::string_view> parts;
  value.remove_prefix(1);
  for (;;) {
    const std::size_t end = value.find('/');
    parts.push_back(value.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    value.remove_prefix(end + 1);
  }
}

class Reader {
 public:
  Reader(std::size_t rule, ListLoad& load) : rule_(rule), load_(load) {}

  void take(std::string_view line, std::size_t number) {
    const std::string_view text = without_blanks(without_comment(line));
    if (text.empty()) {
      return;
    }
    place_ = {number, static_cast<std::size_t>(text.data() - line.data()) + 1};
    const std::size_t equals = text.find('=');
    const std::string_view key = without_blanks(text.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? "" : without_blanks(text.substr(equals + 1));
    const bool address = key == "address";
    if ((!address && key != "server" && key != "local") || !value.starts_with('/')) {
      load_.left_out("other settings", place_);
      return;
    }
    auto parts = parts_of(value);
    if (parts.size() < 2) {
      load_.broken(place_, shown(text) + " has no `/` behind the name; write `" + std::string(key) +
                               "=/name/`");
      return;
    }
    const std::string_view target = parts.back();
    parts.pop_back();
    if (!address && target == "#") {
      add(parts, true);
    } else if (target.empty() || (address && (target == "#" || is_nowhere(target)))) {
      add(parts, false);
    } else {
      load_.left_out(
          address ? "names with the address of a real host" : "names for another resolver", place_);
    }
  }

 private:
  static std::string_view without_comment(std::string_view line) noexcept {
    if (without_blanks(line).starts_with('#')) {
      return {};
    }
    return line.substr(0, std::min(line.find(" #"), line.find("\t#")));
  }

  void add(const std::vector<std::string_view>& names, bool exception) {
    for (std::string_view text : names) {
      if (text.empty() || text == "#") {
        load_.left_out("settings for every name", place_);
        continue;
      }
      if (text.starts_with('.')) {
        text.remove_prefix(1);
      }
      const bool below = text.starts_with("*.");
      text.remove_prefix(below ? 2 : 0);
      if (text.starts_with('*')) {
        load_.left_out("patterns (`*`)", place_);
        continue;
      }
      std::string problem;
      const auto name = listed_name(text, problem);
      if (!name) {
        load_.broken(place_, problem);
      } else if (exception) {
        load_.except(rule_, *name);
      } else {
        load_.add_published(rule_, *name, below ? Scope::below : Scope::subtree, text, place_);
      }
    }
  }

  std::size_t rule_;
  ListLoad& load_;
  Place place_;
};

} // namespace

void read_dnsmasq_list(std::string_view content, std::size_t rule, ListLoad& load) {
  Reader reader(rule, load);
  for_each_line(content,
                [&](std::string_view line, std::size_t number) { reader.take(line, number); });
}

} // namespace nearmiss
