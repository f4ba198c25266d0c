// The commands that ask the running module: they wait for no answer longer than they are told.
#include "tests/catch.hpp"
#include "tests/unit/cli/run.hpp"
#include "tests/unit/config/folder.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>

using namespace nearmiss::test;

namespace {

// A socket at which a client is taken, or left in the queue, and gets no whole answer; or the one
// given.
class Mute {
 public:
  Mute(const std::filesystem::path& path, bool drips, const std::string& answer = {})
      : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
    REQUIRE(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(fd_, 4) == 0);
    if (!answer.empty()) {
      thread_ = std::thread([this, answer] {
        const int client = accept(fd_, nullptr, nullptr);
        std::array<char, 256> command{};
        (void)recv(client, command.data(), command.size(), 0);
        (void)send(client, answer.data(), answer.size(), MSG_NOSIGNAL);
        close(client);
      });
    } else if (drips) {
      thread_ = std::thread([this] {
        const int client = accept(fd_, nullptr, nullptr);
        while (!ends_ && send(client, " ", 1, MSG_NOSIGNAL) == 1) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        close(client);
      });
    }
  }
  ~Mute() {
    ends_ = true;
    shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) {
      thread_.join();
    }
    close(fd_);
  }
  Mute(const Mute&) = delete;
  Mute& operator=(const Mute&) = delete;

 private:
  int fd_;
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

} // namespace

TEST_CASE("status and the other control commands end without an answer", "[cli]") {
  const Folder folder;
  const auto path = folder.path() / "n.sock";
  const bool drips = GENERATE(false, true);
  CAPTURE(drips);
  const Mute module(path, drips);
  const std::string command = drips ? "status"
                                    : GENERATE("status", "reload", "enforce", "observe --for 1h",
                                               "allow a.example --for 1h");
  const Run run = nearmiss_cli(command + " --timeout 1 --socket " + path.native() + " 2>&1");
  CHECK(run.exit_code == 2);
  holds(run, "no answer within 1 s");
}

TEST_CASE("status warns of another version, of a missing restart and of a newer Unbound", "[cli]") {
  const Folder folder;
  const auto path = folder.path() / "n.sock";
  const auto status = [&](const std::string& answer) {
    const Mute module(path, false, answer);
    Run run = nearmiss_cli("status --socket " + path.native() + " 2>&1");
    std::filesystem::remove(path);
    CHECK(run.exit_code == 0);
    return run;
  };
  std::string version = nearmiss_cli("--version").output;
  version = version.substr(version.find_first_of("0123456789"));
  version.resize(version.find_first_not_of("0123456789."));
  lacks(status(R"({"version":")" + version + "\"}\n"), "warning");
  holds(status(R"({"version":"0.0.1"})"
               "\n"),
        "warning: the running module is version 0.0.1, this command is version " + version);
  holds(status(R"({"restart_needed":["module /m.so is not the file that runs"]})"
               "\n"),
        "warning: module /m.so is not the file that runs");
  holds(status(R"({"update_needed":"Unbound 9 is installed"})"
               "\n"),
        "warning: Unbound 9 is installed");
}

TEST_CASE("a switch says what is wrong with it before it asks", "[cli]") {
  for (const std::string wrong :
       {"observe --for soon", "observe --for 10", "observe --for 1h30", "enforce --for 0s", "allow",
        "allow a.example", "allow --for 1h", "allow --list --take-back a.example"}) {
    INFO(wrong);
    const Run run = nearmiss_cli(wrong + " --socket /nowhere/n.sock 2>&1");
    CHECK(run.exit_code == 2);
    lacks(run, "/nowhere");
  }
  for (const std::string right : {"observe --for 1h30m", "observe", "allow a.example --for 2d"}) {
    const Run run = nearmiss_cli(right + " --socket /nowhere/n.sock 2>&1");
    CHECK(run.exit_code == 2);
    holds(run, "/nowhere/n.sock");
  }
}
