#include "common/command/name_index.h"

#include <algorithm>

#include "common/base/parse.h"

namespace redan {
namespace {

// 0x20 at each byte that is a letter.
std::string letter_bits(std::string_view lower) {
  std::string bits(lower);
  for (char& c : bits) c = c >= 'a' && c <= 'z' ? 0x20 : 0;
  return bits;
}

}  // namespace

bool NameIndex::insert(std::string_view name, int value) {
  if (name.empty() || find(name) != kMissing) return false;
  names_.emplace_back(to_lower(name), value);
  rebuild();
  return true;
}

bool NameIndex::erase(std::string_view name) {
  const size_t erased =
      std::erase_if(names_, [&](const auto& entry) { return iequals(entry.first, name); });
  rebuild();
  return erased > 0;
}

void NameIndex::rebuild() {
  size_t capacity = 8;
  while (capacity < names_.size() * 4) capacity *= 2;
  mask_ = capacity - 1;
  slots_.assign(capacity, Slot{});
  rest_.clear();
  for (const auto& [name, value] : names_) {
    const std::string letters = letter_bits(name);
    size_t at = hash(name, chunk(name, 0)) & mask_;
    while (slots_[at].size != 0) at = (at + 1) & mask_;
    slots_[at] = {.lower = chunk(name, 0),
                  .letters = chunk(letters, 0),
                  .size = static_cast<uint32_t>(name.size()),
                  .value = value,
                  .rest = rest_.size()};
    for (size_t i = 1; i < chunks(name.size()); ++i) {
      rest_.emplace_back(chunk(name, i), chunk(letters, i));
    }
  }
}

}  // namespace redan
