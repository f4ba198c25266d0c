// Files that a command writes whole.
#pragma once

#include <string>

namespace nearmiss::cli {

// Puts `text` in the file: a reader sees what was there before or all of it, never a half. What is
// no regular file (a pipe, /dev/null) is written to as it stands. Empty, or why it could not be
// done.
std::string write_whole(const std::string& file, const std::string& text);

} // namespace nearmiss::cli
