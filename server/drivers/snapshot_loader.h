// Fills a keyspace from RDB: bytes in, keys out, in pieces as small as the caller likes.
//
// Nothing of a file may be shown before it is whole and verified: load into a keyspace that nobody
// else sees (at start, the empty one of a node that serves nobody yet) and put it into service when
// done().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"
#include "server/drivers/snapshot_job.h"
#include "server/persistence/rdb_reader.h"

namespace redan {

class Keyspace;

// What a snapshot said about itself, and what came of it.
struct SnapshotFacts {
  std::string producer_version;
  int64_t created_unix_s = 0;
  int64_t used_memory = 0;
  bool aof_base = false;
  SnapshotOrigin origin;  // empty id: it carried none
  uint64_t keys_loaded = 0;
  uint64_t keys_expired = 0;
};

class SnapshotLoader {
 public:
  struct Options {
    WallTime now;
    bool drop_expired = true;  // a primary; a replica keeps them until its primary deletes them
    int64_t databases = 16;
    bool verify_checksum = true;
    uint64_t total_bytes = UINT64_MAX;  // where known
  };
  // `into` must have at least `databases` databases.
  SnapshotLoader(Keyspace& into, Options options);
  ~SnapshotLoader();

  // As RdbReader's: answers how many of the bytes belonged to the snapshot.
  Result<size_t> feed(std::string_view bytes);
  Result<void> finish();
  bool done() const;
  const SnapshotFacts& facts() const;

 private:
  class Filler;
  std::unique_ptr<Filler> filler_;
  std::unique_ptr<RdbReader> reader_;
};

// A file, read in steps, so that a node can answer -LOADING between them.
class SnapshotFileLoader {
 public:
  // A missing file is no error: exists() is false then and there is nothing to do.
  static Result<std::unique_ptr<SnapshotFileLoader>> open(const std::string& path, Keyspace& into,
                                                          SnapshotLoader::Options options);
  ~SnapshotFileLoader();

  bool exists() const { return fd_ >= 0; }
  // Loads about that many bytes more. True: there is more to do. An Error names file, offset,
  // cause and remedy.
  Result<bool> load_some(size_t bytes);
  uint64_t total_bytes() const { return total_bytes_; }
  uint64_t loaded_bytes() const { return loaded_bytes_; }
  const SnapshotFacts& facts() const { return loader_->facts(); }

 private:
  SnapshotFileLoader() = default;
  Error failed(const Error& error) const;

  std::string path_;
  int fd_ = -1;
  uint64_t total_bytes_ = 0;
  uint64_t loaded_bytes_ = 0;
  std::string piece_;
  std::unique_ptr<SnapshotLoader> loader_;
};

}  // namespace redan
