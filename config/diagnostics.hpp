// Where errors and warnings are gathered while a policy is read.
//
// Nothing stops at the first error: a reader reports and goes on, so that one run shows them all.
#pragma once

#include "config/config.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace nearmiss {

// A place in a file, both from 1, the column in octets; line 0: the whole file.
struct Place {
  std::size_t line = 0;
  std::size_t column = 0;
};

// Not safe for use by several threads.
class Report {
 public:
  void error(const std::string& file, Place place, std::string message);
  void warning(const std::string& file, Place place, std::string message);
  void note(const std::string& file, Place place, std::string message);
  bool failed() const noexcept { return errors_ > 0; }
  std::size_t errors() const noexcept { return errors_; }
  // The errors from the `errors`-th on, which are there, stay reported, but fail nothing. Returns
  // the first of them as text.
  std::string forgive(std::size_t errors);

  // The diagnostics file by file, in the order of `files`, each by line and column; behind these
  // what is said of the whole file, as how many more there are.
  std::vector<Diagnostic> take(const std::vector<SourceFile>& files) &&;

 private:
  std::vector<Diagnostic> diagnostics_;
  std::size_t errors_ = 0;
};

// The text in backquotes, as messages show what somebody wrote: control characters and octets that
// are not UTF-8 become \xNN, so that a file cannot play with the reader's terminal, and a long text
// is cut.
std::string shown(std::string_view text);

// The text with U+FFFD for each octet that is not UTF-8, and for each control character: file names
// are any octets, and events and terminals are not to get those.
std::string printable(std::string_view text);

// The candidate that `text` most likely misspells, or empty: at most two typing errors (an octet
// too many, missing, wrong, or two swapped), and fewer than half of the text.
std::string_view closest(std::string_view text, const std::vector<std::string_view>& candidates);

// "a, b, c"
std::string joined(const std::vector<std::string_view>& words);

// The length in octets of the UTF-8 sequence at the start of `text`; 0 if it is not one (RFC 3629).
std::size_t utf8_length(std::string_view text) noexcept;

} // namespace nearmiss
