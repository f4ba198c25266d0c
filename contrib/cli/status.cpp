// `status` and `reload`: what the running module says on its control socket.
#include "config/diagnostics.hpp"
#include "contrib/cli/commands.hpp"

#include <array>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <system_error>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace nearmiss::cli {

namespace {

struct Options {
  std::string config; // the policy, which names the socket
  std::string socket; // empty: that one
  bool json = false;
};

using Json = nlohmann::ordered_json;

std::filesystem::path socket_of(const Options& options) {
  if (!options.socket.empty()) {
    return options.socket;
  }
  if (auto socket = control_socket_of(options.config)) {
    return *socket;
  }
  auto usual = std::filesystem::path(options.config).parent_path() / "nearmiss.sock";
  if (options.json) {
    return usual;
  }
  std::cerr << "nearmiss: " << shown(options.config) << " cannot be read, so this asks "
            << shown(usual.native()) << "; name another socket by --socket\n";
  return usual;
}

std::string talk(const std::filesystem::path& socket_path, const std::string& command) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string& text = socket_path.native();
  if (text.size() >= sizeof(address.sun_path)) {
    throw std::runtime_error(text + ": longer than a socket's path may be");
  }
  text.copy(static_cast<char*>(address.sun_path), text.size());
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto fail = [&](const char* remedy) {
    const std::string reason = std::generic_category().message(errno);
    close(fd);
    throw std::runtime_error(text + ": " + reason + remedy);
  };
  // NOLINTNEXTLINE: the socket interface
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    fail(errno == EACCES ? "; be root or of the socket's group"
                         : "; does Unbound run with nearmiss, and is this its `control: {socket: "
                           "...}`? Name another one by --socket");
  }
  const std::string line = command + '\n';
  if (send(fd, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    fail("");
  }
  std::string answer;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      fail("");
    }
    if (got == 0) {
      break;
    }
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
  close(fd);
  return answer;
}

Json ask(const Options& options, const std::string& command) {
  const std::filesystem::path socket_path = socket_of(options);
  Json answer = Json::parse(talk(socket_path, command), nullptr, false);
  if (!answer.is_object() || answer.empty()) {
    throw std::runtime_error(socket_path.native() + ": no answer; is it nearmiss's socket?");
  }
  return answer;
}

std::string text_of(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// "last_reload.outcome: loaded": names are those of --json.
void print_fields(const Json& object, const std::string& prefix) {
  for (const auto& [key, value] : object.items()) {
    const std::string name = prefix + key;
    if (value.is_object()) {
      print_fields(value, name + '.');
    } else {
      std::cout << name << ": " << text_of(value) << '\n';
    }
  }
}

bool refused(const Json& reload) {
  return reload.value("outcome", "") == "refused";
}

int status(const Options& options) {
  const Json answer = ask(options, "status");
  if (options.json) {
    std::cout << answer.dump(2) << '\n';
  } else {
    print_fields(answer, "");
  }
  return answer.contains("last_reload") && refused(answer["last_reload"]) ? exit_no : exit_fine;
}

int reload(const Options& options) {
  const Json answer = ask(options, "reload");
  if (options.json) {
    std::cout << answer.dump(2) << '\n';
  } else if (refused(answer)) {
    std::cerr << answer.value("error", "") << '\n'
              << coloured("refused", "1;31", STDERR_FILENO)
              << ": the last good policy stays in force\n";
  } else {
    std::cout << answer.value("outcome", "") << ", generation " << text_of(answer["generation"])
              << '\n';
  }
  return refused(answer) ? exit_no : exit_fine;
}

} // namespace

namespace {

// A command that talks to the running module.
Command add_control_command(CLI::App& app, const char* name, const char* description,
                            int (*run)(const Options&)) {
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(name, description);
  add_config_option(*command, options->config);
  command->add_option("--socket", options->socket,
                      "the module's control socket; else the one that the policy names");
  command->add_flag("--json", options->json, "print the answer as JSON");
  command->footer("Exit codes: 0 fine, 1 the last reload was refused, 2 the module cannot be "
                  "asked.");
  return {command, [options, run] { return run(*options); }};
}

} // namespace

Command add_status(CLI::App& app) {
  return add_control_command(app, "status", "Say how the running module is", status);
}

Command add_reload(CLI::App& app) {
  return add_control_command(app, "reload", "Make the running module read its policy again",
                             reload);
}

} // namespace nearmiss::cli
