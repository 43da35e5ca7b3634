#include "server/session/client_memory.h"

#include <algorithm>
#include <bit>

#include "common/base/check.h"

namespace redan {

uint8_t ClientMemory::class_of(size_t bytes) {
  return static_cast<uint8_t>(
      std::clamp<int>(std::bit_width(bytes), kSmallestClass, kLargestClass) - kSmallestClass);
}

void ClientMemory::leave_class(Share& share) {
  if (share.class_ == Share::kNoClass) return;
  std::vector<Share*>& from = classes_[share.class_];
  from[share.place_] = from.back();
  from[share.place_]->place_ = share.place_;
  from.pop_back();
  share.class_ = Share::kNoClass;
}

void ClientMemory::set(Share& share, size_t bytes, bool evictable) {
  total_ += bytes - share.bytes_;
  share.bytes_ = bytes;
  const uint8_t wanted = evictable ? class_of(bytes) : Share::kNoClass;
  if (wanted == share.class_) return;
  leave_class(share);
  if (!evictable) return;
  share.class_ = wanted;
  share.place_ = static_cast<uint32_t>(classes_[wanted].size());
  classes_[wanted].push_back(&share);
}

void ClientMemory::forget(Share& share) {
  set(share, 0, false);
}

ClientMemory::Share* ClientMemory::largest() const {
  for (auto of_size = classes_.rbegin(); of_size != classes_.rend(); ++of_size) {
    if (of_size->empty()) continue;
    const auto end =
        of_size->begin() + static_cast<std::ptrdiff_t>(std::min(of_size->size(), kLookedAt));
    return *std::max_element(of_size->begin(), end,
                             [](const Share* a, const Share* b) { return a->bytes_ < b->bytes_; });
  }
  return nullptr;
}

void ClientMemory::check_invariants() const {
  size_t bytes = 0;
  for (size_t i = 0; i < classes_.size(); ++i) {
    for (size_t place = 0; place < classes_[i].size(); ++place) {
      const Share& share = *classes_[i][place];
      REDAN_CHECK(share.class_ == i);
      REDAN_CHECK(share.place_ == place);
      REDAN_CHECK(class_of(share.bytes_) == i);
      bytes += share.bytes_;
    }
  }
  REDAN_CHECK(bytes <= total_);
}

size_t client_memory_limit(int64_t maxmemory_clients, int64_t maxmemory) {
  constexpr size_t kLeast = 128UL * 1024;
  if (maxmemory_clients == 0) return 0;
  if (maxmemory_clients > 0) return std::max(kLeast, static_cast<size_t>(maxmemory_clients));
  if (maxmemory == 0) return 0;
  const double part =
      static_cast<double>(maxmemory) * static_cast<double>(-maxmemory_clients) / 100;
  return std::max(kLeast, static_cast<size_t>(part));
}

}  // namespace redan
