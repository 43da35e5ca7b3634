// A handler that collects what a file holds, and helpers to read whole files in pieces.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/persistence/rdb_reader.h"

namespace redan {

struct CollectedKey {
  std::string value;
  int64_t expires_unix_ms = -1;
  int64_t idle_s = -1;
  int32_t frequency = -1;
  bool operator==(const CollectedKey&) const = default;
};
using CollectedKeys = std::map<std::pair<uint64_t, std::string>, CollectedKey>;

class Collector : public RdbHandler {
 public:
  bool accept_other_types = false;
  CollectedKeys keys;
  std::map<std::string, std::string> aux_fields;
  std::map<std::string, std::string> kinds;  // keys of other types, with the type's name
  std::map<uint64_t, std::pair<uint64_t, uint64_t>> announced;
  std::vector<std::string> libraries;
  std::vector<uint64_t> modules;

  Result<void> aux(std::string_view name, std::string_view value) override {
    aux_fields[std::string(name)] = value;
    return kOk;
  }
  Result<void> select_db(uint64_t db) override {
    db_ = db;
    return kOk;
  }
  Result<void> sizes(uint64_t count, uint64_t expiring) override {
    announced[db_] = {count, expiring};
    return kOk;
  }
  Result<void> string_key(std::string_view key, const RdbKeyFacts& facts,
                          std::string_view value) override {
    keys[{db_, std::string(key)}] = {std::string(value), facts.expires_unix_ms, facts.idle_s,
                                     facts.frequency};
    return kOk;
  }
  Result<void> integer_key(std::string_view key, const RdbKeyFacts& facts, int64_t value) override {
    return string_key(key, facts, std::to_string(value));
  }
  Result<void> other_key(std::string_view key, const RdbKeyFacts&, RdbType type) override {
    kinds[std::string(key)] = rdb_type_name(type);
    if (accept_other_types) return kOk;
    return Error("the key '" + std::string(key) + "' holds a " + std::string(rdb_value_kind(type)));
  }
  Result<void> function_library(std::string_view code) override {
    libraries.emplace_back(code);
    return kOk;
  }
  Result<void> module_data(uint64_t id) override {
    modules.push_back(id);
    return kOk;
  }

 private:
  uint64_t db_ = 0;
};

// Reads all of `bytes` in pieces of `piece`; kOk only where the reader accepts them as a whole.
inline Result<void> read_whole(std::string_view bytes, RdbHandler& handler, size_t piece = SIZE_MAX,
                               bool size_known = true) {
  RdbReader reader(handler, {.total_bytes = size_known ? bytes.size() : UINT64_MAX});
  while (!bytes.empty() && !reader.done()) {
    const size_t size = std::min(piece, bytes.size());
    Result<size_t> taken = reader.feed(bytes.substr(0, size));
    if (!taken) return taken.error();
    bytes.remove_prefix(size);
  }
  return reader.finish();
}

}  // namespace redan
