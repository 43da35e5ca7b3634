// Replies as a client receives them (RESP2 and RESP3), built into a tree of values. For the quiet
// edges: probes, replication handshake, clusterctl, tests.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace redan {

struct Reply {
  enum class Kind : uint8_t {
    kSimple,
    kError,
    kInteger,
    kBulk,
    kNull,
    kArray,
    kMap,
    kSet,
    kPush,
    kDouble,
    kBoolean,
    kBigNumber,
    kVerbatim,
  };
  Kind kind = Kind::kNull;
  int64_t integer = 0;  // kInteger, kBoolean
  double real = 0;      // kDouble
  std::string text;     // kSimple, kError, kBulk, kBigNumber, kVerbatim (without its format)
  std::vector<Reply> elements;  // kArray, kSet, kPush; kMap: key, value, key, value ...

  bool is_error() const { return kind == Kind::kError; }
  bool is_null() const { return kind == Kind::kNull; }
  bool is_text() const {
    return kind == Kind::kSimple || kind == Kind::kBulk || kind == Kind::kVerbatim;
  }
  bool is_array() const {
    return kind == Kind::kArray || kind == Kind::kSet || kind == Kind::kPush || kind == Kind::kMap;
  }
  friend bool operator==(const Reply&, const Reply&) = default;
};

class ReplyParser {
 public:
  struct Limits {
    size_t max_bulk_bytes = 512UL * 1024 * 1024;
    size_t max_elements = 16UL * 1024 * 1024;
    int max_depth = 32;
  };
  ReplyParser() : ReplyParser(Limits()) {}
  explicit ReplyParser(Limits limits) : limits_(limits) {}

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole reply; an empty optional where more bytes are needed. After an error the stream
  // is lost and the connection must be closed.
  Result<std::optional<Reply>> next();
  // Bytes fed but not yet part of a reply that was returned; taking them ends the parsing.
  std::string take_rest();

 private:
  enum class Step { kDone, kIncomplete, kError };
  Step read(size_t& position, int depth, Reply& reply);
  Step read_line(size_t& position, std::string_view& line);
  Step fail(std::string why);

  Limits limits_;
  std::string buffer_;
  size_t consumed_ = 0;
  std::string error_;
  size_t not_before_ = 0;  // Buffer size below which a retry cannot succeed.
};

}  // namespace redan
