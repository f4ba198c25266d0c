// Counts what the process allocates with `new`, to show where it must allocate nothing.
#pragma once

#include <cstddef>

namespace nearmiss::test {

// Calls of any form of operator new so far, of all threads and libraries.
std::size_t allocations() noexcept;

} // namespace nearmiss::test
