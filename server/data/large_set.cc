#include "server/data/large_set.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace redan {

SetMember* SetMember::make(std::string_view name) {
  REDAN_CHECK(name.size() <= UINT32_MAX);
  const size_t head = head_of(name.size());
  char* const bytes = static_cast<char*>(std::malloc(size_class(head + name.size())));
  REDAN_CHECK(bytes != nullptr);
  if (head == 1) {
    bytes[0] = static_cast<char>(name.size());
  } else {
    const auto length = static_cast<uint32_t>(name.size());
    bytes[0] = static_cast<char>(kLong);
    std::memcpy(bytes + 1, &length, sizeof length);
  }
  if (!name.empty()) std::memcpy(bytes + head, name.data(), name.size());
  return reinterpret_cast<SetMember*>(bytes);
}

void SetMember::free(SetMember* member) {
  std::free(member);
}

size_t SetMember::long_length() const {
  uint32_t length;
  std::memcpy(&length, reinterpret_cast<const char*>(this) + 1, sizeof length);
  return length;
}

bool LargeSet::add(std::string_view member) {
  const auto place = members_.locate(member);
  if (place) return false;
  members_.insert(place, SetMember::make(member));
  return true;
}

bool LargeSet::erase(std::string_view member) {
  const auto place = members_.locate(member);
  if (!place) return false;
  members_.erase(place);
  return true;
}

std::vector<const SetMember*> LargeSet::choose(size_t count, Rng& rng) const {
  std::vector<const SetMember*> chosen;
  if (count > size() / 3) {
    // Draws would often meet what they have: all are laid out, and the front is shuffled.
    chosen.reserve(size());
    members_.for_each([&](const SetMember& member) { chosen.push_back(&member); });
    for (size_t i = 0; i < count; ++i) {
      std::swap(chosen[i], chosen[i + rng.below(chosen.size() - i)]);
    }
    chosen.resize(count);
    return chosen;
  }
  chosen.reserve(count);
  // Who was drawn, by address; at most half full.
  std::vector<const SetMember*> drawn(std::bit_ceil(2 * count + 1));
  while (chosen.size() < count) {
    const SetMember* const member = &members_.random(rng);
    size_t at = reinterpret_cast<uintptr_t>(member) / 16 * 0x9E3779B97F4A7C15U >> 20;
    for (at %= drawn.size(); drawn[at] != nullptr && drawn[at] != member;) {
      at = (at + 1) % drawn.size();
    }
    if (drawn[at] == member) continue;
    drawn[at] = member;
    chosen.push_back(member);
  }
  return chosen;
}

size_t LargeSet::memory_bytes() const {
  return size_class(sizeof(LargeSet)) + members_.memory_bytes();
}

std::unique_ptr<LargeValue> LargeSet::clone() const {
  auto copy = std::make_unique<LargeSet>(members_.hash_key());
  copy->members_.copy_from(members_);
  return copy;
}

void LargeSet::for_each_piece(PieceSink& sink) const {
  members_.for_each([&](const SetMember& member) { sink.piece(member.piece()); });
}

}  // namespace redan
