// A dict of small entries beside a std::map, driven by a seed, with the snapshot's rules kept or
// broken: what the tests of Dict share.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "server/data/dict.h"

namespace redan::testing {

struct alignas(8) Item {
  std::string name;
  int value = 0;
  std::string_view key() const { return name; }
};

// Breaks the rule that a test names.
struct BreaksOne {
  static inline int broken = -1;
  static bool keeps(SnapshotRule rule) { return static_cast<int>(rule) != broken; }
};

template <class Rules>
class DictWorld {
 public:
  using TestDict = Dict<Item, Rules>;
  using Model = std::map<std::string, int>;

  explicit DictWorld(uint64_t seed) : rng(seed), dict({seed, ~seed}) {}
  ~DictWorld() {
    dict.for_each([](Item* item) { delete item; });
  }

  void set(const std::string& name, int value) {
    typename TestDict::Place place = dict.locate(name);
    if (!place) {
      dict.insert(place, new Item{name, value}, value % 2 == 0);
    } else if (rng.chance(0.5)) {
      place.entry()->value = value;  // in place
      dict.replace(place, place.entry(), value % 2 == 0);
    } else {
      delete place.entry();
      dict.replace(place, new Item{name, value}, value % 2 == 0);
    }
    model[name] = value;
  }
  bool erase(const std::string& name) {
    typename TestDict::Place place = dict.locate(name);
    if (!place) return false;
    delete dict.erase(place);
    model.erase(name);
    return true;
  }
  // `growing`: in favour of new keys; else of deletions.
  void step(uint64_t names, bool growing) {
    const std::string name = "n" + std::to_string(rng.below(names));
    if (rng.chance(growing ? 0.15 : 0.8)) {
      erase(name);
    } else {
      set(name, static_cast<int>(rng.below(1000)));
    }
  }
  Model contents() const {
    Model found;
    dict.for_each([&](Item* item) { found[item->name] = item->value; });
    return found;
  }

  Rng rng;
  TestDict dict;
  Model model;
};

}  // namespace redan::testing
