// Large values in a file: their parts come to the encoder mixed with other keys' (a write makes its
// value begin before the walk is there), and the file must hold each in one piece, as at the mark.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>

#include "server/drivers/snapshot_job.h"
#include "server/drivers/snapshot_loader.h"
#include "server/values/set_value.h"
#include "tests/unit/server/drivers/snapshot_fixture.h"

namespace redan {
namespace {

// (database, key) to members; a string's text is its only member.
using Sets = std::map<std::pair<int, std::string>, std::set<std::string>>;

Sets sets_of(Keyspace& keyspace) {
  Sets all;
  for (int db = 0; db < keyspace.databases(); ++db) {
    keyspace.for_each(db, [&](const Entry& entry) {
      std::set<std::string>& members = all[{db, std::string(entry.key())}];
      Entry::Scratch scratch;
      if (entry.is_string()) {
        members.insert(std::string(entry.string(scratch)));
      } else {
        SetView(entry).for_each(
            [&](const SetView::Member& member) { members.insert(member.str()); });
      }
    });
  }
  return all;
}

struct Scene {
  explicit Scene(uint64_t seed) : rng(seed), keyspace({.databases = 3, .seed = seed}) {}
  Rng rng;
  Keyspace keyspace;

  // Adds to or takes from a set, replaces it by a string, or deletes it.
  void step(size_t most) {
    const int db = static_cast<int>(rng.below(3));
    const std::string key = "k" + std::to_string(rng.below(8));
    if (rng.chance(0.05)) return keyspace.set_string(db, key, "text" + key);
    if (rng.chance(0.03)) {
      static_cast<void>(keyspace.erase(db, key, Keyspace::Free::kLazily));
      return;
    }
    Keyspace::Ref ref = keyspace.change(db, key);
    if (ref && ref->is_string()) return;
    if (!ref) {
      SetBuilder fresh(keyspace.limits());
      for (size_t n = 1 + rng.below(most); n > 0; --n) fresh.add(member());
      return keyspace.set_value(db, key, fresh.take());
    }
    SetEdit edit(keyspace, ref);
    for (size_t n = rng.below(most); n > 0; --n) {
      const std::string name = member();
      const std::string_view names[] = {name};
      if (rng.chance(0.7)) {
        edit.add(names);
      } else if (edit.size() > 1) {
        edit.erase(names);
      }
    }
  }
  std::string member() { return "m" + std::to_string(rng.below(3000)); }
};

TEST(SnapshotCollections, AFileHoldsThemAsTheyWereAtTheMark) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Scene scene(seed);
    for (int i = 0; i < 60; ++i) scene.step(800);
    const Sets before = sets_of(scene.keyspace);
    DataLoop loop;
    Folder folder;
    std::optional<Result<void>> outcome;
    auto job =
        SnapshotJob::start({.keyspace = scene.keyspace,
                            .loop = loop,
                            .output = SnapshotJob::FileOutput{.dir = folder.path()},
                            .on_done = [&](Result<void> result) { outcome = std::move(result); }});
    ASSERT_TRUE(job.ok());
    const DataLoop::Timer writer = loop.every(Millis(0), [&] {
      for (uint64_t n = scene.rng.below(4); n > 0; --n) scene.step(50);
    });
    // Writes that come before the walk does.
    for (uint64_t n = scene.rng.below(30); n > 0; --n) scene.step(50);
    run_until(loop, [&] { return outcome.has_value(); });
    ASSERT_TRUE(outcome->ok()) << outcome->error().message();

    Keyspace loaded({.databases = 3, .seed = seed + 1});
    SnapshotLoader loader(loaded, {.databases = 3});
    const Result<size_t> read = loader.feed(folder.read());
    ASSERT_TRUE(read.ok()) << seed << ": " << read.error().message();
    ASSERT_TRUE(loader.finish().ok());
    ASSERT_EQ(sets_of(loaded), before) << seed;
  }
}

}  // namespace
}  // namespace redan
