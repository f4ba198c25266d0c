// Lists of names in files of their own: what the formats have in common.
//
// Each format has a reader in a file of its own (domains.hpp, hosts.hpp, rpz.hpp).
// It tells a ListLoad what it finds, name by name and line by line; the ListLoad puts the names
// into the policy, counts, and decides what becomes of a broken line: an error, or, with
// `strict: false`, one that is skipped and counted.
#pragma once

#include "config/diagnostics.hpp"
#include "rules/policy_builder.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// What `list:` says beside the file and its format.
struct ListSettings {
  bool strict = true;
  bool public_suffixes = false; // of the rule
  unsigned max_shrink = 50;     // percent
  bool empty_allowed = false;
  bool wildcards_with_name = false; // of a domains list: `*.name` is for the name as well
  std::optional<Name> zone{};       // of an rpz list: the zone's name, where the policy says it
};

class ListLoad {
 public:
  // All must outlive it.
  ListLoad(const std::string& file, const ListSettings& settings, PolicyBuilder& builder,
           Report& report);

  void add(std::size_t rule, const Name& name, Scope scope) {
    builder_.add_name(rule, name, scope);
    ++names_;
  }
  void broken(Place place, std::string problem);
  void warning(Place place, std::string message);
  void note(Place place, std::string message);
  // A name that the list has, and another list decides.
  void decided_elsewhere() noexcept { ++elsewhere_; }
  // A name that is everybody's below a private suffix, and so was listed alone, or, if it was to
  // stand for what is below it, left out.
  void private_suffix(const Name& name, Place place);
  // Adds a name as lists that others publish mean it: a private suffix is listed alone, a public
  // one is a broken line. `text`: as the file has it.
  // False: nothing was added, which is reported.
  bool add_published(std::size_t rule, const Name& name, Scope scope, std::string_view text,
                     Place place);
  // The rule shall not match the name or anything below it.
  void except(std::size_t rule, const Name& name) { builder_.add_exception(rule, name); }
  // A line that is right and says nothing about a name; `kind` is what such lines are.
  void left_out(std::string_view kind, Place place);

  // After the last line: reports what stays to be said of the broken ones, and a list without a
  // name. `a_right_file`: what the format holds, as in "one domain name a line".
  // Returns how many names were added, those that came again counted again.
  std::size_t finish(std::string_view a_right_file);

  const ListSettings& settings() const noexcept { return settings_; }

 private:
  void tell_errors(std::string_view a_right_file);
  void tell_skipped();

  const std::string& file_;
  const ListSettings& settings_;
  PolicyBuilder& builder_;
  Report& report_;
  std::size_t names_ = 0;
  std::size_t elsewhere_ = 0;
  struct Broken {
    Place place;
    std::string problem;
  };
  void tell_left_out();

  struct LeftOut {
    std::size_t count = 0;
    Place first;
  };
  std::map<std::string, LeftOut, std::less<>> left_out_; // by kind
  std::size_t private_suffixes_ = 0;
  Place first_private_suffix_;
  std::string first_private_suffix_name_;
  std::size_t broken_ = 0;
  std::vector<Broken> told_; // the first of them in the file, in its order
};

// Calls `line(text, number)` for each line, without its LF or CR LF; numbers from 1.
void for_each_line(std::string_view content,
                   const std::function<void(std::string_view, std::size_t)>& line);

// Without the blanks (spaces and tabs) around it. Points into `text`.
std::string_view without_blanks(std::string_view text) noexcept;

// As some publishers begin comments: `! words` or `!#if`.
bool begins_comment(std::string_view text) noexcept;

// What blanks separate. Points into `line`.
std::vector<std::string_view> words_of(std::string_view line);

// A name of a list; nullopt: it is none, `problem` says why and what to write instead.
std::optional<Name> listed_name(std::string_view text, std::string& problem);

// "`ml` is a public suffix ...": why a list may not hold it with everything below.
std::string public_suffix_problem(std::string_view text);

} // namespace nearmiss
