#include "tests/unit/server/drivers/snapshot_fixture.h"

#include <cstdlib>

#include "common/base/rng.h"

namespace redan {

Folder::Folder() {
  std::string name = std::filesystem::temp_directory_path() / "redan-snapshot-XXXXXX";
  path_ = mkdtemp(name.data());
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::read(const std::string& name) const {
  std::ifstream in(file(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

size_t Folder::files() const {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
}

void run_until(DataLoop& loop, const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  bool late = false;
  const DataLoop::Timer timer = loop.every(Millis(1), [&] {
    late = std::chrono::steady_clock::now() > deadline;
    if (late || condition()) loop.stop();
  });
  loop.run();
  ASSERT_FALSE(late) << "waited for a minute in vain";
}

Contents contents(Keyspace& keyspace) {
  Contents all;
  Entry::Scratch scratch;
  for (int db = 0; db < keyspace.databases(); ++db) {
    keyspace.for_each(db, [&](const Entry& entry) {
      all[{db, std::string(entry.key())}] = {std::string(entry.string(scratch)), entry.expiry_ms()};
    });
  }
  return all;
}

Result<Contents> load(std::string_view bytes) {
  Keyspace keyspace({.seed = 5});
  SnapshotLoader loader(keyspace, {.now = from_unix_ms(0), .drop_expired = false});
  const Result<size_t> taken = loader.feed(bytes);
  if (!taken) return taken.error();
  if (Result<void> finished = loader.finish(); !finished) return finished.error();
  return contents(keyspace);
}

void fill(Keyspace& keyspace, uint64_t seed, size_t keys) {
  Rng rng(seed);
  for (size_t i = 0; i < keys; ++i) {
    const bool elsewhere = !rng.chance(0.9);
    const auto databases = static_cast<uint64_t>(keyspace.databases());
    const int db = elsewhere ? static_cast<int>(rng.below(databases)) : 0;
    change_at_random(keyspace, rng, db, keys);
  }
}

void change_at_random(Keyspace& keyspace, Rng& rng, int db, size_t keys) {
  const std::string key = "key:" + std::to_string(rng.below(keys * 2));
  const SetExpiry expiry =
      rng.chance(0.2) ? SetExpiry::at(rng.between(1, 4'000'000'000'000)) : SetExpiry();
  switch (rng.below(8)) {
    case 0:
    case 1:
      keyspace.erase(db, key);
      break;
    case 2:
      keyspace.set_integer(db, key, static_cast<int64_t>(rng.next()) >> rng.below(64), expiry);
      break;
    case 3:
      keyspace.set_string(db, key, std::string(rng.below(2000), 'x'), expiry);
      break;
    default:
      keyspace.set_string(db, key, "value " + std::to_string(rng.next()), expiry);
      break;
  }
}

}  // namespace redan
