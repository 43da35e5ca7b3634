// Reads an RDB stream that arrives in pieces of any size, and hands what it finds to a handler. It
// keeps no more than one key (for values with elements: one element) and makes no allocation that
// the input has not paid for with bytes.
//
// Whatever the input holds, the outcome is either done(), with the checksum verified, or an Error
// that names the offset and the cause. What the handler got before that may be wrong: build it
// aside and show it only when done().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "server/persistence/rdb_format.h"
#include "server/persistence/rdb_primitives.h"
#include "server/persistence/rdb_shape.h"
#include "server/persistence/rdb_writer.h"
#include "server/persistence/value_builder.h"

namespace redan {

// Who takes what a reader finds. An Error ends the reading; the reader adds where it was. Views are
// valid during the call.
class RdbHandler {
 public:
  virtual ~RdbHandler() = default;
  virtual Result<void> begin(int /*version*/) { return kOk; }
  virtual Result<void> aux(std::string_view /*name*/, std::string_view /*value*/) { return kOk; }
  virtual Result<void> select_db(uint64_t db) = 0;
  virtual Result<void> sizes(uint64_t /*keys*/, uint64_t /*expiring*/) { return kOk; }
  virtual Result<void> string_key(std::string_view key, const RdbKeyFacts& facts,
                                  std::string_view value) = 0;
  virtual Result<void> integer_key(std::string_view key, const RdbKeyFacts& facts,
                                   int64_t value) = 0;
  // A key with elements, where Options::limits asked for values.
  virtual Result<void> value_key(std::string_view /*key*/, const RdbKeyFacts& /*facts*/,
                                 StoredValue /*value*/) {
    return kOk;
  }
  // A key of any other type. kOk: walk over its value.
  virtual Result<void> other_key(std::string_view key, const RdbKeyFacts& facts, RdbType type) = 0;
  virtual Result<void> function_library(std::string_view /*code*/) = 0;
  // Data that a module stored beside the keys; its name is in `id`. kOk: walk over it.
  virtual Result<void> module_data(uint64_t id) = 0;
};

class RdbReader {
 public:
  struct Options {
    bool verify_checksum = true;
    uint64_t total_bytes = UINT64_MAX;  // of the whole stream, where that is known
    // Values with elements are built, within these thresholds; nullptr: they are walked over.
    const EncodingLimits* limits = nullptr;
  };
  RdbReader(RdbHandler& handler, Options options) : handler_(handler), options_(options) {}

  // Takes the next bytes and answers how many of them belong to the snapshot: all of them until
  // done(); what follows a snapshot is not ours. An Error is final.
  Result<size_t> feed(std::string_view bytes);
  // No more bytes will come.
  Result<void> finish();

  bool done() const { return stage_ == Stage::kDone; }
  // Of the next byte to be understood.
  uint64_t offset() const { return base_ + at_; }
  int version() const { return version_; }
  // Once done(): whether there was one to verify.
  bool has_checksum() const { return has_checksum_; }

  // For reports on a failure: where, why, during what, and the key and type that were being read
  // (empty and negative: none).
  uint64_t failure_offset() const { return failure_offset_; }
  const std::string& failure_reason() const { return failure_reason_; }
  std::string_view doing() const;
  const std::string& key() const { return key_; }
  int type() const { return type_; }

 private:
  enum class Stage : uint8_t { kHeader, kItems, kValue, kChecksum, kDone, kFailed };

  bool step(RdbCursor& cursor);
  bool header(RdbCursor& cursor);
  bool item(RdbCursor& cursor);
  bool attributes(uint8_t code, RdbCursor& cursor);
  bool key_item(uint8_t code, RdbCursor& cursor);
  bool in_key(std::string_view key, int type);
  bool value(RdbCursor& cursor);
  bool checksum(RdbCursor& cursor);
  bool handled(Result<void> result);
  Error fail(const Error& error, uint64_t offset);
  void move_on_to(size_t at);
  std::string_view rest() const { return std::string_view(buffer_).substr(at_); }

  RdbHandler& handler_;
  Options options_;
  Stage stage_ = Stage::kHeader;
  Stage failed_in_ = Stage::kHeader;
  int version_ = 0;
  bool has_checksum_ = false;
  bool attributes_pending_ = false;  // expiry or idle time read, their key not yet
  std::string buffer_;
  size_t at_ = 0;        // in buffer_: understood up to here
  size_t summed_ = 0;    // in buffer_: checksummed up to here
  uint64_t base_ = 0;    // offset of the buffer's first byte
  uint64_t wanted_ = 0;  // bytes in the buffer, from at_, before another try makes sense
  uint64_t crc_ = 0;
  RdbKeyFacts facts_;
  RdbShapeWalk shape_;
  std::unique_ptr<ValueBuilder> builder_;  // of the value that is being read
  RdbKeyFacts value_facts_;
  std::string key_;  // of a value with elements, or of a string that is not read to its end
  int type_ = -1;
  std::string key_scratch_;
  std::string value_scratch_;
  Error failure_{"ERR", ""};
  std::string failure_reason_;
  uint64_t failure_offset_ = 0;
  bool handler_failed_ = false;
};

}  // namespace redan
