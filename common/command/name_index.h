// Names to numbers, without regard to case: the first step of every request. A lookup hashes the
// name once, allocates nothing and copies nothing: names are compared eight bytes at a time, each
// chunk with the case bit set where the stored name has a letter.
// Filled at start, read afterwards by any thread. Our own names only, so the hash needs no key.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace redan {

class NameIndex {
 public:
  static constexpr int kMissing = -1;

  NameIndex() { rebuild(); }
  // False where the name exists already.
  bool insert(std::string_view name, int value);
  bool erase(std::string_view name);
  size_t size() const { return names_.size(); }
  template <class Visit>
  void each(Visit&& visit) const {
    for (const auto& [name, value] : names_) visit(std::string_view(name), value);
  }

  int find(std::string_view name) const {
    if (name.empty()) return kMissing;
    const uint64_t first = chunk(name, 0);
    for (size_t at = hash(name, first) & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.size == 0) return kMissing;
      if (slot.size == name.size() && (first | slot.letters) == slot.lower &&
          (name.size() <= 8 || same_rest(name, slot))) {
        return slot.value;
      }
    }
  }

 private:
  struct Slot {
    uint64_t lower = 0;    // the first chunk in lower case
    uint64_t letters = 0;  // 0x20 at each letter
    uint32_t size = 0;     // 0: a free slot
    int32_t value = 0;
    size_t rest = 0;  // where further chunks begin in rest_
  };

  // The i-th eight bytes; the last chunk overlaps the one before it, so that no load passes the
  // end.
  static uint64_t chunk(std::string_view name, size_t i) {
    const char* p = name.data();
    const size_t n = name.size();
    uint64_t word = 0;
    if (n >= 8) {
      std::memcpy(&word, p + (i * 8 + 8 <= n ? i * 8 : n - 8), 8);
    } else if (n >= 4) {
      uint32_t low = 0;
      uint32_t high = 0;
      std::memcpy(&low, p, 4);
      std::memcpy(&high, p + n - 4, 4);
      word = low | static_cast<uint64_t>(high) << 32;
    } else {
      word = static_cast<uint8_t>(p[0]) |
             static_cast<uint64_t>(static_cast<uint8_t>(p[n / 2])) << 8 |
             static_cast<uint64_t>(static_cast<uint8_t>(p[n - 1])) << 16;
    }
    return word;
  }
  static size_t chunks(size_t size) { return (size + 7) / 8; }
  static uint64_t mix(uint64_t h, uint64_t word) {
    h = (h ^ (word | 0x2020202020202020ULL)) * 0x9E3779B97F4A7C15ULL;
    return h ^ (h >> 32);
  }
  static uint64_t hash(std::string_view name, uint64_t first) {
    uint64_t h = mix(name.size(), first);
    for (size_t i = 1; i < chunks(name.size()); ++i) h = mix(h, chunk(name, i));
    return h;
  }
  bool same_rest(std::string_view name, const Slot& slot) const {
    for (size_t i = 1; i < chunks(name.size()); ++i) {
      const auto& [lower, letters] = rest_[slot.rest + i - 1];
      if ((chunk(name, i) | letters) != lower) return false;
    }
    return true;
  }
  void rebuild();

  std::vector<std::pair<std::string, int>> names_;
  std::vector<Slot> slots_;
  std::vector<std::pair<uint64_t, uint64_t>> rest_;
  size_t mask_ = 0;
};

}  // namespace redan
