// Is a log as the module wrote it? What `nearmiss verify` rests on.
//
// With a hash chain (config/digest.hpp) every line vouches for the one before, and a line that was
// changed, removed, inserted or moved is found, except after the last line: a user who cuts off the
// end of a log, or writes it anew to the end, leaves a chain that holds. A value of the chain that
// was kept elsewhere finds that too, by keep(). Without a chain there is event.sequence alone: it
// shows lines that are missing, that stand there twice, or far from their place.
//
// Lines are to be added in the files' order, the files in the order of time. Each start of the
// module is a run with numbers of its own, whose chain goes on from the run before in that file;
// runs of several resolvers may be mixed.
#pragma once

#include "config/digest.hpp"
#include "contrib/logs/event.hpp"
#include "contrib/logs/sequence.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace nearmiss::logs {

// Not safe for use by several threads.
class LogCheck {
 public:
  static constexpr std::size_t most_findings = 1000; // kept; all are counted
  // Several threads of the module may swap neighbours that far.
  static constexpr std::uint64_t usual_disorder = 64;

  struct Place {
    std::string file;
    std::size_t line = 0; // from 1
  };
  struct Finding {
    Place place;
    std::string what;
  };
  // Where a run's chain comes from.
  enum class Origin {
    unknown, // its first lines are not in the logs, or nothing leads to them
    anew,    // it begins with the run: there was no line in the file
    run,     // it goes on from another run, `before`
  };
  struct Run {
    std::uint64_t lines = 0, chained = 0; // of it with a chain value
    std::string chain;                    // the last line's value; empty: none
    Origin origin = Origin::unknown;
    std::string before;
    Place last;
  };

  // A value of the chain that was kept elsewhere: finish() finds it missing if no line states it.
  void keep(const std::string& value) { kept_.insert(value); }
  // Takes one line of `file`.
  void add(const std::string& file, const Line& line);
  void finish();

  std::uint64_t events() const noexcept { return events_; }
  std::uint64_t foreign() const noexcept { return foreign_; }
  const std::map<std::string, Run, std::less<>>& runs() const noexcept { return runs_; }
  const Sequence& sequence() const noexcept { return sequence_; }
  std::uint64_t finding_count() const noexcept { return finding_count_; }
  const std::vector<Finding>& findings() const noexcept { return findings_; }

 private:
  // A value of the chain that a line states, and where.
  struct Link {
    std::string value;
    Place place;
  };
  struct Chain {
    std::deque<Link> recent; // the last ones, oldest first
    std::string last_good;   // stated by the last line that the chain led to
    bool broken = false;     // the line before did not fit
    std::uint64_t sequence = 0;
  };

  void check_sequence(const Event& event, const Place& place);
  void check_chain(const Event& event, std::string_view line, const Place& place, Run& run);
  Origin origin_of(std::string_view body, std::string_view stated, std::string& before);
  std::string why_broken(const Event& event, std::string_view body, std::string_view stated,
                         Chain& chain);
  void find(const Place& place, std::string what);

  EventReader reader_;
  Sequence sequence_;
  LogChain hash_;
  std::map<std::string, Run, std::less<>> runs_;
  std::map<std::string, Chain, std::less<>> chains_;
  std::vector<std::string> open_ends_; // runs that no other goes on from yet, the last one last
  std::set<std::string, std::less<>> kept_;
  std::map<std::uint64_t, Place> ahead_; // where a gap was seen, by the tag the sequence keeps
  std::uint64_t events_ = 0, foreign_ = 0, finding_count_ = 0;
  std::vector<Finding> findings_;
};

} // namespace nearmiss::logs
