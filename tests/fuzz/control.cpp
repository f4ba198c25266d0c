// The control socket: any octets, in any pieces, from several clients at a time, to the module as
// it runs. Each client gets the answer to its first line or is disconnected without one.
#include "module/reload/control_socket.hpp"
#include "tests/fuzz/core.hpp"

#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

using nearmiss::ControlSocket;
using Json = nlohmann::json;

namespace {

constexpr std::string_view policy = R"(version: 1
rules:
  - {id: mil-ml, confusable: {intended: mil, mistyped: [ml]}}
control: {socket: control.sock}
)";

// The module without a resolver: what answers is its own thread.
struct Module {
  Module() {
    const auto file = folder.write("policy.yaml", policy);
    core = nearmiss::fuzz::start_core(file);
    PROMISE(nm_core_watch(core.get()));
    const std::string path = (file.parent_path() / "control.sock").native();
    PROMISE(path.size() < sizeof(address.sun_path));
    address.sun_family = AF_UNIX;
    path.copy(static_cast<char*>(address.sun_path), path.size());
  }
  nearmiss::fuzz::Folder folder;
  nearmiss::fuzz::Core core;
  sockaddr_un address{};
};

class Client {
 public:
  explicit Client(const Module& module) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    PROMISE(fd_ >= 0);
    int connected = -1;
    do { // it may have to wait, and libFuzzer has a timer
      connected =
          connect(fd_, reinterpret_cast<const sockaddr*>(&module.address), sizeof(module.address));
    } while (connected != 0 && errno == EINTR);
    PROMISE(connected == 0);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void say(const std::vector<std::uint8_t>& octets) {
    if (send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL) >= 0) {
      said_.append(octets.begin(), octets.end());
      return;
    }
    PROMISE(errno == EPIPE || errno == ECONNRESET); // it has its answer, or said too much
  }
  void finish() { shutdown(fd_, SHUT_WR); }

  // What the module says until it disconnects, which it does without being asked twice: libFuzzer's
  // -timeout, or the test's, ends a wait for ever.
  void check() const {
    std::string heard;
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t got = read(fd_, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      PROMISE(got >= 0 || errno == ECONNRESET);
      if (got <= 0) {
        break;
      }
      heard.append(buffer.data(), static_cast<std::size_t>(got));
    }
    const std::size_t end = said_.find('\n');
    if (end > ControlSocket::longest_command) { // or no line at all
      PROMISE(heard.empty());
      return;
    }
    PROMISE(!heard.empty() && heard.find('\n') == heard.size() - 1);
    const Json answer = Json::parse(heard, nullptr, false);
    PROMISE(answer.is_object());
    const std::string command = said_.substr(0, end);
    if (command == "status") {
      PROMISE(answer.at("policy").at("names") == 1 && answer.at("policy").at("rules") == 1);
    } else if (command == "reload") {
      PROMISE(answer.at("outcome") == "unchanged" && answer.at("generation") >= 1);
    } else {
      PROMISE(answer.contains("error") || answer.contains("mode")); // a switch that was taken
    }
  }

 private:
  int fd_;
  std::string said_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Module module;
  nearmiss::fuzz::Input input(data, size);
  // More than are served at a time: the last ones wait until the first are done.
  std::vector<std::unique_ptr<Client>> clients(input.octet() % (ControlSocket::max_clients + 3));
  for (auto& client : clients) {
    client = std::make_unique<Client>(module);
  }
  // One that is gone before its turn keeps its place in the kernel's queue, which is short.
  std::size_t gone = 0;
  while (!clients.empty() && !input.empty()) {
    const unsigned step = input.octet();
    auto& client = clients[step % clients.size()];
    if (step >= 240 && ++gone < ControlSocket::max_clients - 2) {
      client = std::make_unique<Client>(module); // the one before is gone without a word
    } else if (step >= 224) {
      client->finish();
    } else {
      client->say(input.field());
    }
  }
  for (const auto& client : clients) {
    client->finish();
  }
  for (const auto& client : clients) {
    client->check();
  }
  return 0;
}
