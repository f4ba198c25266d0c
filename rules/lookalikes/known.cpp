#include "rules/lookalikes/known.hpp"

#include "rules/lookalikes/shipped_lists.hpp"

#include <algorithm>
#include <string>

namespace nearmiss {

using lookalike::KeyEntry;
using lookalike::KeyKind;
using lookalike::make_key;

namespace {

// The labels from the last one on, as they are written: com, example.com.
std::uint64_t append_label(const lookalike::Hasher& hasher, std::uint64_t hash,
                           std::string_view label) noexcept {
  return hasher.append(hasher.append(hash, static_cast<std::uint32_t>(label.size())), label);
}

} // namespace

KnownNames::KnownNames(const std::vector<Name>& names) {
  std::vector<KeyEntry> entries;
  entries.reserve(names.size());
  for (const Name& name : names) {
    std::uint64_t hash = 0;
    for (std::size_t label = name.label_count(); label-- > 0;) {
      hash = append_label(hasher_, hash, name.label(label));
    }
    entries.push_back({make_key(KeyKind::known, hash), 0});
    most_labels_ = std::max(most_labels_, name.label_count());
  }
  size_ = names.size();
  keys_ = lookalike::KeyTable(std::move(entries));
}

KnownNames::KnownNames(std::string_view lines) {
  std::vector<KeyEntry> entries;
  while (!lines.empty()) {
    std::string_view name = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(name.size() + 1, lines.size()));
    if (name.empty()) {
      continue;
    }
    std::uint64_t hash = 0;
    std::size_t labels = 0;
    while (!name.empty()) {
      const std::size_t dot = name.rfind('.');
      hash = append_label(hasher_, hash, name.substr(dot == name.npos ? 0 : dot + 1));
      name = name.substr(0, dot == name.npos ? 0 : dot);
      ++labels;
    }
    entries.push_back({make_key(KeyKind::known, hash), 0});
    most_labels_ = std::max(most_labels_, labels);
  }
  size_ = entries.size();
  keys_ = lookalike::KeyTable(std::move(entries));
}

std::shared_ptr<const KnownNames> KnownNames::shipped() {
  // Never destroyed: threads may ask while the process ends.
  static const auto& known = *new std::shared_ptr<const KnownNames>(
      new KnownNames({lookalike::known_list, sizeof lookalike::known_list - 1}));
  return known;
}

const KnownNames& KnownNames::mail_providers() {
  static const KnownNames& providers =
      *new KnownNames({lookalike::mail_provider_list, sizeof lookalike::mail_provider_list - 1});
  return providers;
}

bool KnownNames::contains(const Name& name) const noexcept {
  const std::size_t most = std::min(name.label_count(), most_labels_);
  std::uint64_t hash = 0;
  for (std::size_t labels = 1; labels <= most; ++labels) {
    hash = append_label(hasher_, hash, name.label(name.label_count() - labels));
    if (!keys_.find(make_key(KeyKind::known, hash)).empty()) {
      return true;
    }
  }
  return false;
}

} // namespace nearmiss
