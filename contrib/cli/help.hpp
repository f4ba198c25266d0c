// How the help of `nearmiss` looks, and what a mistyped command may mean.
#pragma once

#include <string>
#include <string_view>

namespace CLI {
class App;
}

namespace nearmiss::cli {

// Help in 80 columns, with the commands in groups. Call it once all commands are there.
void arrange_help(CLI::App& app);

// What to say of a first argument that is neither a command nor an option; else empty.
std::string unknown_command(const CLI::App& app, std::string_view written);

} // namespace nearmiss::cli
