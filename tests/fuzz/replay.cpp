// Runs files, or all files of folders, through a fuzz target: the corpus without libFuzzer.
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

namespace {

void replay(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::uint8_t> octets(content.begin(), content.end());
  std::printf("%s: %zu octets\n", file.c_str(), octets.size());
  (void)std::fflush(stdout); // the last line names the input that broke a promise
  LLVMFuzzerTestOneInput(octets.data(), octets.size());
}

} // namespace

int main(int argc, char** argv) {
  std::size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> files{argv[i]};
    if (std::filesystem::is_directory(files[0])) {
      files.assign(std::filesystem::directory_iterator(files[0]), {});
    }
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      replay(file);
      ++inputs;
    }
  }
  std::printf("%zu inputs\n", inputs);
  return inputs > 0 ? 0 : 2;
}
