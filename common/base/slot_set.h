// A set of hash slots: what a node owns, what a plan moves. 2 KiB, a bit for each slot, whatever it
// holds. As text it is what CLUSTER NODES and nodes.conf say: "0-5460 5462".
#pragma once

#include <bitset>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/ids.h"
#include "common/base/result.h"

namespace redan {

struct SlotRange {
  Slot first;
  Slot last;  // included
  friend bool operator==(const SlotRange&, const SlotRange&) = default;
};

class SlotSet {
 public:
  SlotSet() = default;
  static SlotSet all();
  // Words like "5462" and "0-5460", separated by blanks; an error names the word that is none.
  static Result<SlotSet> parse(std::string_view text);

  bool contains(Slot slot) const { return bits_[slot.value]; }
  bool empty() const { return bits_.none(); }
  size_t size() const { return bits_.count(); }
  void add(Slot slot) { bits_[slot.value] = true; }
  void add(SlotRange range);
  void remove(Slot slot) { bits_[slot.value] = false; }
  void clear() { bits_.reset(); }

  SlotSet& operator|=(const SlotSet& other) { return bits_ |= other.bits_, *this; }
  SlotSet& operator&=(const SlotSet& other) { return bits_ &= other.bits_, *this; }
  SlotSet& operator-=(const SlotSet& other) { return bits_ &= ~other.bits_, *this; }
  friend SlotSet operator|(SlotSet a, const SlotSet& b) { return a |= b; }
  friend SlotSet operator&(SlotSet a, const SlotSet& b) { return a &= b; }
  friend SlotSet operator-(SlotSet a, const SlotSet& b) { return a -= b; }
  friend bool operator==(const SlotSet&, const SlotSet&) = default;

  // The lowest; there is one.
  Slot first() const { return Slot(static_cast<uint16_t>(bits_._Find_first())); }
  // each(Slot), in order.
  template <class Each>
  void for_each(Each&& each) const {
    for (size_t i = bits_._Find_first(); i < bits_.size(); i = bits_._Find_next(i)) {
      each(Slot(static_cast<uint16_t>(i)));
    }
  }
  // The longest runs, in order.
  std::vector<SlotRange> ranges() const;
  std::string text() const;

 private:
  std::bitset<kSlotCount> bits_;
};

// A slot's number as commands and files give it; an error says what is wrong in Redis' words.
Result<Slot> parse_slot(std::string_view text);

}  // namespace redan
