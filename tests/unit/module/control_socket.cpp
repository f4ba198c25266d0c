// The control socket by itself: how much of a client it reads, and what it does without
// descriptors.
#include "module/reload/control_socket.hpp"
#include "tests/catch.hpp"
#include "tests/unit/config/folder.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <set>

using namespace nearmiss;
using namespace nearmiss::test;

namespace {

struct Served {
  Served()
      : socket(folder.path() / "control.sock",
               [this](std::string_view command, uid_t user) -> std::optional<std::string> {
                 users.insert(user);
                 commands.emplace_back(command);
                 if (command == "later") {
                   return std::nullopt;
                 }
                 return "{\"heard\":" + std::to_string(command.size()) + "}";
               }) {}

  // One round of the thread that serves; true if the socket waits for clients.
  bool round() {
    std::vector<pollfd> polled;
    socket.add_to(polled);
    poll(polled.data(), polled.size(), 0);
    socket.serve(polled.data(), polled.size());
    return polled.front().fd >= 0;
  }

  Folder folder;
  std::vector<std::string> commands;
  std::set<uid_t> users;
  ControlSocket socket;
};

class Client {
 public:
  explicit Client(const Served& served)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = served.socket.path().native();
    path.copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
    REQUIRE(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void say(const std::string& text) const {
    (void)send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
  }
  std::string heard() const {
    std::array<char, 256> buffer{};
    const ssize_t got = read(fd_, buffer.data(), buffer.size());
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
  }

 private:
  int fd_;
};

} // namespace

TEST_CASE("a command is a line of 4,096 octets at most, in any pieces", "[control]") {
  Served served;
  const std::size_t size = GENERATE(std::size_t{0}, ControlSocket::longest_command,
                                    ControlSocket::longest_command + 1, std::size_t{5000});
  const bool at_once = GENERATE(true, false);
  CAPTURE(size, at_once);
  const Client client(served);
  const std::string line = std::string(size, 'x') + "\n";
  served.round();
  if (at_once) {
    client.say(line + "status\n");
    served.round();
  } else {
    for (const char c : line) {
      client.say({c});
      served.round();
    }
  }
  served.round();
  if (size <= ControlSocket::longest_command) {
    CHECK(served.commands == std::vector<std::string>{std::string(size, 'x')});
    CHECK(client.heard() == "{\"heard\":" + std::to_string(size) + "}\n");
  } else {
    CHECK(served.commands.empty());
    CHECK(client.heard().empty());
  }
}

TEST_CASE("a client may wait for its answer, while others get theirs", "[control]") {
  Served served;
  const Client waiting(served);
  auto leaving = std::make_unique<const Client>(served);
  served.round();
  served.round();
  waiting.say("later\n");
  leaving->say("later\n");
  served.round();
  REQUIRE(served.commands.size() == 2);
  leaving.reset();
  served.round();
  CHECK(served.socket.due() == ControlSocket::Clock::time_point::max()); // none is hurried
  const Client other(served);
  other.say("status\n");
  served.round();
  served.round();
  CHECK(other.heard() == "{\"heard\":6}\n");
  CHECK(waiting.heard().empty());
  served.socket.answer_waiting("{}");
  served.round();
  CHECK(waiting.heard() == "{}\n");
  CHECK(served.users == std::set<uid_t>{getuid()});
}

TEST_CASE("without a descriptor for a client the socket is left alone for a while", "[control]") {
  Served served;
  const Client client(served);
  client.say("status\n");
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  const rlimit none{3, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  served.round();
  const bool polls_on = served.round(); // which would return at once, again and again
  const bool comes_back = served.socket.due() != ControlSocket::Clock::time_point::max();
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_FALSE(polls_on);
  CHECK(comes_back);
  std::string heard;
  for (int wait = 0; wait < 2000 && heard.empty(); ++wait) {
    usleep(2000);
    served.round();
    heard = client.heard();
  }
  CHECK(heard == "{\"heard\":6}\n");
}
