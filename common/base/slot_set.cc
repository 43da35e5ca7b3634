#include "common/base/slot_set.h"

#include <optional>

#include "common/base/parse.h"

namespace redan {

SlotSet SlotSet::all() {
  SlotSet set;
  set.bits_.set();
  return set;
}

void SlotSet::add(SlotRange range) {
  for (size_t i = range.first.value; i <= range.last.value; ++i) bits_[i] = true;
}

Result<SlotSet> SlotSet::parse(std::string_view text) {
  SlotSet set;
  for (const std::string_view word : split(text, ' ')) {
    if (word.empty()) continue;
    const size_t dash = word.find('-');
    const Result<Slot> first = parse_slot(word.substr(0, dash));
    const Result<Slot> last =
        dash == std::string_view::npos ? first : parse_slot(word.substr(dash + 1));
    if (!first || !last || last->value < first->value) {
      return Error("'" + std::string(word.substr(0, 64)) +
                   "' is neither a slot nor a range of slots");
    }
    set.add(SlotRange{*first, *last});
  }
  return set;
}

std::vector<SlotRange> SlotSet::ranges() const {
  std::vector<SlotRange> ranges;
  for_each([&](Slot slot) {
    if (!ranges.empty() && ranges.back().last.value + 1 == slot.value) {
      ranges.back().last = slot;
    } else {
      ranges.push_back({slot, slot});
    }
  });
  return ranges;
}

std::string SlotSet::text() const {
  std::string text;
  for (const SlotRange& range : ranges()) {
    if (!text.empty()) text += ' ';
    text += std::to_string(range.first.value);
    if (range.last != range.first) text += "-" + std::to_string(range.last.value);
  }
  return text;
}

Result<Slot> parse_slot(std::string_view text) {
  const std::optional<int64_t> number = parse_int64(text);
  if (!number || *number < 0 || *number >= kSlotCount) return Error("Invalid or out of range slot");
  return Slot(static_cast<uint16_t>(*number));
}

}  // namespace redan
