// Local data as zone files write it.
#pragma once

#include "rules/rule.hpp"

#include <string>

namespace nearmiss {

// "MX 10 mx.example.net.": type and RDATA, without the owner. What ldns cannot take apart is
// written as RFC 3597 says.
std::string to_text(const LocalRecord& record);

} // namespace nearmiss
