// Names: wire form and presentation form, each as it comes and there and back again.
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <optional>

using nearmiss::Name;

namespace {

// RFC 1035 section 3.1, read once more and naively: where the name ends, if it is one.
std::optional<std::size_t> end_of_name(std::span<const std::uint8_t> wire) {
  for (std::size_t at = 0; at < wire.size() && at < 255; at += 1 + wire[at]) {
    if (wire[at] == 0) {
      return at + 1;
    }
    if (wire[at] > 63) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

void check_text(const Name& name) {
  const std::string text = name.to_text();
  PROMISE(!text.empty());
  PROMISE(std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; }) ||
          text.find("\\ ") != std::string::npos);
  PROMISE(text.find('"') == std::string::npos || text.find("\\\"") != std::string::npos);
  const auto again = Name::from_text(text);
  PROMISE(again && *again == name);
  const auto with_dot = Name::from_text(name.is_root() ? text : text + '.');
  PROMISE(with_dot && *with_dot == name);
}

void check_parts(const Name& name) {
  PROMISE(name.is_at_or_below(name));
  PROMISE(name.last_labels(name.label_count()) == name);
  std::size_t octets = 1;
  Name parent = name;
  for (std::size_t i = 0; i < name.label_count(); ++i) {
    octets += 1 + name.label(i).size();
    PROMISE(!name.label(i).empty() && name.label(i).size() <= Name::max_label);
    parent = parent.parent();
    PROMISE(parent.label_count() == name.label_count() - i - 1);
    PROMISE(name.is_at_or_below(parent));
    PROMISE(!parent.is_at_or_below(name));
    PROMISE(std::ranges::equal(name.suffix(parent.label_count()), parent.wire()));
    PROMISE(name.with_suffix(parent, parent) == name);
  }
  PROMISE(octets == name.wire().size());
  PROMISE(parent.is_root() && parent.parent().is_root());
}

void check(const Name& name) {
  const auto wire = name.wire();
  PROMISE(!wire.empty() && wire.size() <= Name::max_octets);
  PROMISE(end_of_name(wire) == wire.size());
  const auto again = Name::from_wire(wire);
  PROMISE(again && *again == name);
  PROMISE(std::none_of(wire.begin(), wire.end(), [](auto c) { return c >= 'A' && c <= 'Z'; }));
  check_text(name);
  check_parts(name);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> wire(data, data + size);
  const auto end = end_of_name(wire);
  const auto name = Name::from_wire(wire);
  PROMISE(name.has_value() == end.has_value());
  if (name) {
    PROMISE(
        std::ranges::equal(name->wire(), std::span(wire).first(*end), [](auto ours, auto given) {
          return ours == given || (given >= 'A' && given <= 'Z' && ours == given + ('a' - 'A'));
        }));
    check(*name);
  }
  if (const auto written = Name::from_text({reinterpret_cast<const char*>(data), size})) {
    check(*written);
  }
  return 0;
}
