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

// Second and third words of requests that will be executed soon: a key, and perhaps a field or a
// member, for whoever wants to ask the memory for them early.
struct NamesAhead {
  static constexpr size_t kMost = 16;
  std::array<std::string_view, kMost> keys;
  std::array<std::string_view, kMost> members;  // empty: none, or too long for one
  size_t count = 0;
  size_t bytes = 0;  // of the input that they were found in
};
// Looks at the first requests of `input` that are whole, usual and short; stops at any other.
NamesAhead names_ahead(std::string_view input);

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
