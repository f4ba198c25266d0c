#include "tests/e2e/unbound.hpp"

#include "tests/e2e/address.hpp"
#include "tests/e2e/secure_channel.hpp"
#include "tests/paths.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

namespace e2e {

namespace {

constexpr const char* started = "start of service";

std::size_t count_in(const std::string& text, const std::string& part) {
  std::size_t number = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) {
    ++number;
  }
  return number;
}

// A sanitizer writes into Unbound's log, and nobody would look there.
void expect_no_report(const std::string& log) {
  for (const char* mark : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                           "WARNING: ThreadSanitizer", "runtime error:"}) {
    const std::size_t at = log.find(mark);
    if (at != std::string::npos) {
      on_problem("a sanitizer's report about Unbound and the module:\n" + log.substr(at, 8000));
    }
  }
}

std::string quoted(const std::filesystem::path& path) {
  return "\"" + path.string() + "\"";
}

} // namespace

void (*on_problem)(const std::string&) = [](const std::string& what) {
  std::cerr << what << std::endl;
  std::abort();
};

std::string module_file() {
  const char* chosen = std::getenv("NEARMISS_SO");
  return chosen != nullptr ? chosen : NEARMISS_SO;
}

std::string unbound_program(const std::string& name) {
  const char* chosen = std::getenv("NEARMISS_UNBOUND");
  return std::string(chosen != nullptr ? chosen : UNBOUND_DIR) + "/" + name;
}

Unbound::Unbound(const Lab& lab, UnboundOptions options)
    : options_(std::move(options)), endpoint_{claim_network(54) + "1"},
      events_(folder_.path() / "events.jsonl") {
  if (options_.policy) {
    write_policy(*options_.policy);
  }
  for (const auto& [name, text] : options_.lists) {
    write_list(name, text);
  }
  if (options_.encrypted) {
    write_certificate(folder_.path() / "certificate.pem", folder_.path() / "key.pem");
  }
  if (options_.ip6) {
    ip6_port_ = free_port("::1");
  }
  write_configuration(lab);
}

std::filesystem::path Unbound::policy_file() const {
  return folder_.path() / (options_.policy_by_environment ? "elsewhere.yaml" : "nearmiss.yaml");
}

void Unbound::write_policy(const std::string& text) {
  write_file(policy_file(), text);
}

void Unbound::write_list(const std::string& name, const std::string& text) {
  write_file(folder_.path() / name, text);
}

void Unbound::write_configuration(const Lab& lab) {
  const std::filesystem::path& folder = folder_.path();
  // All that Unbound reads is in its folder, which may be its chroot, and another user's.
  write_file(folder / "root.hints", read_file(lab.root_hints()));
  std::string modules = options_.module_config;
  if (modules.empty()) {
    modules = std::string(options_.policy ? "dynlib " : "") +
              (options_.validate ? "validator " : "") + "iterator";
  }
  const std::string& address = endpoint_.address;
  std::string text = "server:\n"
                     "  directory: " +
                     quoted(folder) +
                     "\n"
                     "  chroot: \"\"\n"
                     "  username: \"\"\n"
                     "  pidfile: " +
                     quoted(folder / "unbound.pid") +
                     "\n"
                     "  do-daemonize: no\n"
                     "  use-syslog: no\n"
                     "  verbosity: 1\n"
                     "  interface: " +
                     address +
                     "@53\n"
                     "  access-control: 127.0.0.0/8 " +
                     options_.access +
                     "\n"
                     "  access-control: ::1/128 " +
                     options_.access +
                     "\n"
                     "  do-not-query-localhost: no\n"
                     "  root-hints: " +
                     quoted(folder / "root.hints") +
                     "\n"
                     "  module-config: \"" +
                     modules +
                     "\"\n"
                     "  num-threads: " +
                     std::to_string(options_.threads) +
                     "\n"
                     "  outgoing-range: 512\n"
                     "  num-queries-per-thread: 256\n"
                     // A slowed server is to be waited for, not asked again.
                     "  unknown-server-time-limit: 5000\n"
                     "  infra-cache-min-rtt: 5000\n";
  if (options_.validate) {
    text += "  trust-anchor: \"" + lab.trust_anchor() + "\"\n";
  }
  if (options_.encrypted) {
    text += "  interface: " + address + "@853\n  interface: " + address +
            "@443\n"
            "  tls-service-key: " +
            quoted(folder / "key.pem") +
            "\n"
            "  tls-service-pem: " +
            quoted(folder / "certificate.pem") + "\n";
  }
  if (options_.ip6) {
    text += "  interface: ::1@" + std::to_string(ip6_port_) + "\n";
  }
  text += options_.server_lines;
  if (options_.policy) {
    text += "dynlib:\n  dynlib-file: " + quoted(options_.module) + "\n";
  }
  text += "remote-control:\n  control-enable: yes\n  control-use-cert: no\n"
          "  control-interface: " +
          quoted(folder / "control.sock") + "\n";
  std::string more = options_.more_clauses;
  const std::string host = "@HOST@";
  for (std::size_t at = 0; (at = more.find(host, at)) != std::string::npos;) {
    more.replace(at, host.size(), lab.address(Server::host));
  }
  text += more;
  configuration_ = folder / "unbound.conf";
  write_file(configuration_, text);
}

Unbound::~Unbound() {
  stop();
}

void Unbound::launch() {
  Process::Environment environment{
      {"TSAN_OPTIONS", "suppressions=" TSAN_SUPPRESSIONS ":print_suppressions=0"}};
  environment.insert(environment.end(), options_.environment.begin(), options_.environment.end());
  if (options_.policy_by_environment) {
    environment.emplace_back("NEARMISS_CONFIG", policy_file().string());
  }
  std::vector<std::string> command = options_.launcher;
  command.insert(command.end(), {options_.program.string(), "-d", "-c", configuration_.string()});
  process_ = std::make_unique<Process>(command, folder_.path() / "unbound.log", environment);
}

void Unbound::start() {
  const std::size_t before = count_in(log(), started);
  launch();
  if (!wait_until([&] { return count_in(log(), started) > before || !process_->alive(); }) ||
      !process_->alive()) {
    throw std::runtime_error("Unbound does not start:\n" + log());
  }
}

std::string Unbound::fail_to_start() {
  launch();
  wait_until([&] { return !process_->alive() || log().find(started) != std::string::npos; });
  if (process_->alive()) {
    stop();
    throw std::runtime_error("Unbound starts, though it should not:\n" + log());
  }
  return log();
}

void Unbound::stop() {
  if (!process_) {
    return;
  }
  if (process_->alive()) {
    process_->stop();
    if (const int exit_code = process_->exit_code(); exit_code != 0) {
      on_problem("Unbound ends with exit code " + std::to_string(exit_code) + ":\n" + log());
    }
  }
  process_.reset();
  expect_no_report(log());
}

void Unbound::reload(const std::string& how) {
  const std::size_t before = count_in(log(), started);
  if (how == "SIGHUP") {
    process_->send(SIGHUP);
  } else {
    control(how);
  }
  if (!wait_until([&] { return count_in(log(), started) > before || !process_->alive(); }) ||
      !process_->alive()) {
    throw std::runtime_error("Unbound does not come back from a reload:\n" + log());
  }
}

static void add_words(std::vector<std::string>& argv, const std::string& command) {
  for (std::size_t at = 0; at < command.size();) {
    const std::size_t end = std::min(command.find(' ', at), command.size());
    argv.push_back(command.substr(at, end - at));
    at = end + 1;
  }
}

std::string Unbound::control(const std::string& command) {
  std::vector<std::string> argv{unbound_program("unbound-control"), "-c", configuration_.string()};
  add_words(argv, command);
  const Outcome outcome = run(argv);
  if (outcome.exit_code != 0) {
    throw std::runtime_error("unbound-control " + command + ": " + outcome.output);
  }
  return outcome.output;
}

void Unbound::load_cache(const std::filesystem::path& dump) {
  const Outcome outcome =
      run({"/bin/sh", "-c", R"("$1" -c "$2" load_cache <"$3")", "sh",
           unbound_program("unbound-control"), configuration_.string(), dump.string()});
  if (outcome.exit_code != 0) {
    throw std::runtime_error("unbound-control load_cache: " + outcome.output);
  }
}

nlohmann::json Unbound::nearmiss(const std::string& command, int* exit_code) const {
  std::vector<std::string> argv{NEARMISS_CLI};
  add_words(argv, command);
  argv.insert(argv.end(), {"--json", "--config", policy_file().string()});
  const Outcome outcome = run(argv);
  if (exit_code != nullptr) {
    *exit_code = outcome.exit_code;
  }
  nlohmann::json answer = nlohmann::json::parse(outcome.output, nullptr, false);
  if (answer.is_discarded()) {
    throw std::runtime_error("nearmiss " + command + ": " + outcome.output);
  }
  return answer;
}

std::size_t Unbound::resident_kib() const {
  const std::string status = read_file("/proc/" + std::to_string(pid()) + "/status");
  return std::stoul(status.substr(status.find("VmRSS:") + 6));
}

bool Unbound::is_instrumented() const {
  const std::string maps = read_file("/proc/" + std::to_string(pid()) + "/maps");
  return maps.find("libasan") != std::string::npos || maps.find("libtsan") != std::string::npos;
}

std::optional<Answer> Unbound::ask(const std::string& source, const std::string& name, int type,
                                   const Flags& flags) const {
  const bool ip6 = source.find(':') != std::string::npos;
  return e2e::ask(ip6 ? ip6_endpoint() : endpoint_, source, name, type, flags);
}

Answer Unbound::answer(const std::string& source, const std::string& name, int type,
                       const Flags& flags) const {
  std::optional<Answer> answer = ask(source, name, type, flags);
  if (!answer) {
    throw std::runtime_error("no answer to " + name + " " + type_text(type) + " over " +
                             to_text(flags.transport) + "; Unbound's log:\n" + log());
  }
  return std::move(*answer);
}

} // namespace e2e
