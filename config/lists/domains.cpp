#include "config/lists/domains.hpp"

#include "config/names.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

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

std::string_view name_in(std::string_view line) noexcept {
  const std::string_view text = without_blanks(without_comment(line));
  return begins_comment(text) ? std::string_view() : text;
}

// The names of `*.` lines that no line lists themselves: mail to them goes on.
class OpenParents {
 public:
  void wildcard(const Name& parent, Place place) { open_.try_emplace(key_of(parent), place); }
  bool none() const noexcept { return open_.empty(); }

  void look_for_them_in(std::string_view content) {
    std::string unused;
    for_each_line(content, [&](std::string_view line, std::size_t) {
      const std::string_view text = name_in(line);
      if (const auto name = text.empty() ? std::nullopt : listed_name(text, unused)) {
        open_.erase(key_of(*name));
      }
    });
  }

  void tell(ListLoad& load) const {
    const auto first =
        std::ranges::min_element(open_, {}, [](const auto& parent) { return parent.second.line; });
    if (first == open_.end()) {
      return;
    }
    const std::string name = Name::from_wire(first->first)->to_text();
    load.warning(first->second, std::to_string(open_.size()) +
                                    (open_.size() == 1 ? " wildcard leaves" : " wildcards leave") +
                                    " the name itself open, as `*." + name + "` does `" + name +
                                    "`; write `" + name +
                                    "` for the name and everything below it, or `wildcards: "
                                    "with-name` in `list` to read all of them so");
  }

 private:
  using Key = std::vector<std::uint8_t>;
  static Key key_of(const Name& name) { return {name.wire().begin(), name.wire().end()}; }

  std::map<Key, Place> open_;
};

} // namespace

void read_domains_list(std::string_view content, std::size_t rule, ListLoad& load) {
  std::string problem;
  OpenParents open;
  for_each_line(content, [&](std::string_view line, std::size_t number) {
    std::string_view text = name_in(line);
    if (text.empty()) {
      return;
    }
    const Place place{number, static_cast<std::size_t>(text.data() - line.data()) + 1};
    const bool wildcard = text.starts_with("*.") && text.size() > 2;
    if (wildcard) {
      text.remove_prefix(2);
    }
    if (wildcard && text.starts_with("*")) {
      load.broken(place, shown("*." + std::string(text)) +
                             " has a `*` behind the first; only the first label may be one");
      return;
    }
    const auto name = listed_name(text, problem);
    if (!name) {
      load.broken(place, problem);
      return;
    }
    const bool with_name = wildcard && load.settings().wildcards_with_name;
    const bool alone = wildcard && !with_name;
    const Scope scope = alone ? Scope::below : Scope::subtree;
    if (load.add_published(rule, *name, scope, text, place) && alone) {
      open.wildcard(*name, place);
    }
  });
  if (!open.none()) {
    open.look_for_them_in(content);
    open.tell(load);
  }
}

} // namespace nearmiss
