// ICU's part of rules/lookalikes/glyph.hpp.
#pragma once

namespace nearmiss::lookalike {

// Opens ICU's checkers; later calls do nothing. Throws std::runtime_error if ICU's data is missing.
void load_unicode();

} // namespace nearmiss::lookalike
