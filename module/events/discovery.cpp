#include "module/events/discovery.hpp"

namespace nearmiss {

bool Discovery::is_news(const ClientAddress& client, Clock::time_point now) noexcept {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) {
    return false;
  }
  Told* free = nullptr;
  for (Told& told : told_) {
    if (told.until <= now) {
      free = free == nullptr ? &told : free;
    } else if (told.client == client) {
      return false;
    }
  }
  if (free == nullptr) {
    return false;
  }
  *free = {client, now + quiet};
  return true;
}

} // namespace nearmiss
