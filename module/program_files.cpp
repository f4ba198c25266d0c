#include "module/program_files.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace nearmiss {

namespace {

// Any address in the module's own mapping, and how a line of /proc/self/maps begins that holds it.
bool holds_this_module(const std::string& line) {
  static const char here = 0;
  const auto address = reinterpret_cast<std::uintptr_t>(&here);
  std::istringstream in(line);
  std::uintptr_t first = 0;
  std::uintptr_t end = 0;
  char dash = 0;
  in >> std::hex >> first >> dash >> end;
  return in && address >= first && address < end;
}

} // namespace

bool is_replaced(const std::string& line_of_maps, std::string& path) {
  // 7f0c0a000000-7f0c0a100000 r--p 00000000 08:01 131110   /usr/lib/unbound/nearmiss.so (deleted)
  std::istringstream in(line_of_maps);
  std::string range;
  std::string rights;
  std::string offset;
  unsigned major_number = 0;
  unsigned minor_number = 0;
  char colon = 0;
  ino_t inode = 0;
  in >> range >> rights >> offset >> std::hex >> major_number >> colon >> minor_number >>
      std::dec >> inode >> std::ws;
  if (!std::getline(in, path) || path.empty() || path.front() != '/') {
    return false;
  }
  constexpr std::string_view deleted = " (deleted)";
  if (path.ends_with(deleted)) {
    path.resize(path.size() - deleted.size());
    return true;
  }
  struct stat now {};
  // Over an overlay the mapping's device is that of a layer: only the inode is compared.
  return stat(path.c_str(), &now) != 0 || now.st_ino != inode;
}

std::vector<ReplacedFile> replaced_files() {
  std::vector<ReplacedFile> replaced;
  std::ifstream maps("/proc/self/maps");
  std::string line;
  bool first = true;
  while (std::getline(maps, line)) {
    std::string path;
    const bool is_program = first; // the program is mapped lowest, as position independent code too
    first = false;
    if ((is_program || holds_this_module(line)) && is_replaced(line, path)) {
      replaced.push_back({is_program ? "unbound" : "module", path});
    }
  }
  return replaced;
}

std::string newer_unbound() {
  constexpr std::size_t longest = 128;
  std::string version;
  // Nothing in this process changes its environment.
  if (const char* file = std::getenv("NEARMISS_NEWER_UNBOUND")) { // NOLINT(concurrency-mt-unsafe)
    std::ifstream in(file);
    std::getline(in, version);
  }
  return version.substr(0, longest);
}

} // namespace nearmiss
