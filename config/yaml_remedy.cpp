#include "config/yaml_remedy.hpp"

#include "config/diagnostics.hpp"

#include <yaml-cpp/exceptions.h>

namespace nearmiss {

namespace {

using namespace YAML::ErrorMsg;

// True if a tab stands among the blanks that the line begins with.
bool indented_by_tab(std::string_view line) {
  return line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

// True if a key stands before the colon: then that colon is part of a value.
bool has_key_before(std::string_view line, std::size_t colon) {
  return line.substr(0, colon).find(": ") != std::string_view::npos;
}

} // namespace

std::string yaml_remedy(std::string_view line, std::size_t at, std::string_view problem) {
  const std::string_view rest = line.substr(at);
  if (problem == TAB_IN_INDENTATION || indented_by_tab(line)) {
    return "indent with spaces, YAML allows no tabs there";
  }
  if (problem == UNKNOWN_TOKEN || problem.starts_with(UNKNOWN_ANCHOR) ||
      problem == ALIAS_NOT_FOUND || problem == CHAR_IN_ALIAS || problem == ANCHOR_NOT_FOUND ||
      problem == CHAR_IN_ANCHOR) {
    return rest.empty()
               ? "put the value in quotes"
               : "a value that begins with " + shown(rest.substr(0, 1)) + " must stand in quotes";
  }
  if (problem == MAP_VALUE) {
    return has_key_before(line, at)
               ? "a value that holds `: ` must stand in quotes"
               : "look at the line before: after a key there must be `: `, after the `-` of an "
                 "item a space, and the keys of one map begin in one column";
  }
  if (problem == END_OF_SEQ_FLOW) {
    return "a `[` that was opened before is not closed; write the `]`, and a comma between items";
  }
  if (problem == END_OF_MAP_FLOW) {
    return "a `{` that was opened before is not closed; write the `}`, and a comma between keys";
  }
  if (problem == FLOW_END) {
    return "the bracket that was opened last is of the other kind, or none is open; write the one "
           "that closes it (`]` for `[`, `}` for `{`), or take this one out";
  }
  if (problem == END_OF_MAP || problem == END_OF_SEQ || problem == BLOCK_ENTRY) {
    return "the keys of one map begin in one column, so do the `-` of one list, and nothing may "
           "stand behind a quoted value";
  }
  if (problem.starts_with(INVALID_ESCAPE)) {
    return "between double quotes a backslash is written twice; or use single quotes";
  }
  return {};
}

} // namespace nearmiss
