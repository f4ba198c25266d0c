// Every replaceable form is here, not only the one that the others call in libstdc++:
// AddressSanitizer has all of them itself, and what one of its forms allocated must not be freed by
// one of these.
#include "tests/unit/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count{0};
std::atomic<std::size_t> plan{0};          // of failures: counts fail_allocation()
std::atomic<std::size_t> until_failure{0}; // 0: none will fail
std::atomic<bool> all_after_fail{false};
std::atomic<bool> failed{false};
thread_local std::size_t my_plan = plan; // in force when this thread first allocated

std::atomic<const int*> spared{nullptr}; // not null: all threads but the one of this variable fail
thread_local const int mine = 0;

bool must_fail() noexcept {
  ++count;
  if (const int* const thread = spared; thread != nullptr && thread != &mine) {
    failed = true;
    return true;
  }
  if (my_plan != plan || until_failure == 0 || --until_failure > 0) {
    return false;
  }
  until_failure = all_after_fail ? 1 : 0;
  failed = true;
  return true;
}

void* allocate(std::size_t size) noexcept {
  if (must_fail()) {
    return nullptr;
  }
  return std::malloc(size == 0 ? 1 : size);
}

void* allocate(std::size_t size, std::align_val_t alignment) noexcept {
  if (must_fail()) {
    return nullptr;
  }
  const auto unit = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(unit, ((size == 0 ? 1 : size) + unit - 1) / unit * unit);
}

void* or_throw(void* memory) {
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  return memory;
}

} // namespace

std::size_t nearmiss::test::allocations() noexcept {
  return count;
}

void nearmiss::test::fail_allocation(std::size_t n, bool all_after) noexcept {
  my_plan = ++plan;
  all_after_fail = all_after;
  failed = false;
  until_failure = n;
}

void nearmiss::test::fail_allocations_elsewhere(bool fail) noexcept {
  failed = false;
  spared = fail ? &mine : nullptr;
}

bool nearmiss::test::allocation_failed() noexcept {
  return failed;
}

void* operator new(std::size_t size) {
  return or_throw(allocate(size));
}
void* operator new[](std::size_t size) {
  return or_throw(allocate(size));
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return or_throw(allocate(size, alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return or_throw(allocate(size, alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return allocate(size);
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, alignment);
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
