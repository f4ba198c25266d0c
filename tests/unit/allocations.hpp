// Counts what the process allocates with `new`, to show where it must allocate nothing.
#pragma once

#include <cstddef>

namespace nearmiss::test {

// Calls of any form of operator new so far, of all threads and libraries.
std::size_t allocations() noexcept;

// Lets the n-th allocation from now on fail, n from 1, and with `all_after` every one behind it
// too, of this thread and of those that have not allocated before. 0: none.
void fail_allocation(std::size_t n, bool all_after = false) noexcept;
// Lets every allocation of all other threads fail, or none any more.
void fail_allocations_elsewhere(bool fail) noexcept;
// Has one failed since then?
bool allocation_failed() noexcept;

} // namespace nearmiss::test
