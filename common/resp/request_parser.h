// Requests as clients send them: a RESP array of bulk strings, or one line of words ("inline").
//   request = "*" count CRLF count*("$" length CRLF bytes CRLF)  |  words CRLF
// Source: https://redis.io/docs/reference/protocol-spec (RESP2, "Sending commands").
//
// Incremental: a request may arrive in any number of pieces. The bytes stay with the caller; the
// parser keeps offsets only, so the caller must show it the same bytes again, with more behind
// them, after kIncomplete. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace redan {

struct RequestLimits {
  int64_t max_bulk_bytes = 512LL * 1024 * 1024;  // proto-max-bulk-len
  // Before authentication a stranger gets 10 arguments of 16 KiB, as in Redis.
  bool authenticated = true;
};

// The whole, usual requests at the front of some input, found in one pass: nearly all that arrives.
// What is anything else (inline, half there, malformed, very long, a stranger's) is
// RequestParser's.
class RequestsAhead {
 public:
  static constexpr size_t kMost = 16;
  static constexpr size_t kMostArgs = 256;  // of all of them

  // Forgets what it held. The views point into `input`.
  void find(std::string_view input, const RequestLimits& limits);

  size_t size() const { return count_; }
  std::span<const std::string_view> args(size_t i) const {
    return {args_.data() + first_arg_[i], args_.data() + first_arg_[i + 1]};
  }
  // Byte for byte, as it came.
  std::string_view raw(size_t i) const { return {begin_[i], begin_[i + 1]}; }

 private:
  size_t count_ = 0;
  std::array<const char*, kMost + 1> begin_{};
  std::array<uint32_t, kMost + 1> first_arg_{};
  std::array<std::string_view, kMostArgs> args_;
};

class RequestParser {
 public:
  enum class Status {
    kRequest,     // args() holds a request; consumed() bytes of the input belong to it
    kIncomplete,  // show more input, beginning with the same bytes
    kError,       // error() says why; the connection cannot go on
  };

  // `input` begins at the first byte that is not yet consumed. An empty line or an empty array is
  // a kRequest without arguments, to be skipped.
  Status parse(std::string_view input, const RequestLimits& limits);

  std::span<const std::string_view> args() const { return {args_.data(), arg_count_}; }
  size_t consumed() const { return position_; }
  const std::string& error() const { return error_; }
  // After kIncomplete: how many bytes from the start of the request are known to be needed.
  size_t needed() const { return needed_; }
  // Forgets a half-read request.
  void reset();
  bool half_read() const { return missing_args_ >= 0; }

 private:
  bool parse_whole_array(std::string_view input, const RequestLimits& limits);
  std::string_view* make_args(size_t count);
  Status parse_inline(std::string_view input);
  Status parse_array(std::string_view input, const RequestLimits& limits);
  Status fail(std::string message);
  // A number between `position_` and the next CR LF. Advances behind it.
  enum class Line { kNumber, kIncomplete, kTooLong, kNotANumber };
  Line read_number(std::string_view input, int64_t& number);

  struct Part {
    size_t offset;
    size_t length;
  };

  std::vector<std::string_view> args_;  // Only ever grows; the first arg_count_ are the request's.
  size_t arg_count_ = 0;
  std::vector<Part> parts_;  // Arguments found so far of a half-read array.
  std::vector<std::string> inline_words_;
  std::string error_;
  size_t position_ = 0;
  size_t needed_ = 0;
  int64_t missing_args_ = -1;  // Of the array being read; -1 between requests.
  int64_t bulk_length_ = -1;   // Of the argument being read; -1 before its header.
};

}  // namespace redan
