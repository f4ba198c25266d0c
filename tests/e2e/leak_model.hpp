// The leak test's model: what may be asked, and an oracle that says what must come back.
//
// The oracle is naive on purpose and shares no code with the module: it knows the text of one
// policy (leak_policy) and looks up what is true in a resolver without the module. A policed
// client must get a block if the policy lists the asked name, or if the true answer is an alias of
// a listed name, or, for MX, has only exchanges that are listed. Everybody else must get what is
// true.
#pragma once

#include "tests/e2e/world.hpp"

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace e2e {

// A name to ask for. One that starts with "FRESH." is drawn with a new first label each time, so
// that nobody has asked for it before; the zones have wildcards there.
struct Subject {
  std::string name;
  // Further names that are asked upstream on the way; slowed together with it.
  std::vector<std::string> leads_to{};
};
std::vector<Subject> leak_subjects();
// usual_policy and a response policy zone, and the file of that zone.
std::string leak_policy();
inline constexpr const char* leak_zone_file = "leak.rpz";
extern const std::string leak_zone;
std::vector<Zone> leak_zones();

enum class Verdict {
  real,
  blocked,
  null_mx,
  nodata,
  local_data,
  truncated,
  silent,       // no answer at all
  no_data_told, // a block, an error, a delegation: anything without an answer
  no_secret,    // no address or exchange of a listed name; else as the host likes
};
const char* to_text(Verdict verdict);

bool is_policed(const std::string& client);
bool is_listed(const std::string& name, int type);

class Oracle {
 public:
  explicit Oracle(const Unbound& without_module) : truth_(without_module) {}

  // What `client` must get. `name` is lower case, its fresh label (if any) replaced by "fresh".
  Verdict verdict(const std::string& client, const std::string& name, int type, const Flags& flags);

  // Empty if the answer is what the verdict demands, else what is wrong with it.
  std::string judge(Verdict verdict, const Answer& answer, const std::string& name, int type,
                    const Flags& flags, const std::string& fresh_label);

 private:
  Answer true_answer(const std::string& name, int type, const Flags& flags);

  const Unbound& truth_;
  std::mutex mutex_;
  std::map<std::string, Answer> known_;
};

} // namespace e2e
