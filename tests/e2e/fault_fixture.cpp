#include "tests/e2e/fault_fixture.hpp"

#include "tests/catch.hpp"
#include "tests/paths.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace e2e {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string with_log(const std::string& log) {
  std::string policy = usual_policy;
  return policy.replace(policy.find("log: {"), std::string::npos, log);
}

bool has_logged(const World& world, const std::string& text) {
  return wait_until([&] { return holds(world.resolver.log(), text); });
}

void mail_is_blocked_and_others_are_served(const World& world) {
  world.expect_blocked(mail, "army.ml", MX);
  world.expect_blocked(other_mail, "navy.ml", A);
  world.expect_real(mail, "army.mil", MX);
  world.expect_real(other, "army.ml", MX);
}

FaultyCalls::FaultyCalls() : file_(folder_.path() / "switches") {
  write_file(file_, std::string(sizeof(faulty_calls), '\0'));
  const int fd = open(file_.c_str(), O_RDWR | O_CLOEXEC);
  void* const mapped =
      mmap(nullptr, sizeof(faulty_calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  REQUIRE(mapped != MAP_FAILED);
  switches_ = static_cast<faulty_calls*>(mapped);
}

FaultyCalls::~FaultyCalls() {
  switches_->disk_hangs = 0; // whatever the test came to
  munmap(switches_, sizeof(faulty_calls));
}

Process::Environment FaultyCalls::environment() const {
  const char* const options = std::getenv("ASAN_OPTIONS");
  return {{"LD_PRELOAD", NEARMISS_FAULTY_CALLS},
          {"NEARMISS_FAULTY_CALLS", file_},
          {"ASAN_OPTIONS",
           std::string(options != nullptr ? options : "") + ":verify_asan_link_order=0"}};
}

} // namespace e2e
