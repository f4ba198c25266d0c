#include "contrib/cli/check_unbound.hpp"

#include "config/digest.hpp"

#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include <elf.h>

namespace nearmiss::cli {

namespace {

using Header = Elf64_Ehdr; // the module is for systems of 64 bit
using Segment = Elf64_Phdr;
using Note = Elf64_Nhdr;

// Reads a T at an offset that need not be aligned for it; nothing beyond the end.
template<typename T> std::optional<T> at(std::string_view octets, std::uint64_t offset) {
  T value;
  if (offset > octets.size() || octets.size() - offset < sizeof(T)) {
    return std::nullopt;
  }
  std::memcpy(&value, octets.data() + offset, sizeof(T));
  return value;
}

std::string hex(std::string_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char octet : octets) {
    text += digits[static_cast<unsigned char>(octet) >> 4U];
    text += digits[static_cast<unsigned char>(octet) & 0xFU];
  }
  return text;
}

// The description of the GNU build-id note among `notes`; empty if there is none.
std::string_view build_id_in(std::string_view notes, std::uint64_t align) {
  const auto padded = [align](std::uint64_t size) { return (size + align - 1) & ~(align - 1); };
  while (const auto note = at<Note>(notes, 0)) {
    notes.remove_prefix(sizeof(Note));
    const std::uint64_t name = padded(note->n_namesz);
    const std::uint64_t desc = padded(note->n_descsz);
    if (name + desc > notes.size()) {
      break;
    }
    if (note->n_type == NT_GNU_BUILD_ID &&
        notes.substr(0, note->n_namesz) == std::string_view("GNU", 4)) {
      return notes.substr(name, note->n_descsz);
    }
    notes.remove_prefix(name + desc);
  }
  return {};
}

// As host_guard.c names the build of the running program.
std::string build_of(std::string_view program) {
  const auto header = at<Header>(program, 0);
  for (std::uint64_t i = 0; header && i < header->e_phnum; ++i) {
    const auto segment = at<Segment>(program, header->e_phoff + i * header->e_phentsize);
    if (!segment || segment->p_type != PT_NOTE || segment->p_offset > program.size()) {
      continue;
    }
    const std::string_view id = build_id_in(program.substr(segment->p_offset, segment->p_filesz),
                                            segment->p_align == 8 ? 8 : 4);
    if (!id.empty()) {
      return "build-id:" + hex(id);
    }
  }
  Sha256 digest;
  digest.update(program);
  return "sha256:" + digest.hex();
}

bool is_elf(std::string_view octets) {
  return octets.size() > EI_NIDENT && octets.substr(0, SELFMAG) == ELFMAG &&
         octets[EI_CLASS] == ELFCLASS64;
}

std::string version_of(std::string_view program) {
  constexpr std::string_view name = "unbound ";
  for (std::size_t from = 0; (from = program.find(name, from)) != std::string_view::npos;) {
    const std::string_view version = program.substr(from, program.find('\0', from) - from);
    from += name.size();
    if (version.size() > name.size() && version.size() < 64 &&
        std::isdigit(static_cast<unsigned char>(version[name.size()])) != 0) {
      return std::string(version);
    }
  }
  return "no Unbound that says its version";
}

// The octets of a file of machine code. Else `what` says what is wrong.
std::optional<std::string> read_elf(const std::string& path, std::string& what) {
  std::ifstream file(path, std::ios::binary);
  std::string octets{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    what = path + ": cannot be read: " + std::strerror(errno);
    return std::nullopt;
  }
  if (!is_elf(octets)) {
    what = path + ": is no program of 64 bit for this kind of system";
    return std::nullopt;
  }
  return octets;
}

} // namespace

UnboundCheck check_unbound(const std::string& program, const std::string& module) {
  // As start.c writes it into the module.
  constexpr std::string_view mark = "nearmiss built for\n";
  UnboundCheck result;
  const auto host = read_elf(program, result.what);
  if (!host) {
    return result;
  }
  const auto code = read_elf(module, result.what);
  if (!code) {
    return result;
  }
  const std::size_t place = code->find(mark);
  const std::string_view built = place == std::string::npos
                                     ? std::string_view()
                                     : std::string_view(*code).substr(place + mark.size(), 1024);
  const std::size_t version_end = built.find('\n');
  const std::size_t build_end = built.find('\n', version_end + 1);
  if (version_end == std::string_view::npos || build_end == std::string_view::npos) {
    result.what = module + ": is no module of nearmiss, or one of a release before 0.2";
    return result;
  }
  const std::string build(built.substr(version_end + 1, build_end - version_end - 1));
  const std::string found = build_of(*host);
  result.readable = true;
  result.fits = build == found;
  result.built_for = std::string(built.substr(0, version_end)) + " (" + build + ')';
  result.found = version_of(*host) + " (" + found + ')';
  result.what = result.fits ? program + ": " + result.found + " loads " + module
                            : module + " is built for " + result.built_for + ", but " + program +
                                  " is " + result.found +
                                  ": it would refuse to start. Build nearmiss for this Unbound, or "
                                  "start the one it was built for";
  return result;
}

} // namespace nearmiss::cli
