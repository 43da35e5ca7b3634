// Folders, keyspaces and loops for tests of snapshots, and the means to compare what came out.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/result.h"
#include "common/base/rng.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/snapshot_loader.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// (database, key) to (value, expiry or -1).
using Contents = std::map<std::pair<int, std::string>, std::pair<std::string, int64_t>>;

// A new folder that goes away with the test.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name = "dump.rdb") const { return path_ + "/" + name; }
  std::string read(const std::string& name = "dump.rdb") const;
  void write(const std::string& name, std::string_view bytes) const {
    std::ofstream(file(name), std::ios::binary) << bytes;
  }
  size_t files() const;

 private:
  std::string path_;
};

// Runs the loop on this thread until `condition` holds; fails after a minute.
void run_until(DataLoop& loop, const std::function<bool()>& condition);

// The keyspace's time must be 0 (never set), so that nothing has expired.
Contents contents(Keyspace& keyspace);
// What a snapshot holds, read into a keyspace of its own.
Result<Contents> load(std::string_view bytes);

void change_at_random(Keyspace& keyspace, Rng& rng, int db, size_t keys);
void fill(Keyspace& keyspace, uint64_t seed, size_t keys);

}  // namespace redan
