#include "contrib/cli/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace nearmiss::cli {

namespace {

// What a new file of this process may have. umask(2) can only be read by setting it; a command has
// one thread while it writes.
mode_t usual_mode() {
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

// Empty, or why not.
std::string write_to(const std::filesystem::path& file, const std::string& text) {
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (out) {
    return {};
  }
  return errno == 0 ? "it cannot be written" : std::generic_category().message(errno);
}

} // namespace

std::string write_whole(const std::string& file, const std::string& text) {
  std::error_code error;
  // Through symbolic links, which stay what they are.
  constexpr int most_links = 40;
  std::filesystem::path target(file);
  for (int link = 0; link < most_links && std::filesystem::is_symlink(target, error); ++link) {
    target = target.parent_path() / std::filesystem::read_symlink(target, error);
  }
  const auto status = std::filesystem::status(target, error); // sets the permissions as well
  if (std::filesystem::is_directory(status)) {
    return "it is a folder; name a file";
  }
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    return write_to(target, text);
  }
  // Under a name that no other user of a shared directory can foresee and put a link at.
  std::string aside = target.native() + ".XXXXXX";
  const int made = mkostemp(aside.data(), O_CLOEXEC);
  if (made < 0) {
    return std::generic_category().message(errno);
  }
  const auto permissions = static_cast<mode_t>(status.permissions());
  (void)fchmod(made, std::filesystem::exists(status) ? permissions & 0777 : usual_mode());
  close(made);
  std::string problem = write_to(aside, text);
  if (problem.empty()) {
    std::filesystem::rename(aside, target, error);
    problem = error ? error.message() : "";
  }
  if (!problem.empty()) {
    std::filesystem::remove(aside, error);
  }
  return problem;
}

} // namespace nearmiss::cli
