// The page of `report --html` before its data is put in: contrib/cli/report.html.
#pragma once

#include <string_view>

namespace nearmiss::cli {

extern const std::string_view report_page;

} // namespace nearmiss::cli
