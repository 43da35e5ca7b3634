#include "server/data/large_set.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/parse.h"

namespace redan {

SetText* SetText::make(std::string_view text) {
  REDAN_CHECK(text.size() <= UINT32_MAX);
  const size_t head = head_of(text.size());
  char* const bytes = static_cast<char*>(std::malloc(size_class(head + text.size())));
  REDAN_CHECK(bytes != nullptr);
  if (head == 1) {
    bytes[0] = static_cast<char>(text.size());
  } else {
    const auto length = static_cast<uint32_t>(text.size());
    bytes[0] = static_cast<char>(kLong);
    std::memcpy(bytes + 1, &length, sizeof length);
  }
  if (!text.empty()) std::memcpy(bytes + head, text.data(), text.size());
  return reinterpret_cast<SetText*>(bytes);
}

void SetText::free(SetText* text) {
  std::free(text);
}

size_t SetText::long_length() const {
  uint32_t length;
  std::memcpy(&length, reinterpret_cast<const char*>(this) + 1, sizeof length);
  return length;
}

namespace {

ValuePiece piece_of(const LargeSet::Member& member, Listpack::Scratch& scratch) {
  return {.kind = ValuePiece::Kind::kMember, .a = member.view(scratch)};
}

}  // namespace

SetName LargeSet::number_or_text(std::string_view text) {
  const std::optional<int64_t> integer = parse_int64(text);
  if (integer && SetName::fits(*integer)) return {.is_integer = true, .integer = *integer};
  return {.text = text};
}

LargeSet::~LargeSet() {
  members_.for_each([](SetSlot member) {
    if (!member.is_integer()) SetText::free(member.text());
  });
  members_.forget_all();
}

bool LargeSet::add(const SetName& name) {
  const auto place = members_.locate(name);
  if (place) return false;
  if (name.is_integer) {
    members_.insert(place, SetSlot::of(name.integer), false);
    return true;
  }
  SetText* const text = SetText::make(name.text);
  text_bytes_ += text->allocated_bytes();
  members_.insert(place, SetSlot::of(text), false);
  return true;
}

bool LargeSet::erase(const SetName& name) {
  const auto place = members_.locate(name);
  if (!place) return false;
  const SetSlot member = members_.erase(place);
  if (!member.is_integer()) {
    text_bytes_ -= member.text()->allocated_bytes();
    SetText::free(member.text());
  }
  return true;
}

std::vector<SetSlot> LargeSet::choose(size_t count, Rng& rng) const {
  std::vector<SetSlot> chosen;
  if (count > size() / 3) {
    // Draws would often meet what they have: all are laid out, and the front is shuffled.
    chosen.reserve(size());
    members_.for_each([&](SetSlot member) { chosen.push_back(member); });
    for (size_t i = 0; i < count; ++i) {
      std::swap(chosen[i], chosen[i + rng.below(chosen.size() - i)]);
    }
    chosen.resize(count);
    return chosen;
  }
  chosen.reserve(count);
  // Who was drawn; at most half full.
  std::vector<SetSlot> drawn(std::bit_ceil(2 * count + 1));
  while (chosen.size() < count) {
    const SetSlot member = members_.random(rng);
    size_t at = (member.bits() * 0x9E3779B97F4A7C15U >> 20) % drawn.size();
    while (drawn[at] && drawn[at] != member) at = (at + 1) % drawn.size();
    if (drawn[at] == member) continue;
    drawn[at] = member;
    chosen.push_back(member);
  }
  return chosen;
}

std::unique_ptr<LargeValue> LargeSet::clone() const {
  auto copy = std::make_unique<LargeSet>(hash_key_);
  copy->reserve(size());
  members_.for_each([&](SetSlot member) { copy->add(SetSlots::key(member)); });
  return copy;
}

void LargeSet::for_each_piece(PieceSink& sink) const {
  for_each([&](const Member& member) {
    Listpack::Scratch scratch;
    sink.piece(piece_of(member, scratch));
  });
}

void LargeSet::Pieces::emit(int, SetSlot member) {
  ++handed_over;
  Listpack::Scratch scratch;
  sink->piece(piece_of(shown(member), scratch));
}

void LargeSet::begin_snapshot(PieceSink* sink) {
  pieces_.sink = sink;
  members_.begin_snapshot(&pieces_, 0);
}

bool LargeSet::walk_snapshot(size_t pieces) {
  const size_t enough = pieces_.handed_over + pieces;
  for (; pieces > 0 && pieces_.handed_over < enough; --pieces) {
    if (!members_.walk_snapshot(1)) return false;
  }
  return true;
}

void LargeSet::check_invariants() const {
  members_.check_invariants();
  size_t bytes = 0;
  members_.for_each([&](SetSlot member) {
    if (member.is_integer()) return;
    bytes += member.text()->allocated_bytes();
    REDAN_CHECK(!name_of(member.text()->view()).is_integer);
  });
  REDAN_CHECK(bytes == text_bytes_);
}

}  // namespace redan
