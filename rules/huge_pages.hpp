// Memory for tables that are searched at random places: on huge pages (2 MiB) where the system
// gives them, which spares most look-ups a miss of the TLB. Where it does not, it is ordinary
// memory.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace nearmiss {

// For std::vector. Tables of a megabyte or more take whole huge pages, so up to 2 MiB more.
template<typename T> struct HugePageAllocator {
  using value_type = T;
  static constexpr std::size_t page = std::size_t{2} << 20U; // octets
  static constexpr std::size_t least = std::size_t{1} << 20U;

  HugePageAllocator() noexcept = default;
  template<typename U> HugePageAllocator(const HugePageAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    const std::size_t octets = count * sizeof(T);
    if (octets < least) {
      return static_cast<T*>(::operator new(octets));
    }
    const std::size_t whole = (octets + page - 1) / page * page;
    void* const memory = std::aligned_alloc(page, whole);
    if (memory == nullptr) {
      throw std::bad_alloc();
    }
    // A wish: without it the table is slower. The last octets stay on pages that are as small.
    (void)madvise(memory, octets / page * page, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }

  void deallocate(T* memory, std::size_t count) noexcept {
    if (count * sizeof(T) < least) {
      ::operator delete(memory);
    } else {
      std::free(memory);
    }
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) noexcept {
    return true;
  }
};

} // namespace nearmiss
