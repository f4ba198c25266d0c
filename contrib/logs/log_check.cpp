#include "contrib/logs/log_check.hpp"

#include <algorithm>

namespace nearmiss::logs {

namespace {

constexpr std::size_t most_mixed = 64;  // resolvers in one log
constexpr std::size_t remembered = 256; // links of a chain, to tell where a moved line belongs

std::string at(const LogCheck::Place& place) {
  return place.file + ':' + std::to_string(place.line);
}

std::string numbers(std::uint64_t from, std::uint64_t to) {
  return from == to ? "number " + std::to_string(from)
                    : "numbers " + std::to_string(from) + " to " + std::to_string(to);
}

} // namespace

void LogCheck::find(const Place& place, std::string what) {
  ++finding_count_;
  if (findings_.size() < most_findings) {
    findings_.push_back({place, std::move(what)});
  }
}

void LogCheck::add(const std::string& file, const Line& line) {
  const Place place{file, line.number};
  Event event;
  switch (reader_.read(line, event)) {
  case EventReader::Result::event:
    break;
  case EventReader::Result::foreign:
    ++foreign_;
    return;
  case EventReader::Result::empty:
    return;
  case EventReader::Result::damaged:
    find(place, "damaged: " + reader_.why());
    return;
  }
  ++events_;
  auto run = runs_.find(event.run());
  if (run == runs_.end()) {
    run = runs_.emplace(std::string(event.run()), Run()).first;
  }
  check_sequence(event, place);
  check_chain(event, json_of(line.text), place, run->second);
  ++run->second.lines;
  run->second.last = place;
}

void LogCheck::check_sequence(const Event& event, const Place& place) {
  if (event.events_lost > 0) {
    sequence_.add_told_lost(event.run(), event.events_lost);
  }
  const std::uint64_t tag = events_;
  switch (sequence_.add(event.run(), event.sequence, event.time, tag)) {
  case Sequence::Place::first:
  case Sequence::Place::next:
    break;
  case Sequence::Place::ahead:
    if (ahead_.size() < Sequence::most_gaps) {
      ahead_.emplace(tag, place);
    }
    break;
  case Sequence::Place::late: {
    const auto& run = sequence_.runs().find(event.run())->second;
    if (run.last - event.sequence > usual_disorder) {
      find(place, "out of order: " + numbers(event.sequence, event.sequence) + " stands after " +
                      std::to_string(run.last));
    }
    break;
  }
  case Sequence::Place::duplicate:
    find(place,
         numbers(event.sequence, event.sequence) + " of this run has been in the log before");
    break;
  case Sequence::Place::not_checked:
    find(place, event.sequence == 0 ? "has no event.sequence" : "too many runs: not checked");
    break;
  }
}

void LogCheck::check_chain(const Event& event, std::string_view line, const Place& place,
                           Run& run) {
  // Not a structured binding: a lambda cannot capture one in C++20 as clang has it.
  const auto parts = LogChain::split(line);
  const std::string_view body = parts.first;
  const std::string_view stated = parts.second;
  if (stated.empty()) {
    if (run.chained > 0) {
      find(place,
           "has no chain value at its end, as the lines before it have: inserted or changed");
    }
    return;
  }
  if (const auto kept = kept_.find(stated); kept != kept_.end()) {
    kept_.erase(kept);
  }
  Chain& chain = chains_.try_emplace(std::string(event.run())).first->second;
  const auto follows = [&](std::string_view value) { return hash_.value(value, body) == stated; };
  std::string before;
  bool good = false;
  if (run.chained == 0) {
    run.origin = origin_of(body, stated, run.before);
    // The first lines of a run may have been rotated away.
    good = run.origin != Origin::unknown || (event.sequence != 1 && run.lines == 0);
    open_ends_.emplace_back(event.run());
    if (open_ends_.size() > most_mixed) {
      open_ends_.erase(open_ends_.begin());
    }
  } else {
    // If it follows the last good line, what stands between them, and was found, was inserted. By
    // other settings the log may go on in another file.
    good = follows(chain.recent.back().value) || (chain.broken && follows(chain.last_good)) ||
           origin_of(body, stated, before) != Origin::unknown;
  }
  ++run.chained;
  if (good) {
    chain.last_good = stated;
  } else {
    find(place, why_broken(event, body, stated, chain));
  }
  chain.broken = !good;
  chain.sequence = event.sequence;
  chain.recent.push_back({std::string(stated), place});
  if (chain.recent.size() > remembered) {
    chain.recent.pop_front();
  }
  run.chain = stated;
}

// A line that does not go on behind the one before of its run: `before` gets the run whose end it
// goes on from.
LogCheck::Origin LogCheck::origin_of(std::string_view body, std::string_view stated,
                                     std::string& before) {
  if (hash_.value(LogChain::start, body) == stated) {
    return Origin::anew;
  }
  for (auto end = open_ends_.rbegin(); end != open_ends_.rend(); ++end) {
    if (hash_.value(runs_.find(*end)->second.chain, body) == stated) {
      before = *end;
      open_ends_.erase(std::next(end).base());
      return Origin::run;
    }
  }
  return Origin::unknown;
}

std::string LogCheck::why_broken(const Event& event, std::string_view body, std::string_view stated,
                                 Chain& chain) {
  // Looking for its place costs a digest a link: not for each of a million lines.
  if (finding_count_ < most_findings) {
    const auto found = std::ranges::find_if(
        chain.recent, [&](const Link& link) { return hash_.value(link.value, body) == stated; });
    if (found != chain.recent.end()) {
      return "moved: it was written right after " + at(found->place);
    }
  }
  if (chain.recent.empty()) {
    return runs_.size() > 1 || event.sequence != 1 ? "the chain does not lead to it from any line "
                                                     "before: it was changed, or lines before it "
                                                     "were removed or changed"
                                                   : "changed: the chain does not begin with it";
  }
  if (event.sequence > chain.sequence + 1) {
    return "lines before it were removed (" + numbers(chain.sequence + 1, event.sequence - 1) +
           "), or it was inserted";
  }
  return event.sequence == chain.sequence + 1
             ? "changed: the chain does not lead to it from the line before"
             : "inserted, or moved here: the chain does not lead to it from the line before";
}

void LogCheck::finish() {
  for (const std::string& value : kept_) {
    find(Place(), "no line states " + value +
                      ", which was kept: lines were removed at the end, or " +
                      "the log was written anew");
  }
  for (const auto& [id, numbers_of] : sequence_.runs()) {
    const auto run = runs_.find(id);
    // Where a chain holds, a gap is of events that were lost before they were written.
    const bool by_chain = run != runs_.end() && run->second.chained > 0;
    if (by_chain || numbers_of.missing() <= numbers_of.told_lost) {
      continue;
    }
    for (const auto& [to, gap] : numbers_of.gaps) {
      const auto place = ahead_.find(gap.tag);
      find(place == ahead_.end() ? Place() : place->second,
           "before it " + numbers(gap.from, gap.to) + " of this run " +
               (gap.size() == 1 ? "is" : "are") + " missing: removed, or lost without being told");
    }
  }
  std::ranges::stable_sort(findings_, {}, [](const Finding& finding) {
    return std::pair(finding.place.file, finding.place.line);
  });
}

} // namespace nearmiss::logs
