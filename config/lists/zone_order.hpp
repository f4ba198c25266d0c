// The response policy zones of one policy beside each other.
//
// Resolvers take the first zone that has a trigger for the name, whatever a later one says; a
// policy takes the most specific trigger of all, and at the same name an allow. With `order: zones`
// the triggers of a zone that an earlier one decides are left out, which comes to the same;
// without, those are counted on which the two ways differ.
#pragma once

#include "config/lists/trigger_table.hpp"
#include "rules/policy_builder.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

namespace nearmiss {

class ZoneOrder {
 public:
  enum class Mode { off, report, first_wins };
  explicit ZoneOrder(Mode mode) noexcept : mode_(mode) {}
  Mode mode() const noexcept { return mode_; }

  // The next zone is that of the file.
  void begin(std::filesystem::path file) { zones_.push_back(std::move(file)); }

  // Adds a trigger of this zone, which must be begun. Returns the file of the earlier zone that
  // decides it (first_wins), or would decide it otherwise (report); null: none.
  const std::filesystem::path* add(const Name& name, Scope scope, bool allows) {
    const auto before = earlier(name, scope);
    const auto code = static_cast<unsigned>((zones_.size() - 1) * 2 + (allows ? 1 : 0));
    if (!before) {
      table_.see(name, scope == Scope::below, code, 1);
      return nullptr;
    }
    const bool before_allows = before->code % 2 == 1;
    const bool differs = before->same ? allows && !before_allows : allows != before_allows;
    return mode_ == Mode::first_wins || differs ? &zones_[before->code / 2] : nullptr;
  }

 private:
  struct Earlier {
    unsigned code;
    bool same; // the very trigger, not a wildcard above it
  };

  std::optional<Earlier> earlier(const Name& name, Scope scope) const noexcept {
    const auto found = [&](const Name& at, bool wildcard) {
      const auto code = table_.find(at, wildcard);
      return code && *code / 2 + 1 < zones_.size() ? code : std::nullopt;
    };
    if (const auto same = found(name, scope == Scope::below)) {
      return Earlier{*same, true};
    }
    for (std::size_t labels = name.label_count(); labels > 0; --labels) {
      if (const auto above = found(name.last_labels(labels - 1), true)) {
        return Earlier{*above, false};
      }
    }
    return std::nullopt;
  }

  Mode mode_;
  std::vector<std::filesystem::path> zones_;
  TriggerTable table_;
};

} // namespace nearmiss
