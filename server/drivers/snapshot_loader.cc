#include "server/drivers/snapshot_loader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/parse.h"
#include "server/keyspace/keyspace.h"

namespace redan {

// Puts what the reader finds into the keyspace.
class SnapshotLoader::Filler : public RdbHandler {
 public:
  Filler(Keyspace& into, const Options& options) : keyspace_(into), options_(options) {}
  SnapshotFacts facts;

  Result<void> aux(std::string_view name, std::string_view value) override;
  Result<void> select_db(uint64_t db) override;
  Result<void> sizes(uint64_t keys, uint64_t expiring) override;
  Result<void> string_key(std::string_view key, const RdbKeyFacts& key_facts,
                          std::string_view value) override;
  Result<void> integer_key(std::string_view key, const RdbKeyFacts& key_facts,
                           int64_t value) override;
  Result<void> value_key(std::string_view key, const RdbKeyFacts& key_facts,
                         StoredValue value) override;
  Result<void> other_key(std::string_view key, const RdbKeyFacts&, RdbType type) override;
  Result<void> function_library(std::string_view code) override;
  Result<void> module_data(uint64_t id) override;

 private:
  // A stream of unknown length gets room for so many keys in advance: untouched pages of a table,
  // which cost nothing before keys arrive.
  static constexpr uint64_t kMostReserved = 16 << 20;
  bool expired(const RdbKeyFacts& key_facts);
  Result<void> loaded(std::string_view key, const RdbKeyFacts& key_facts);
  Error twice(std::string_view key) const;

  Keyspace& keyspace_;
  const Options options_;
  int db_ = 0;
};

Result<void> SnapshotLoader::Filler::aux(std::string_view name, std::string_view value) {
  const auto number = [&] { return parse_int64(value).value_or(0); };
  if (name == "redis-ver") {
    facts.producer_version = value;
  } else if (name == "ctime") {
    facts.created_unix_s = number();
  } else if (name == "used-mem") {
    facts.used_memory = number();
  } else if (name == "aof-base") {
    facts.aof_base = number() != 0;
  } else if (name == "repl-id") {
    facts.origin.replication_id = value;
  } else if (name == "repl-offset") {
    facts.origin.offset = number();
  } else if (name == "repl-stream-db") {
    facts.origin.stream_db = static_cast<int>(number());
  }
  return kOk;
}

Result<void> SnapshotLoader::Filler::select_db(uint64_t db) {
  if (keyspace_.has_slots() && db > 0) {
    return Error(
        "You can't have keys in a DB different than DB 0 when in Cluster mode: it holds keys of "
        "database " +
        std::to_string(db) + "; load it without cluster-enabled and MOVE them first");
  }
  if (db >= static_cast<uint64_t>(options_.databases)) {
    return Error("it holds keys of database " + std::to_string(db) + ", but 'databases' is " +
                 std::to_string(options_.databases) + "; raise 'databases'");
  }
  db_ = static_cast<int>(db);
  return kOk;
}

bool SnapshotLoader::Filler::expired(const RdbKeyFacts& key_facts) {
  if (key_facts.expires_unix_ms < 0 || !options_.drop_expired) return false;
  if (key_facts.expires_unix_ms >= unix_ms(options_.now)) return false;
  ++facts.keys_expired;
  return true;
}

Error SnapshotLoader::Filler::twice(std::string_view key) const {
  return Error("the key " + quote_word(key) + " of database " + std::to_string(db_) +
               " stands in it twice");
}

Result<void> SnapshotLoader::Filler::sizes(uint64_t keys, uint64_t) {
  // A claim, so no more room is made for it than the file can fill: an entry takes four bytes.
  const bool size_known = options_.total_bytes != UINT64_MAX;
  keyspace_.reserve(db_, std::min(keys, size_known ? options_.total_bytes / 4 : kMostReserved));
  return kOk;
}

Result<void> SnapshotLoader::Filler::string_key(std::string_view key, const RdbKeyFacts& key_facts,
                                                std::string_view value) {
  if (expired(key_facts)) return kOk;
  if (!keyspace_.load_string(db_, key, value, key_facts.expires_unix_ms)) return twice(key);
  return loaded(key, key_facts);
}

Result<void> SnapshotLoader::Filler::integer_key(std::string_view key, const RdbKeyFacts& key_facts,
                                                 int64_t value) {
  if (expired(key_facts)) return kOk;
  if (!keyspace_.load_integer(db_, key, value, key_facts.expires_unix_ms)) return twice(key);
  return loaded(key, key_facts);
}

Result<void> SnapshotLoader::Filler::value_key(std::string_view key, const RdbKeyFacts& key_facts,
                                               StoredValue value) {
  if (expired(key_facts)) return kOk;
  if (!keyspace_.load_value(db_, key, std::move(value), key_facts.expires_unix_ms)) {
    return twice(key);
  }
  return loaded(key, key_facts);
}

Result<void> SnapshotLoader::Filler::loaded(std::string_view key, const RdbKeyFacts& key_facts) {
  ++facts.keys_loaded;
  if (key_facts.idle_s >= 0) keyspace_.set_idle(db_, key, key_facts.idle_s);
  if (key_facts.frequency >= 0) {
    keyspace_.set_frequency(db_, key, static_cast<uint8_t>(key_facts.frequency));
  }
  return kOk;
}

Result<void> SnapshotLoader::Filler::other_key(std::string_view key, const RdbKeyFacts&,
                                               RdbType type) {
  return Error("the key " + quote_word(key) + " of database " + std::to_string(db_) + " holds a " +
               std::string(rdb_value_kind(type)) + " (" + std::string(rdb_type_name(type)) +
               "), and this version of Redan does not keep such values");
}

Result<void> SnapshotLoader::Filler::function_library(std::string_view) {
  return Error("it holds function libraries, which this version of Redan does not keep");
}

Result<void> SnapshotLoader::Filler::module_data(uint64_t) {
  return Error("it holds data of a module, and Redan has no modules");
}

SnapshotLoader::SnapshotLoader(Keyspace& into, Options options)
    : filler_(std::make_unique<Filler>(into, options)),
      reader_(std::make_unique<RdbReader>(
          *filler_, RdbReader::Options{.verify_checksum = options.verify_checksum,
                                       .total_bytes = options.total_bytes,
                                       .limits = &into.limits()})) {}
SnapshotLoader::~SnapshotLoader() = default;

Result<size_t> SnapshotLoader::feed(std::string_view bytes) {
  return reader_->feed(bytes);
}
Result<void> SnapshotLoader::finish() {
  return reader_->finish();
}
bool SnapshotLoader::done() const {
  return reader_->done();
}
const SnapshotFacts& SnapshotLoader::facts() const {
  return filler_->facts;
}

Result<std::unique_ptr<SnapshotFileLoader>> SnapshotFileLoader::open(
    const std::string& path, Keyspace& into, SnapshotLoader::Options options) {
  std::unique_ptr<SnapshotFileLoader> file(new SnapshotFileLoader);
  file->path_ = path;
  file->fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file->fd_ < 0 && errno != ENOENT) {
    return Error("cannot open " + path + ": " + std::strerror(errno));
  }
  if (file->exists()) {
    struct stat facts {};
    if (fstat(file->fd_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      return Error("cannot load " + path + ": it is not a regular file");
    }
    file->total_bytes_ = static_cast<uint64_t>(facts.st_size);
    options.total_bytes = file->total_bytes_;
    posix_fadvise(file->fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  file->loader_ = std::make_unique<SnapshotLoader>(into, options);
  return file;
}

SnapshotFileLoader::~SnapshotFileLoader() {
  if (fd_ >= 0) close(fd_);
}

Error SnapshotFileLoader::failed(const Error& error) const {
  return Error(error.code(), "cannot load " + path_ + ": " + error.message() +
                                 "; look at it with redis-check-rdb, or move it away to begin "
                                 "without its data");
}

Result<bool> SnapshotFileLoader::load_some(size_t bytes) {
  if (!exists() || loader_->done()) return false;
  constexpr size_t kPiece = 256 * 1024;  // stays in the cache between read and parse
  for (size_t loaded = 0; loaded < bytes;) {
    piece_.resize(kPiece);
    const ssize_t size = read(fd_, piece_.data(), piece_.size());
    if (size < 0) {
      if (errno == EINTR) continue;
      return failed(Error(std::string("cannot read it: ") + std::strerror(errno)));
    }
    if (size == 0) {
      if (const Result<void> finished = loader_->finish(); !finished) {
        return failed(finished.error());
      }
      return false;
    }
    const Result<size_t> taken =
        loader_->feed(std::string_view(piece_.data(), static_cast<size_t>(size)));
    if (!taken) return failed(taken.error());
    loaded += static_cast<size_t>(size);
    loaded_bytes_ += *taken;
    if (loader_->done()) return false;
  }
  return true;
}

}  // namespace redan
