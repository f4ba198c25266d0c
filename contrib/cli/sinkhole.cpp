// The policy service of a sinkhole's Postfix: for each recipient a rejection that says what was
// meant. The protocol is Postfix's policy delegation (SMTPD_POLICY_README): lines of `name=value`,
// an empty line, and the same back. Postfix's spawn(8) starts one process for each connection, with
// all three standard streams on it, so what an admin must know goes to syslog.
//
// No way through here lets a message in: every request is answered with a rejection, without a
// suggestion where the policy has none or cannot be read.
#include "config/names.hpp"
#include "contrib/cli/commands.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <syslog.h>

namespace nearmiss::cli {

namespace {

struct Options {
  std::string config;
};

// RFC 3463: bad destination system address. The sender's server puts the text into the bounce.
constexpr const char* rejection = "550 5.1.2 nothing was delivered, this server takes no mail";

// The policy as its files have it now. If they are wrong, the last good one stays, as in the
// module.
class CurrentPolicy {
 public:
  explicit CurrentPolicy(std::string file) : file_(std::move(file)) {}

  // Null as long as there was no good policy. Looks at the files again each time.
  const Config* get() {
    const bool same = config_ && std::ranges::all_of(config_->files, [](const SourceFile& source) {
                        return FileState::of(source.path) == source.state;
                      });
    if (!same) {
      LoadResult result = load(file_, today());
      if (result.config == nullptr) {
        tell(result.diagnostics); // and the next request reads the files again
      } else {
        config_ = std::move(result.config);
        problem_.clear();
      }
    }
    return config_.get();
  }

 private:
  // Once for each problem, not for each recipient.
  void tell(const std::vector<Diagnostic>& diagnostics) {
    const auto error =
        std::find_if(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& one) { return one.severity == Severity::error; });
    const std::string problem = error == diagnostics.end() ? file_ : to_text(*error);
    if (problem != problem_) {
      problem_ = problem;
      syslog(LOG_ERR, "%s; %s", problem.c_str(),
             config_ ? "the last good policy stays in force"
                     : "no policy, so rejections suggest nothing");
    }
  }

  std::string file_;
  std::shared_ptr<const Config> config_;
  std::string problem_;
};

// The domain that was meant by `name`; empty if the policy does not say. Asked for the server that
// delivers, and if no rule is about it, for the first mail server that the policy names: the
// address it sends from need not be the one it asks the resolver from.
std::string intended_domain(const Config& config, const Name& name, const std::string& client) {
  std::vector<ClientAddress> askers;
  if (const auto address = ClientAddress::from_text(client)) {
    askers.push_back(*address);
  }
  askers.push_back(config.first_client.value_or(ClientAddress()));
  for (const ClientAddress& asker : askers) {
    for (const char* type : {"MX", "A", "AAAA"}) {
      const Verdict verdict = config.policy.decide({name, *type_from_text(type), asker, today()});
      if (verdict.noteworthy()) {
        return Policy::intended_for(verdict, name);
      }
    }
  }
  return {};
}

// Can it stand in a reply as it is? RFC 5321's Dot-string, more or less.
bool is_plain(std::string_view local_part) {
  constexpr std::string_view special = "!#$%&'*+-/=?^_`{|}~.";
  return !local_part.empty() &&
         std::all_of(local_part.begin(), local_part.end(), [&](const char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                  special.find(c) != std::string_view::npos;
         });
}

std::string answer_to(const std::map<std::string, std::string>& request, const Config& config) {
  const auto value = [&](const char* name) {
    const auto found = request.find(name);
    return found == request.end() ? std::string() : found->second;
  };
  const std::string recipient = value("recipient");
  const std::size_t at = recipient.rfind('@');
  if (at == std::string::npos) {
    return rejection; // postmaster, without a domain
  }
  std::string problem; // of no interest: what is no domain name is listed nowhere
  const auto name = read_name(recipient.substr(at + 1), problem);
  if (!name) {
    return rejection;
  }
  const std::string meant = intended_domain(config, *name, value("client_address"));
  if (meant.empty()) {
    return rejection;
  }
  const std::string local_part = recipient.substr(0, at);
  return std::string(rejection) + "; did you mean " +
         (is_plain(local_part) ? local_part + '@' : std::string()) + meant + '?';
}

int sinkhole(const Options& options) {
  openlog("nearmiss-sinkhole", LOG_PID, LOG_MAIL);
  CurrentPolicy policy(options.config);
  std::map<std::string, std::string> request;
  std::string line;
  while (std::getline(std::cin, line)) {
    if (!line.empty()) {
      const std::size_t equals = line.find('=');
      request[line.substr(0, equals)] =
          equals == std::string::npos ? std::string() : line.substr(equals + 1);
      continue;
    }
    std::string answer = rejection;
    try {
      if (const Config* config = policy.get()) {
        answer = answer_to(request, *config);
      }
    } catch (const std::exception& e) {
      syslog(LOG_ERR, "%s; the rejection suggests nothing", e.what());
    }
    std::cout << "action=" << answer << "\n\n" << std::flush;
    request.clear();
  }
  return exit_fine;
}

} // namespace

Command add_sinkhole(CLI::App& app) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "sinkhole", "Answer a sinkhole's Postfix, which starts it: a rejection for each recipient, "
                  "with the address that was meant");
  add_config_option(*command, options->config);
  command->footer("Speaks Postfix's policy delegation on the standard streams; errors go to "
                  "syslog.\nThe policy is read again when its files change.\n"
                  "Exit codes: 0 Postfix closed the connection; 2 an option is wrong.");
  return {command, [options] { return sinkhole(*options); }};
}

} // namespace nearmiss::cli
