// Has the module, or the resolver's program, been replaced on the disk since this process loaded
// it?
#pragma once

#include <string>
#include <vector>

namespace nearmiss {

struct ReplacedFile {
  std::string what; // "module" or "unbound"
  std::string path;
};

// Those of which another file has the path now, or none. What the system does not tell (no /proc,
// in a chroot) is left out. Throws std::bad_alloc.
std::vector<ReplacedFile> replaced_files();

// The version of a package of Unbound on this machine that is newer than the one that runs, or
// nothing. It is what the file holds that $NEARMISS_NEWER_UNBOUND names, which
// contrib/packaging/newer-unbound.sh writes. Throws std::bad_alloc.
std::string newer_unbound();

// replaced_files() for one mapped file, by a line of /proc/self/maps; for tests.
bool is_replaced(const std::string& line_of_maps, std::string& path);

} // namespace nearmiss
