#include "tests/e2e/process.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace e2e {

using namespace std::chrono_literals;

bool wait_until(const std::function<bool()>& done, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write_file(const std::filesystem::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) {
    throw std::system_error(errno, std::generic_category(), file.string());
  }
}

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "nearmiss-e2e-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::system_error(errno, std::generic_category(), name);
  }
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  if (std::getenv("NEARMISS_KEEP_SCRATCH") == nullptr) {
    std::error_code ignored; // a leftover file in the temporary folder fails no test
    std::filesystem::remove_all(path_, ignored);
  }
}

Process::Process(const std::vector<std::string>& argv, std::filesystem::path log,
                 const Environment& added)
    : log_(std::move(log)) {
  // Everything that allocates happens before the fork: other threads may hold the heap's lock.
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  std::vector<std::string> settings;
  for (char** setting = environ; *setting != nullptr; ++setting) {
    const std::string text = *setting;
    if (text.rfind("PATH=", 0) != 0) {
      settings.push_back(text);
    }
  }
  const char* path = std::getenv("PATH");
  settings.push_back(std::string("PATH=") + (path != nullptr ? path : "/usr/bin:/bin") +
                     ":/usr/sbin:/sbin");
  for (const auto& [name, value] : added) {
    std::string setting = name;
    settings.push_back(setting.append("=").append(value));
  }
  std::vector<char*> environment;
  environment.reserve(settings.size() + 1);
  for (std::string& setting : settings) {
    environment.push_back(setting.data());
  }
  environment.push_back(nullptr);
  const int output = open(log_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) {
    throw std::system_error(errno, std::generic_category(), log_.string());
  }
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
      _exit(127); // the test ended between fork and prctl
    }
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    environ = environment.data();
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(output);
  if (pid_ < 0) {
    throw std::system_error(errno, std::generic_category(), "fork");
  }
}

Process::~Process() {
  stop();
}

bool Process::alive() {
  if (!ended_ && waitpid(pid_, &status_, WNOHANG) == pid_) {
    ended_ = true;
  }
  return !ended_;
}

void Process::send(int signal) {
  if (alive()) {
    kill(pid_, signal);
  }
}

void Process::stop() {
  send(SIGTERM);
  if (!wait_until([this] { return !alive(); }, patience / 2)) {
    send(SIGKILL);
    wait_until([this] { return !alive(); });
  }
}

int Process::exit_code() {
  if (!wait_until([this] { return !alive(); })) {
    throw std::runtime_error("process " + std::to_string(pid_) + " does not end; its log:\n" +
                             log());
  }
  return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
}

bool Process::wait_for_log(const std::string& text) {
  bool found = false;
  wait_until([&] {
    const bool over = !alive(); // before reading: what it wrote last counts
    found = log().find(text) != std::string::npos;
    return found || over;
  });
  return found;
}

Outcome run(const std::vector<std::string>& argv, const Process::Environment& added) {
  const ScratchFolder folder;
  Process process(argv, folder.path() / "output", added);
  const int code = process.exit_code();
  return {code, process.log()};
}

} // namespace e2e
