// Memory for tables that are searched at random places: on huge pages (2 MiB) where the system
// gives them, which spares most look-ups a miss of the TLB. Where it does not, it is ordinary
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

namespace nearmiss {

// For std::vector. What is a megabyte or more is mapped by itself, so that all of it goes back to
// the system when it is freed: a heap would keep much of the tables that a reload replaces.
template<typename T> struct HugePageAllocator {
  using value_type = T;
  static constexpr std::size_t huge = std::size_t{2} << 20U; // octets
  static constexpr std::size_t least = std::size_t{1} << 20U;

  HugePageAllocator() noexcept = default;
  template<typename U> HugePageAllocator(const HugePageAllocator<U>&) noexcept {}

  T* allocate(std::size_t count) {
    const std::size_t octets = count * sizeof(T);
    if (octets < least) {
      return static_cast<T*>(::operator new(octets));
    }
    // From a multiple of a huge page on; what is too much before and after that is given back.
    void* const mapped = mmap(nullptr, whole_pages(octets) + huge, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
      throw std::bad_alloc();
    }
    auto* const begin = static_cast<char*>(mapped);
    const std::size_t before = (huge - reinterpret_cast<std::uintptr_t>(begin) % huge) % huge;
    if (before > 0) {
      munmap(begin, before);
    }
    munmap(begin + before + whole_pages(octets), huge - before);
    // A request: without it the table is slower. The rest stays on ordinary pages.
    (void)madvise(begin + before, octets / huge * huge, MADV_HUGEPAGE);
    return reinterpret_cast<T*>(begin + before);
  }

  void deallocate(T* memory, std::size_t count) noexcept {
    const std::size_t octets = count * sizeof(T);
    if (octets < least) {
      ::operator delete(memory);
    } else {
      munmap(memory, whole_pages(octets));
    }
  }

  friend bool operator==(const HugePageAllocator&, const HugePageAllocator&) noexcept {
    return true;
  }

 private:
  static std::size_t whole_pages(std::size_t octets) noexcept {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return (octets + page - 1) / page * page;
  }
};

template<typename T> using Table = std::vector<T, HugePageAllocator<T>>;

} // namespace nearmiss
