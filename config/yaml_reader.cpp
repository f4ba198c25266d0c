#include "config/yaml_reader.hpp"

#include "config/yaml_remedy.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <stdexcept>

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace nearmiss {

namespace {

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) {
    return {};
  }
  return {static_cast<std::size_t>(mark.line) + 1, static_cast<std::size_t>(mark.column) + 1};
}

// Builds the tree of the first document.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, Report& report) : file_(file), report_(report) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    place_value({YamlNode::Kind::nothing, place_of(mark), {}, true, {}, {}});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    report_.error(file_, place_of(mark),
                  "a YAML alias (`*...`) is not used in policies; write the value itself here");
    place_value({YamlNode::Kind::alias, place_of(mark), {}, true, {}, {}});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    refuse_tag(mark, tag);
    last_quote_ = tag == "!" ? std::optional(mark) : std::nullopt;
    place_value({YamlNode::Kind::text, place_of(mark), value, tag != "!", {}, {}});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open_.push_back({{YamlNode::Kind::list, place_of(mark), {}, true, {}, {}}, std::nullopt});
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    refuse_tag(mark, tag);
    open_.push_back({{YamlNode::Kind::map, place_of(mark), {}, true, {}, {}}, std::nullopt});
  }
  void OnMapEnd() override { close(); }

  YamlNode take() && { return std::move(root_); }
  // Where the last scalar begins, if it is quoted.
  const std::optional<YAML::Mark>& last_quote() const noexcept { return last_quote_; }

 private:
  struct Open {
    YamlNode node;
    std::optional<YamlNode> key; // of a map: read, its value not yet
  };

  // yaml-cpp gives plain values the tag "?" and quoted ones "!"; anything else was written.
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      report_.error(file_, place_of(mark),
                    "a YAML tag (" + shown(tag) + ") is not used in policies; leave it out");
    }
  }
  void close() {
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    place_value(std::move(node));
  }
  void place_value(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      parent.node.keys.push_back(std::move(*parent.key));
      parent.node.items.push_back(std::move(node));
      parent.key.reset();
    }
  }

  const std::string& file_;
  Report& report_;
  std::vector<Open> open_;
  YamlNode root_;
  std::optional<YAML::Mark> last_quote_;
};

// For a second document: only its being there counts.
class Ignore : public YAML::EventHandler {
 public:
  Place place;
  void OnDocumentStart(const YAML::Mark& mark) override { place = place_of(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// yaml-cpp replaces what is not UTF-8 and stops at NUL, both without a word; so look first.
bool readable(std::string_view text, const std::string& file, Report& report) {
  Place place{1, 1};
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = utf8_length(text.substr(i));
    if (length == 0 || text[i] == '\0') {
      report.error(file, place,
                   length == 0 ? "not UTF-8 (octet " + shown(text.substr(i, 1)) +
                                     "); save the file as UTF-8"
                               : std::string("a NUL octet; save the file as UTF-8 text"));
      return false;
    }
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      place.column += length; // octets, as yaml-cpp counts
    }
    i += length;
  }
  return true;
}

struct Line {
  Place place;
  std::string_view text;
};

// The line that the place is in, or the last one: yaml-cpp counts on where it looks for more behind
// the text's end.
Line line_at(Place place, std::string_view text) {
  std::size_t number = 1;
  for (std::size_t end = text.find('\n'); number < place.line; ++number, end = text.find('\n')) {
    if (end == std::string_view::npos) {
      return {{number, text.size() + 1}, text};
    }
    text.remove_prefix(end + 1);
  }
  const std::string_view line = text.substr(0, text.find('\n'));
  return {{place.line, std::min(place.column, line.size() + 1)}, line};
}

// yaml-cpp takes a quote that is never closed for one that is closed at the end of the file, and
// all rules behind it for text. `quoted`: from the opening quote on (YAML 1.2 section 7.3).
bool is_closed(std::string_view quoted) {
  const char quote = quoted.front();
  for (std::size_t at = 1; at < quoted.size(); ++at) {
    if (quote == '"' && quoted[at] == '\\') {
      ++at;
    } else if (quoted[at] == quote) {
      if (quote == '"' || quoted.substr(at + 1, 1) != "'") {
        return true;
      }
      ++at; // two are one in the text
    }
  }
  return false;
}

bool ends_in_quotes(std::string_view text, const YAML::Mark& quote) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf"; // which yaml-cpp does not count
  if (text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
  }
  const auto at = static_cast<std::size_t>(quote.pos);
  return at >= text.size() || (text[at] != '"' && text[at] != '\'') || !is_closed(text.substr(at));
}

} // namespace

std::string_view kind_name(const YamlNode& node) noexcept {
  switch (node.kind) {
  case YamlNode::Kind::nothing:
    return "nothing";
  case YamlNode::Kind::text:
    return "text";
  case YamlNode::Kind::list:
    return "a list";
  case YamlNode::Kind::map:
    return "a map";
  case YamlNode::Kind::alias:
    return "an alias";
  }
  return "";
}

std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file, Report& report) {
  if (!readable(text, file, report)) {
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder tree(file, report);
    if (!parser.HandleNextDocument(tree)) {
      report.error(file, {}, "the file holds no policy; a policy starts with `version: 1`");
      return std::nullopt;
    }
    if (tree.last_quote() && ends_in_quotes(text, *tree.last_quote())) {
      report.error(file, place_of(*tree.last_quote()),
                   "the quote that begins here is never closed; write another behind the value");
      return std::nullopt;
    }
    Ignore second;
    if (parser.HandleNextDocument(second)) {
      report.error(file, second.place,
                   "a second YAML document; a policy is one document, so take the `---` out");
    }
    return std::move(tree).take();
  } catch (const YAML::DeepRecursion& e) {
    report.error(file, line_at(place_of(e.mark), text).place,
                 "lists and maps nested too deeply; a policy needs four");
    return std::nullopt;
  } catch (const YAML::Exception& e) {
    const Line line = line_at(place_of(e.mark), text);
    const std::string remedy =
        yaml_remedy(line.text, line.place.column == 0 ? 0 : line.place.column - 1, e.msg);
    // yaml-cpp quotes single octets, even of a character that has several.
    report.error(file, line.place,
                 "not YAML: " + printable(e.msg) + (remedy.empty() ? "" : "; ") + remedy);
    return std::nullopt;
  }
}

std::optional<std::string> YamlReader::text(const YamlNode& node, std::string_view key) const {
  if (node.kind == YamlNode::Kind::alias) {
    return std::nullopt;
  }
  if (node.kind != YamlNode::Kind::text) {
    error(node, shown(key) + " must be text, not " + std::string(kind_name(node)));
    return std::nullopt;
  }
  if (node.text.empty()) {
    error(node, shown(key) + " is empty; write a value or leave the key out");
    return std::nullopt;
  }
  return node.text;
}

std::optional<std::uint32_t> YamlReader::number(const YamlNode& node, std::string_view key,
                                                std::uint32_t least, std::uint32_t most) const {
  std::uint32_t value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, problem] = std::from_chars(node.text.data(), end, value);
  if (node.kind != YamlNode::Kind::text || !node.plain || node.text.empty() ||
      problem != std::errc() || stop != end || value < least || value > most) {
    const std::string found =
        node.kind == YamlNode::Kind::text ? shown(node.text) : std::string(kind_name(node));
    error(node, shown(key) + " must be a number from " + std::to_string(least) + " to " +
                    std::to_string(most) + ", not " + found +
                    (node.plain ? "" : " in quotes; take the quotes away"));
    return std::nullopt;
  }
  return value;
}

std::optional<bool> YamlReader::truth(const YamlNode& node, std::string_view key) const {
  if (node.kind == YamlNode::Kind::text && node.plain &&
      (node.text == "true" || node.text == "false")) {
    return node.text == "true";
  }
  const std::string found =
      node.kind == YamlNode::Kind::text ? shown(node.text) : std::string(kind_name(node));
  error(node, shown(key) + " must be `true` or `false` without quotes, not " + found);
  return std::nullopt;
}

const std::vector<YamlNode>* YamlReader::list(const YamlNode& node, std::string_view key) const {
  if (node.kind != YamlNode::Kind::list) {
    std::string message = shown(key) + " must be a list, not " + std::string(kind_name(node));
    if (node.kind == YamlNode::Kind::text) {
      message += "; write " + shown("[" + node.text + "]");
    }
    error(node, std::move(message));
    return nullptr;
  }
  if (node.items.empty()) {
    error(node, shown(key) + " is an empty list; write a value or leave the key out");
    return nullptr;
  }
  return &node.items;
}

std::optional<std::size_t> YamlReader::word(const YamlNode& node, std::string_view key,
                                            const std::vector<std::string_view>& words) const {
  const auto value = text(node, key);
  if (!value) {
    return std::nullopt;
  }
  const auto found = std::find(words.begin(), words.end(), *value);
  if (found != words.end()) {
    return static_cast<std::size_t>(found - words.begin());
  }
  const std::string_view meant = closest(*value, words);
  error(node, shown(*value) + " is no value of " + shown(key) +
                  (meant.empty() ? "" : ", did you mean " + shown(meant) + "?") + "; write " +
                  (words.size() == 1 ? shown(words[0]) : "one of: " + joined(words)));
  return std::nullopt;
}

YamlMap::YamlMap(const YamlNode& node, const keys::Section& section, const YamlReader& reader)
    : node_(node), section_(section), what_(section.what), reader_(reader) {
  if (node.kind != YamlNode::Kind::map) {
    reader.error(node, what_ + " must be a map (`key: value` lines), not " +
                           std::string(kind_name(node)));
    return;
  }
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const YamlNode& key = node.keys[i];
    if (key.kind != YamlNode::Kind::text) {
      reader.error(key, "a key of " + what_ + " must be text, not " + std::string(kind_name(key)));
      continue;
    }
    const std::size_t first = *index_of(key.text);
    if (first < i) {
      reader.error(key, shown(key.text) + " stands twice in " + what_ + ", first in line " +
                            std::to_string(node.keys[first].place.line) + "; keep one");
    }
  }
}

const YamlNode* YamlMap::find(std::string_view key) {
  if (!section_.keys.empty() && section_.find(key) == nullptr) {
    throw std::logic_error("config/keys.cpp has no row for " + shown(key) + " in " + what_);
  }
  const auto index = index_of(key);
  if (!index) {
    return nullptr;
  }
  const YamlNode& value = node_.items[*index];
  if (value.kind == YamlNode::Kind::alias) {
    return nullptr;
  }
  if (value.kind == YamlNode::Kind::nothing) {
    reader_.error(node_.keys[*index], shown(key) + " has no value; write one or leave the key out");
    return nullptr;
  }
  return &value;
}

const YamlNode* YamlMap::require(std::string_view key, std::string_view remedy) {
  if (node_.kind == YamlNode::Kind::map && !has(key)) {
    reader_.error(node_, what_ + " has no " + shown(key) + "; " + std::string(remedy));
  }
  return find(key);
}

bool YamlMap::finish() const {
  std::vector<std::string_view> known;
  for (const keys::Key& key : section_.keys) {
    known.push_back(key.name);
  }
  bool all_known = true;
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    const YamlNode& key = node_.keys[i];
    if (key.kind != YamlNode::Kind::text || *index_of(key.text) < i ||
        section_.find(key.text) != nullptr) {
      continue;
    }
    all_known = false;
    const std::string_view meant = closest(key.text, known);
    reader_.error(key, "unknown key " + shown(key.text) + " in " + what_ +
                           (meant.empty() ? "" : ", did you mean " + shown(meant) + "?") +
                           "; the keys here are: " + joined(known));
  }
  return all_known;
}

std::optional<std::size_t> YamlMap::index_of(std::string_view key) const noexcept {
  for (std::size_t i = 0; i < node_.keys.size(); ++i) {
    if (node_.keys[i].kind == YamlNode::Kind::text && node_.keys[i].text == key) {
      return i;
    }
  }
  return std::nullopt;
}

} // namespace nearmiss
