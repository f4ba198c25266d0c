// The checks of a run of the chance test. A query goes to the Unbound with the module and to the
// same one without. What the policy blocks must not be told, and has its event; what it does not
// must be the same from both.
#pragma once

#include "tests/e2e/chance_steps.hpp"
#include "tests/e2e/unbound.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace e2e {

inline const std::string redirected_address = "203.0.113.66"; // by Unbound, in some runs

class Checks {
 public:
  Checks(Unbound& resolver, Unbound& plain, const Host& host, Model model)
      : resolver_(resolver), plain_(plain), host_(host), model_(std::move(model)) {}

  // The step that further failures are of.
  void at(std::size_t step) { where_ = "step " + std::to_string(step) + " "; }
  void policy_is(const Model& model) { model_ = model; }
  // From now on the two may know different records.
  void records_change() { records_change_ = true; }

  void ask_both(const Query& query);
  // These run on any thread.
  void ask_in_burst(const Query& query);
  void ask_under_reload(const Query& query, const Model& next);
  void report(const std::string& what); // the first one counts
  void wait_for_events();               // of all blocks
  void wait_for_rest();                 // Unbound has no query and no client left

  bool failed() const;
  std::string failure() const; // with the policy that was in force; empty: all is well

  std::atomic<std::size_t> answers = 0, blocks = 0, answer_blocks = 0;

 private:
  bool is_listed(const Query& query) const;
  bool is_dropped(const Query& query) const;
  void expect_silence(const Query& query);
  void expect_event(const Query& query, const Answer& got);
  void compare(const Query& query, const Answer& got, const Answer& want);
  bool has_all_events(std::string& missing);

  Unbound& resolver_;
  Unbound& plain_;
  const Host& host_;
  Model model_;
  std::string where_;
  bool records_change_ = false;
  mutable std::mutex mutex_; // of what follows
  std::string failure_;
  std::map<std::string, std::vector<std::string>> blocked_; // by what events say of them
};

} // namespace e2e
