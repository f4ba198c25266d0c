#include "module/reload/policy_loader.hpp"

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace nearmiss {

PolicyLoader::PolicyLoader() : done_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (done_ < 0) {
    throw std::system_error(errno, std::generic_category(), "an event descriptor");
  }
}

PolicyLoader::~PolicyLoader() {
  if (thread_.joinable()) {
    thread_.join();
  }
  close(done_);
}

void PolicyLoader::begin(const std::filesystem::path& file, std::chrono::sys_days today,
                         std::shared_ptr<const Config> before) noexcept {
  running_ = true;
  failure_ = nullptr;
  try {
    thread_ = std::thread([this, file, today, before = std::move(before)]() noexcept {
      work(file, today, before.get());
    });
  } catch (const std::exception&) {
    failure_ = std::current_exception();
    signal();
  }
}

// Threads that answer go before: where no processor is idle this one gets about a thirtieth of one.
// (Priorities are of threads in Linux, and without privileges they cannot be raised again.)
void PolicyLoader::work(const std::filesystem::path& file, std::chrono::sys_days today,
                        const Config* before) noexcept {
  constexpr int niceness = 15;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness);
  try {
    result_ = load(file, today, before);
  } catch (const std::exception&) {
    failure_ = std::current_exception();
  }
  signal();
}

void PolicyLoader::signal() const noexcept {
  const std::uint64_t one = 1;
  while (write(done_, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

LoadResult PolicyLoader::take() {
  if (thread_.joinable()) {
    thread_.join();
  }
  std::uint64_t count = 0;
  (void)!read(done_, &count, sizeof(count));
  running_ = false;
  LoadResult result = std::exchange(result_, {});
  if (const auto failure = std::exchange(failure_, nullptr)) {
    std::rethrow_exception(failure);
  }
  return result;
}

} // namespace nearmiss
