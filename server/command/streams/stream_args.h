// What the stream commands' arguments have in common: ids, ranges of them, how to trim.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "server/command/call.h"
#include "server/data/large_stream.h"

namespace redan {

Error invalid_stream_id();
Error no_such_group(std::string_view key, std::string_view group);

// "ms-seq" or "ms", for which `missing_seq` stands in.
Result<StreamId> stream_id_arg(std::string_view word, uint64_t missing_seq = 0);

// Where a range begins or ends: an id, `-`, `+`, or `(` before an id that is not part of it.
Result<StreamId> range_start_arg(std::string_view word);
Result<StreamId> range_end_arg(std::string_view word);

// MAXLEN or MINID [=|~] threshold [LIMIT count].
struct TrimArgs {
  enum class By : uint8_t { kNothing, kLength, kId };
  By by = By::kNothing;
  bool approximate = false;
  uint64_t length = 0;
  StreamId id;
  uint64_t limit = 0;       // 0: none
  size_t threshold_at = 0;  // its place among the arguments
};
// The options of XADD and XTRIM.
struct StreamOptions {
  TrimArgs trim;
  bool no_make = false;   // NOMKSTREAM
  size_t id_at = 0;       // XADD: the id's place
  ParsedStreamId id;      // and what it says,
  bool makes_id = false;  // where it is not `*`
};
Result<StreamOptions> xadd_options(const Call& call);
Result<StreamOptions> xtrim_options(const Call& call);

// Trims as it was asked to, and answers how many entries went.
uint64_t trim(LargeStream& stream, const TrimArgs& how);

// A request with some of its words replaced, as replicas are to hear it.
class RewrittenArgs {
 public:
  explicit RewrittenArgs(std::span<const std::string_view> args) : size_(args.size()) {
    if (size_ > kInPlace) many_.resize(size_);
    std::copy(args.begin(), args.end(), data());
  }
  std::string_view& operator[](size_t i) { return data()[i]; }
  std::span<const std::string_view> view() { return {data(), size_}; }
  // After an approximate trim: what it came to, which is the same everywhere.
  void make_exact(const TrimArgs& how, const LargeStream& stream);

 private:
  static constexpr size_t kInPlace = 24;
  std::string_view* data() { return many_.empty() ? few_ : many_.data(); }

  size_t size_;
  std::string_view few_[kInPlace];
  std::vector<std::string_view> many_;
  std::string exact_;
};

}  // namespace redan
