#include "contrib/bench/lookalike_baselines.hpp"

#include "rules/lookalikes/suffix.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

namespace nearmiss::bench {

namespace {

std::string registered(const Name& name) {
  const std::size_t labels = std::min(name.label_count(), lookalike::owned_suffix_labels(name) + 1);
  return name.last_labels(labels).to_text();
}

// The domains by text, and by each text that is left without up to `most` characters.
class Near {
 public:
  Near(const std::vector<Name>& domains, unsigned most) : most_(most) {
    for (const Name& domain : domains) {
      const std::string text = registered(domain);
      trusted_.insert(text);
      if (texts_.emplace(text, domain).second) {
        for (const std::string& left : deletions(text)) {
          by_deletion_[left].push_back(text);
        }
      }
    }
  }
  template<typename Better> std::optional<Name> nearest(const Name& asked, Better cost) const {
    const std::string text = registered(asked);
    if (trusted_.contains(text)) {
      return std::nullopt;
    }
    std::optional<std::pair<double, std::string>> best;
    for (const std::string& left : deletions(text)) {
      const auto found = by_deletion_.find(left);
      if (found == by_deletion_.end()) {
        continue;
      }
      for (const std::string& candidate : found->second) {
        const auto far = cost(text, candidate);
        if (far && (!best || std::pair(*far, candidate) < *best)) {
          best = {*far, candidate};
        }
      }
    }
    return best ? std::optional(texts_.at(best->second)) : std::nullopt;
  }

 private:
  std::set<std::string> deletions(const std::string& text) const {
    std::set<std::string> all{text};
    std::set<std::string> last{text};
    for (unsigned step = 0; step < most_; ++step) {
      std::set<std::string> next;
      for (const std::string& one : last) {
        for (std::size_t at = 0; at < one.size(); ++at) {
          next.insert(std::string(one).erase(at, 1));
        }
      }
      all.insert(next.begin(), next.end());
      last = std::move(next);
    }
    return all;
  }

  unsigned most_;
  std::set<std::string> trusted_;
  std::map<std::string, Name> texts_;
  std::unordered_map<std::string, std::vector<std::string>> by_deletion_;
};

// Walks both texts at once and looks up to five characters ahead where they part.
double sift3(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) {
    return static_cast<double>(std::max(a.size(), b.size()));
  }
  constexpr std::size_t ahead = 5;
  std::size_t at = 0;
  std::size_t in_a = 0;
  std::size_t in_b = 0;
  std::size_t common = 0;
  for (; at + in_a < a.size() && at + in_b < b.size(); ++at) {
    if (a[at + in_a] == b[at + in_b]) {
      ++common;
      continue;
    }
    in_a = in_b = 0;
    for (std::size_t step = 0; step < ahead; ++step) {
      if (at + step < a.size() && a[at + step] == b[at]) {
        in_a = step;
        break;
      }
      if (at + step < b.size() && a[at] == b[at + step]) {
        in_b = step;
        break;
      }
    }
  }
  return static_cast<double>(a.size() + b.size()) / 2 - static_cast<double>(common);
}

std::optional<std::string> nearest_by_sift3(const std::string& text,
                                            const std::vector<std::string>& known, double limit) {
  std::optional<std::pair<double, std::string>> best;
  for (const std::string& one : known) {
    if (std::abs(static_cast<int>(one.size()) - static_cast<int>(text.size())) > 4) {
      continue;
    }
    const double far = sift3(text, one);
    if (!best || far < best->first) {
      best = {far, one};
    }
  }
  return best && best->first <= limit ? std::optional(best->second) : std::nullopt;
}

struct Mailcheck {
  std::vector<std::string> domains, second_levels, top_levels;
  std::map<std::string, Name> names;
};

std::pair<std::string, std::string> split(const std::string& domain) {
  const auto dot = domain.find('.');
  return {domain.substr(0, dot), dot == domain.npos ? "" : domain.substr(dot + 1)};
}

} // namespace

unsigned distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<unsigned>> far(a.size() + 1, std::vector<unsigned>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        far[i][j] = static_cast<unsigned>(i + j);
        continue;
      }
      far[i][j] = std::min({far[i - 1][j] + 1, far[i][j - 1] + 1,
                            far[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        far[i][j] = std::min(far[i][j], far[i - 2][j - 2] + 1);
      }
    }
  }
  return far[a.size()][b.size()];
}

Finder by_distance(const std::vector<Name>& domains, unsigned most) {
  const auto near = std::make_shared<const Near>(domains, most);
  return [near, most](const Name& asked) {
    return near->nearest(asked, [most](std::string_view a, std::string_view b) {
      const unsigned far = distance(a, b);
      return far <= most ? std::optional(double{static_cast<double>(far)}) : std::nullopt;
    });
  };
}

Finder by_mailcheck(const std::vector<Name>& domains) {
  auto rules = std::make_shared<Mailcheck>();
  std::set<std::string> seconds;
  std::set<std::string> tops;
  for (const Name& domain : domains) {
    const std::string text = registered(domain);
    if (rules->names.emplace(text, domain).second) {
      rules->domains.push_back(text);
      const auto [second, top] = split(text);
      seconds.insert(second);
      tops.insert(top);
    }
  }
  rules->second_levels.assign(seconds.begin(), seconds.end());
  rules->top_levels.assign(tops.begin(), tops.end());
  return [rules](const Name& asked) -> std::optional<Name> {
    const std::string text = registered(asked);
    if (rules->names.contains(text)) {
      return std::nullopt;
    }
    if (const auto whole = nearest_by_sift3(text, rules->domains, 2)) {
      return rules->names.at(*whole);
    }
    const auto [second, top] = split(text);
    const auto near_second = nearest_by_sift3(second, rules->second_levels, 2);
    const auto near_top = nearest_by_sift3(top, rules->top_levels, 2);
    const std::string made = near_second.value_or(second) + '.' + near_top.value_or(top);
    const auto found = rules->names.find(made);
    return made != text && found != rules->names.end() ? std::optional(found->second)
                                                       : std::nullopt;
  };
}

} // namespace nearmiss::bench
