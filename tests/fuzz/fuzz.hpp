// What the fuzz targets share. Each target is one file with LLVMFuzzerTestOneInput; clang links it
// with libFuzzer, any other compiler with replay.cpp, which runs the corpus through it.
//
// A target asserts what the headers promise, not only that nothing crashes.
#pragma once

#include "rules/name.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace nearmiss::fuzz {

// Ends the process, so that the fuzzer keeps the input.
[[noreturn]] inline void broken(const char* promise, const char* file, int line) {
  (void)std::fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
  std::abort();
}

#define PROMISE(condition)                                                                         \
  ((condition) ? void() : nearmiss::fuzz::broken(#condition, __FILE__, __LINE__))

// Takes an input apart; what is not there is zero or empty.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  std::uint8_t octet() noexcept {
    if (rest_.empty()) {
      return 0;
    }
    const std::uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  std::uint16_t number() noexcept {
    const unsigned high = octet();
    return static_cast<std::uint16_t>(high << 8U | octet());
  }
  // As many octets as the next one says. A copy of its own size, so that AddressSanitizer sees a
  // read behind it.
  std::vector<std::uint8_t> field() {
    const std::size_t wanted = octet(); // before rest_ is looked at
    const std::size_t size = std::min(wanted, rest_.size());
    std::vector<std::uint8_t> value(rest_.begin(),
                                    rest_.begin() + static_cast<std::ptrdiff_t>(size));
    rest_ = rest_.subspan(size);
    return value;
  }
  std::string text() {
    const auto octets = field();
    return {octets.begin(), octets.end()};
  }
  std::string_view rest() const noexcept {
    return {reinterpret_cast<const char*>(rest_.data()), rest_.size()};
  }
  bool empty() const noexcept { return rest_.empty(); }

 private:
  std::span<const std::uint8_t> rest_;
};

// A name that a target has written itself.
inline Name known_name(std::string_view text) {
  const auto name = Name::from_text(text);
  PROMISE(name);
  return *name;
}

// A folder for the files of this process; gone when it ends well.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "nearmiss-fuzz.XXXXXX").string();
    PROMISE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::filesystem::path write(const char* file, std::string_view content) const {
    auto path = path_ / file;
    std::FILE* const out = std::fopen(path.c_str(), "wb");
    PROMISE(out != nullptr);
    PROMISE(content.empty() ||
            std::fwrite(content.data(), 1, content.size(), out) == content.size());
    PROMISE(std::fclose(out) == 0);
    return path;
  }

 private:
  std::filesystem::path path_;
};

} // namespace nearmiss::fuzz
