// Words and numbers as the commands print them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace nearmiss::cli {

// "1,204,331"
std::string grouped(std::uint64_t number);
// "1,204,331 names", "1 name"; `word` takes an s as its plural.
std::string counted(std::uint64_t number, const std::string& word);
// "12.3 %", "0.04 %"; of nothing: "0 %".
std::string percent(std::uint64_t part, std::uint64_t whole);

// `text` in columns of a terminal: its octets that begin a character. Wide characters do not occur
// in A-labels, and what holds others comes from the policy.
std::size_t width(std::string_view text) noexcept;
// With spaces after it, to take `columns` at least. Names are never cut: their ends matter.
std::string padded(std::string_view text, std::size_t columns);
// With spaces in front of it.
std::string right(std::string_view text, std::size_t columns);
// Safe on a terminal: control characters, octets that are not UTF-8, and characters that are
// invisible or turn the text around become \xNN, an octet each.
std::string plain(std::string_view text);
// What a name with A-labels looks like to a reader of mail; empty if it has none, or if that were
// not plain() but hidden.
std::string as_read(const std::string& name);

// The columns of the terminal at stdout; 100 if there is none.
std::size_t terminal_width() noexcept;

} // namespace nearmiss::cli
