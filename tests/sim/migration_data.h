// What a node of the migrations' world holds: of each moving slot every write that reached it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "common/base/slot_set.h"

namespace redan::sim {

using SlotValues = std::map<Slot, std::vector<uint32_t>>;

struct MovingData {
  SlotValues values;
  int64_t offset = 1;  // How much happened to the values; replicas say which of it they have.

  SlotSet slots_with_keys() const {
    SlotSet with_keys;
    for (const auto& [slot, written] : values) with_keys.add(slot);
    return with_keys;
  }
  void forget(const SlotSet& slots) {
    slots.for_each([this](Slot slot) { values.erase(slot); });
    ++offset;
  }
};

// The clients' books, of the whole world.
struct WriteBooks {
  std::map<Slot, std::set<uint32_t>> acknowledged;
  uint32_t written = 0;
};

// The slots that move.
inline SlotSet moving_slots() {
  SlotSet slots;
  slots.add(SlotRange{Slot(0), Slot(2)});
  return slots;
}

}  // namespace redan::sim
