// The text of one event while a format puts it together: appended to some sixty times an event,
// mostly by a few characters, for which std::string's calls cost more than the copying.
#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace nearmiss {

// Grows as needed and keeps its memory. What appends throws std::bad_alloc, and then changes
// nothing. Not safe for use by several threads.
class LineBuffer {
 public:
  void operator+=(std::string_view text) {
    char* const at = room(text.size());
    if (!text.empty()) {
      std::memcpy(at, text.data(), text.size());
    }
    size_ += text.size();
  }
  void operator+=(char c) {
    *room(1) = c;
    ++size_;
  }
  void append_number(std::uint64_t value) {
    constexpr std::size_t max_digits = 20;
    char* const at = room(max_digits);
    end_at(std::to_chars(at, at + max_digits, value).ptr);
  }

  // Where the next `octets` characters may be written; end_at() then says how far they were.
  char* room(std::size_t octets) {
    if (capacity_ - size_ < octets) {
      grow(octets);
    }
    return text_.get() + size_;
  }
  void end_at(const char* end) noexcept { size_ = static_cast<std::size_t>(end - text_.get()); }

  void clear() noexcept { size_ = 0; }
  std::string_view text() const noexcept { return {text_.get(), size_}; }

 private:
  void grow(std::size_t octets) {
    const std::size_t capacity = 2 * capacity_ + octets + 1024;
    auto text = std::make_unique<char[]>(capacity); // NOLINT(*-avoid-c-arrays)
    if (size_ > 0) {
      std::memcpy(text.get(), text_.get(), size_);
    }
    text_ = std::move(text);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> text_; // NOLINT(*-avoid-c-arrays)
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace nearmiss
