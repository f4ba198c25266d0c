// The real Unbound, with the module (or, for comparison, without).
#pragma once

#include "tests/e2e/client.hpp"
#include "tests/e2e/event_file.hpp"
#include "tests/e2e/lab.hpp"
#include "tests/e2e/process.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace e2e {

std::string module_file(); // nearmiss.so: the one of the build, or $NEARMISS_SO

// The folder of the build, or $NEARMISS_UNBOUND: so one build of the tests tries several Unbounds,
// each with its own $NEARMISS_SO.
std::string unbound_program(const std::string& name);

// Told of what went wrong in an Unbound that ends: a crash, a sanitizer's report. Ends the program
// unless a test runner takes it for a failure.
extern void (*on_problem)(const std::string& what);

struct UnboundOptions {
  // Text of the policy file; none: Unbound without the module. `log: {file: events.jsonl}` puts
  // the events where events() finds them.
  std::optional<std::string> policy{};
  std::map<std::string, std::string> lists{}; // files beside the policy: name and text
  bool policy_by_environment = false; // $NEARMISS_CONFIG; else nearmiss.yaml in `directory:`
  bool validate = true;               // the validator in the chain, with the lab's trust anchor
  int threads = 1;
  bool encrypted = false;      // also listen for DNS over TLS and HTTPS
  bool ip6 = false;            // also listen on ::1
  std::string access{"allow"}; // or allow_snoop
  std::filesystem::path module{module_file()};
  std::filesystem::path program{unbound_program("unbound")};
  Process::Environment environment{}; // more of it
  std::string module_config{}; // empty: "dynlib validator iterator" as the rest of this demands
  std::string server_lines{};  // more lines for the server: clause; the last of two counts
  std::string more_clauses{};  // after it; @HOST@ is the address of the lab's Server::host
  std::vector<std::string> launcher{}; // a command that runs Unbound's, in place of itself
};

class Unbound {
 public:
  // Writes the configuration. Unbound runs after start().
  Unbound(const Lab& lab, UnboundOptions options);
  ~Unbound(); // stops it
  Unbound(const Unbound&) = delete;
  Unbound& operator=(const Unbound&) = delete;

  void start();                // returns when it serves; throws with its log if it does not
  std::string fail_to_start(); // its log; throws if it does start
  void stop(); // the test fails if it does not end well, or a sanitizer had something to say
  // Unbound's own reload, by SIGHUP or a command of unbound-control; returns when it serves again.
  void reload(const std::string& how = "SIGHUP");
  std::string control(const std::string& command);    // unbound-control's output
  void load_cache(const std::filesystem::path& dump); // as dump_cache wrote it

  std::optional<Answer> ask(const std::string& source, const std::string& name, int type,
                            const Flags& flags = {}) const;
  // As ask; throws if no answer comes.
  Answer answer(const std::string& source, const std::string& name, int type,
                const Flags& flags = {}) const;

  void write_policy(const std::string& text); // takes effect within a second, or at a reload
  void write_list(const std::string& name, const std::string& text); // likewise
  // The command line tool's answer as JSON; `exit_code` (if any) gets its exit code.
  nlohmann::json nearmiss(const std::string& command, int* exit_code = nullptr) const;
  bool alive() { return process_ != nullptr && process_->alive(); }
  std::string log() const { return read_file(folder_.path() / "unbound.log"); }
  const std::filesystem::path& folder() const noexcept { return folder_.path(); }
  std::filesystem::path policy_file() const;
  const Endpoint& endpoint() const noexcept { return endpoint_; }
  Endpoint ip6_endpoint() const { return {"::1", ip6_port_}; }
  Events& events() noexcept { return events_; }
  pid_t pid() const { return process_->pid(); }
  std::size_t resident_kib() const; // of memory
  // By AddressSanitizer or ThreadSanitizer, with which freed memory is kept to find its use.
  bool is_instrumented() const;

 private:
  void write_configuration(const Lab& lab);
  void launch();

  UnboundOptions options_;
  ScratchFolder folder_;
  Endpoint endpoint_;
  std::uint16_t ip6_port_ = 0;
  std::filesystem::path configuration_;
  std::unique_ptr<Process> process_;
  Events events_;
};

} // namespace e2e
