#include "config/name_files.hpp"

#include "config/names.hpp"

#include <algorithm>
#include <utility>

namespace nearmiss {

NameFiles::NameFiles(const YamlReader& reader, std::filesystem::path folder, PolicyFiles& files)
    : reader_(reader), folder_(std::move(folder)), files_(files) {}

std::vector<FileName> NameFiles::read(const YamlNode& node, std::string_view key) {
  std::vector<FileName> names;
  const auto path = reader_.text(node, key);
  if (!path) {
    return names;
  }
  const auto full = folder_ / *path;
  const auto content = files_.read_list(full, node.place, reader_.report());
  if (!content) {
    return names;
  }
  paths_.push_back(std::make_unique<const std::string>(full.native()));
  const std::string& file = *paths_.back();
  const std::size_t errors = reader_.report().errors();
  std::string_view text(content->bytes.data(), content->bytes.size());
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF"; // that some editors write
  if (text.starts_with(byte_order_mark)) {
    text.remove_prefix(byte_order_mark.size());
  }
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    line = line.substr(0, line.find('#'));
    constexpr std::string_view blank = " \t\r";
    const std::size_t begin = line.find_first_not_of(blank);
    if (begin == line.npos) {
      continue;
    }
    line = line.substr(begin, line.find_last_not_of(blank) - begin + 1);
    const Place place{number, begin + 1};
    std::string problem;
    if (const auto name = read_listed_name(line, problem)) {
      names.push_back({*name, file, place});
    } else {
      reader_.report().error(file, place, problem);
    }
  }
  if (names.empty() && reader_.report().errors() == errors) {
    reader_.error(node, shown(file) + " holds no domain; write one a line, or take " + shown(key) +
                            " out");
  }
  return names;
}

} // namespace nearmiss
