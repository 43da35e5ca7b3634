#include "server/drivers/slot_dropper.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

struct Dropping {
  DataLoop loop;
  Keyspace keyspace{{.databases = 1, .seed = 7, .slots = true}};
  std::multiset<std::string> told;
  int done = 0;
  SlotDropper dropper{{.loop = loop,
                       .keyspace = keyspace,
                       .feed_deletion = [this](std::string_view key) { told.emplace(key); },
                       .done = [this] { ++done; }}};

  SlotSet slots_of(std::initializer_list<const char*> tags, int keys) {
    SlotSet slots;
    for (const char* tag : tags) {
      slots.add(slot_of_key(tag));
      for (int i = 0; i < keys; ++i) {
        keyspace.set_string(0, "{" + std::string(tag) + "}" + std::to_string(i), "v");
      }
    }
    return slots;
  }
};

TEST(SlotDropper, DropsSlotBySlotAndTellsReplicasOfEachKey) {
  Dropping d;
  const SlotSet slots = d.slots_of({"a", "b", "c"}, 100);
  d.keyspace.set_string(0, "{d}stays", "v");
  d.dropper.add(slots | *SlotSet::parse("16000"));
  EXPECT_EQ(d.dropper.pending(), slots) << "a slot without keys is no work";
  EXPECT_TRUE(d.dropper.run_slice(Nanos(0)));
  EXPECT_EQ(d.told.size(), 100u) << "a slice does one slot at least";
  EXPECT_EQ(d.done, 0);
  while (d.dropper.run_slice(Nanos(0))) {
  }
  EXPECT_EQ(d.done, 1);
  EXPECT_EQ(d.told.size(), 300u);
  EXPECT_EQ(d.keyspace.size(0), 1u);
}

TEST(SlotDropper, ASlotThatIsWantedIsEmptiedAtOnce) {
  Dropping d;
  const SlotSet slots = d.slots_of({"a", "b"}, 10);
  d.dropper.add(slots);
  SlotSet wanted;
  wanted.add(slot_of_key("b"));
  d.dropper.finish(wanted);
  EXPECT_EQ(d.keyspace.slot_size(slot_of_key("b")), 0u);
  EXPECT_EQ(d.keyspace.slot_size(slot_of_key("a")), 10u);
  d.keyspace.set_string(0, "{b}new", "v");
  while (d.dropper.run_slice(Nanos(0))) {
  }
  EXPECT_EQ(d.keyspace.slot_size(slot_of_key("b")), 1u);
  EXPECT_EQ(d.keyspace.slot_size(slot_of_key("a")), 0u);
}

TEST(SlotDropper, AReplicaDropsNothingByItself) {
  Dropping d;
  d.dropper.add(d.slots_of({"a"}, 10));
  d.dropper.forget();
  EXPECT_FALSE(d.dropper.run_slice(Seconds(1)));
  EXPECT_EQ(d.keyspace.size(0), 10u);
  EXPECT_TRUE(d.told.empty());
}

}  // namespace
}  // namespace redan
