#include "config/lists/list.hpp"

#include "config/names.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace nearmiss {

namespace {

constexpr std::size_t errors_shown = 20; // a file of another format is wrong in every line
constexpr std::size_t skipped_shown = 3;

// A-Z a-z 0-9 - _ . : nothing that needs an escape, IDNA or an explanation.
constexpr std::array<bool, 256> ordinary = [] {
  std::array<bool, 256> table{};
  for (const char c : std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789-_.")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_ordinary(std::string_view text) noexcept {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  // One that does not end in a letter may be an IP address.
  return letter(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return ordinary[static_cast<unsigned char>(c)];
         });
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length == 0) {
      return false;
    }
    at += length;
  }
  return true;
}

std::string lines(std::size_t count, const char* more = "") {
  return std::to_string(count) + more + (count == 1 ? " broken line" : " broken lines");
}

} // namespace

ListLoad::ListLoad(const std::string& file, const ListSettings& settings, PolicyBuilder& builder,
                   Report& report)
    : file_(file), settings_(settings), builder_(builder), report_(report) {}

void ListLoad::broken(Place place, std::string problem) {
  ++broken_;
  // Some are found when the rest is read, as two records of a zone that contradict each other.
  const auto behind = std::ranges::upper_bound(
      told_, std::pair(place.line, place.column), {},
      [](const Broken& one) { return std::pair(one.place.line, one.place.column); });
  told_.insert(behind, {place, std::move(problem)});
  if (told_.size() > (settings_.strict ? errors_shown : skipped_shown)) {
    told_.pop_back();
  }
}

void ListLoad::warning(Place place, std::string message) {
  report_.warning(file_, place, std::move(message));
}

void ListLoad::note(Place place, std::string message) {
  report_.note(file_, place, std::move(message));
}

void ListLoad::private_suffix(const Name& name, Place place) {
  if (private_suffixes_++ == 0) {
    first_private_suffix_ = place;
    first_private_suffix_name_ = name.to_text();
  }
}

std::size_t ListLoad::finish(std::string_view a_right_file) {
  if (private_suffixes_ > 0) {
    warning(first_private_suffix_,
            std::to_string(private_suffixes_) +
                (private_suffixes_ == 1 ? " name is a suffix" : " names are suffixes") +
                " below which an organisation gives names to others, such as " +
                shown(first_private_suffix_name_) +
                ": what is below stays open; write `public_suffix: true` in the rule to block that "
                "as well");
  }
  tell_left_out();
  if (settings_.strict) {
    tell_errors(a_right_file);
  } else if (broken_ > 0) {
    tell_skipped();
  }
  if (names_ + elsewhere_ > 0 || (broken_ > 0 && settings_.strict)) {
    return names_ + elsewhere_;
  }
  if (broken_ == 0 && left_out_.empty() && settings_.empty_allowed) {
    report_.note(file_, {}, "the list holds no name, as `empty: allowed` lets it");
    return names_;
  }
  report_.error(
      file_, {},
      broken_ > 0 || !left_out_.empty()
          ? "the list holds no name that could be used, so its rule would block nothing; write " +
                std::string(a_right_file) + ", or take the rule out"
          : "the list holds no name, so its rule would block nothing; write " +
                std::string(a_right_file) + ", take the rule out, or, if the list may " +
                "be empty, write `empty: allowed` in `list`");
  return names_;
}

bool ListLoad::add_published(std::size_t rule, const Name& name, Scope scope, std::string_view text,
                             Place place) {
  if (scope == Scope::exact || settings_.public_suffixes || !is_public_suffix(name)) {
    add(rule, name, scope);
    return true;
  }
  if (!is_private_suffix(name)) {
    broken(place, public_suffix_problem(text));
    return false;
  }
  private_suffix(name, place);
  if (scope == Scope::subtree) {
    add(rule, name, Scope::exact);
  }
  return scope == Scope::subtree;
}

void ListLoad::left_out(std::string_view kind, Place place) {
  auto found = left_out_.find(kind);
  if (found == left_out_.end()) {
    found = left_out_.emplace(std::string(kind), LeftOut{0, place}).first;
  }
  ++found->second.count;
}

void ListLoad::tell_left_out() {
  std::size_t total = 0;
  std::string kinds;
  Place first;
  for (const auto& [kind, lines] : left_out_) {
    total += lines.count;
    kinds += (kinds.empty() ? "" : ", ") + std::to_string(lines.count) + ' ' + kind;
    first = first.line == 0 || lines.first.line < first.line ? lines.first : first;
  }
  if (total > 0) {
    warning(first, std::to_string(total) + (total == 1 ? " line" : " lines") +
                       " left out, which DNS cannot do: " + kinds);
  }
}

void ListLoad::tell_errors(std::string_view a_right_file) {
  for (const Broken& one : told_) {
    report_.error(file_, one.place, one.problem);
  }
  if (broken_ > told_.size()) {
    report_.error(file_, {},
                  "and " + lines(broken_ - told_.size(), " more") + "; is this a list of " +
                      std::string(a_right_file) + "? `strict: false` in `list` skips them");
  }
}

void ListLoad::tell_skipped() {
  std::string skipped;
  for (const Broken& one : told_) {
    skipped += (skipped.empty() ? "line " : "; line ") + std::to_string(one.place.line) + ": " +
               one.problem;
  }
  report_.warning(file_, told_.front().place,
                  lines(broken_) + " skipped, as `strict: false` says: " + skipped +
                      (broken_ > told_.size() ? "; ..." : ""));
}

void for_each_line(std::string_view content,
                   const std::function<void(std::string_view, std::size_t)>& line) {
  for (std::size_t number = 1; !content.empty(); ++number) {
    const std::size_t end = content.find('\n');
    std::string_view text = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    if (text.ends_with('\r')) {
      text.remove_suffix(1);
    }
    line(text, number);
  }
}

std::string_view without_blanks(std::string_view text) noexcept {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.back())) {
    text.remove_suffix(1);
  }
  while (!text.empty() && blank(text.front())) {
    text.remove_prefix(1);
  }
  return text;
}

bool begins_comment(std::string_view text) noexcept {
  return text == "!" || text.starts_with("!#") || text.starts_with("!!") ||
         (text.starts_with('!') && text.find_first_of(" \t") != std::string_view::npos);
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view blanks = " \t";
  std::vector<std::string_view> words;
  for (std::size_t at = line.find_first_not_of(blanks); at != std::string_view::npos;
       at = line.find_first_not_of(blanks, at)) {
    const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

std::optional<Name> listed_name(std::string_view text, std::string& problem) {
  if (is_ordinary(text)) {
    if (auto name = Name::from_text(text)) {
      return name;
    }
  }
  if (!is_utf8(text)) {
    problem = shown(text) + " is not UTF-8; save the list as UTF-8, or write A-labels (xn--...)";
    return std::nullopt;
  }
  return read_listed_name(text, problem);
}

std::string public_suffix_problem(std::string_view text) {
  return shown(text) + " is a public suffix, with everybody's names below it; take it out, or " +
         "write `public_suffix: true` in the rule";
}

} // namespace nearmiss
