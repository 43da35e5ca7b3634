#include "server/data/intset.h"

namespace redan {

const std::string& Intset::empty_bytes() {
  static const std::string kEmpty("\x02\x00\x00\x00\x00\x00\x00\x00", 8);
  return kEmpty;
}

size_t Intset::lower_bound(int64_t value) const {
  size_t low = 0;
  size_t high = size();
  // Integers often come in ascending order: the end is looked at first.
  if (high > 0 && at(high - 1) < value) return high;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (at(middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool Intset::contains(int64_t value) const {
  if (width_of(value) > width()) return false;
  const size_t index = lower_bound(value);
  return index < size() && at(index) == value;
}

bool Intset::validate(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return false;
  const Intset set(bytes);
  const size_t width = set.width();
  if (width != 2 && width != 4 && width != 8) return false;
  const size_t count = set.size();
  if (count == 0 || kHeaderBytes + count * width != bytes.size()) return false;
  for (size_t i = 1; i < count; ++i) {
    if (set.at(i - 1) >= set.at(i)) return false;
  }
  return true;
}

void IntsetEdit::widen(char* base, size_t count, size_t from, size_t to, size_t shift) {
  // From behind, so that no integer is overwritten before it has moved.
  for (size_t i = count; i-- > 0;) {
    const char* const old = base + Intset::kHeaderBytes + i * from;
    int64_t value;
    if (from == 2) {
      int16_t narrow;
      std::memcpy(&narrow, old, 2);
      value = narrow;
    } else {
      int32_t narrow;
      std::memcpy(&narrow, old, 4);
      value = narrow;
    }
    store(base, i + shift, to, value);
  }
}

}  // namespace redan
