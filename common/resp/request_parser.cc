#include "common/resp/request_parser.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/base/parse.h"

namespace redan {

namespace {
constexpr size_t kMaxInlineBytes = 64 * 1024;
constexpr int64_t kMaxArguments = 1024 * 1024 * 1024;
constexpr int64_t kMaxStrangerArguments = 10;
constexpr int64_t kMaxStrangerBulkBytes = 16 * 1024;
}  // namespace

void RequestParser::reset() {
  parts_.clear();
  missing_args_ = -1;
  bulk_length_ = -1;
  position_ = 0;
  needed_ = 0;
}

RequestParser::Status RequestParser::fail(std::string message) {
  error_ = std::move(message);
  reset();
  return Status::kError;
}

RequestParser::Status RequestParser::parse(std::string_view input, const RequestLimits& limits) {
  if (missing_args_ < 0) {
    position_ = 0;
    needed_ = 0;
    if (input.empty()) return Status::kIncomplete;
    if (input[0] != '*') return parse_inline(input);
    if (parse_whole_array(input, limits)) return Status::kRequest;
  }
  return parse_array(input, limits);
}

namespace {

// A short number and its line end at p; nullptr where it is longer, or anything else.
const char* short_number(const char* p, const char* end, size_t& number) {
  size_t value = 0;
  const char* const begin = p;
  while (p < end && p - begin < 7 && *p >= '0' && *p <= '9') {
    value = value * 10 + static_cast<size_t>(*p++ - '0');
  }
  // No leading zero: the slow way knows what to say about it.
  if (p == begin || (*begin == '0' && p - begin > 1)) return nullptr;
  if (end - p < 2 || p[0] != '\r' || p[1] != '\n') return nullptr;
  number = value;
  return p + 2;
}

// "$16\r\n" or "*3\r\n" with one or two digits, as nearly every header is; else the general way.
// Five bytes as two words: what must be there is compared at once.
inline const char* header(const char* p, const char* end, char mark, size_t& number) {
  const auto word = [](char a, char b, char c, char d) {
    return std::bit_cast<uint32_t>(std::array<char, 4>{a, b, c, d});
  };
  if (end - p >= 5) [[likely]] {
    uint32_t four;
    std::memcpy(&four, p, sizeof four);
    const unsigned first = static_cast<unsigned char>(p[1]) - unsigned{'0'};
    if (first < 10) [[likely]] {
      if ((four & word(-1, 0, -1, -1)) == word(mark, 0, '\r', '\n')) {
        number = first;
        return p + 4;
      }
      const unsigned second = static_cast<unsigned char>(p[2]) - unsigned{'0'};
      if ((four & word(-1, 0, 0, -1)) == word(mark, 0, 0, '\r') && p[4] == '\n' && first > 0 &&
          second < 10) {
        number = first * 10 + second;
        return p + 5;
      }
    }
  }
  if (p == end || *p != mark) return nullptr;
  return short_number(p + 1, end, number);
}

// The bulk strings of a request at p; nullptr where one is not whole or not usual.
inline const char* take_args(const char* p, const char* end, size_t max_bulk_bytes,
                             std::span<std::string_view> args) {
  for (std::string_view& arg : args) {
    size_t length = 0;
    p = header(p, end, '$', length);
    if (p == nullptr || static_cast<size_t>(end - p) < length + 2) return nullptr;
    if (length > max_bulk_bytes) return nullptr;
    arg = {p, length};
    p += length + 2;
  }
  return p;
}

}  // namespace

void RequestsAhead::find(std::string_view input, const RequestLimits& limits) {
  count_ = 0;
  if (!limits.authenticated) return;
  const char* const end = input.data() + input.size();
  const auto max_bulk_bytes = static_cast<size_t>(limits.max_bulk_bytes);
  const char* p = input.data();
  begin_[0] = p;
  for (uint32_t next_arg = 0; count_ < kMost && p != end;) {
    size_t words = 0;
    p = header(p, end, '*', words);
    if (p == nullptr || words == 0 || words > kMostArgs - next_arg) return;
    p = take_args(p, end, max_bulk_bytes, {args_.data() + next_arg, words});
    if (p == nullptr) return;
    next_arg += static_cast<uint32_t>(words);
    first_arg_[++count_] = next_arg;
    begin_[count_] = p;
  }
}

std::string_view* RequestParser::make_args(size_t count) {
  if (args_.size() < count) args_.resize(count);
  arg_count_ = count;
  return args_.data();
}

// Most requests are short and whole: one pass, nothing remembered. False: look at it the slow way.
bool RequestParser::parse_whole_array(std::string_view input, const RequestLimits& limits) {
  if (!limits.authenticated) return false;
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const auto max_bulk_bytes = static_cast<size_t>(limits.max_bulk_bytes);
  size_t count = 0;
  const char* p = header(begin, end, '*', count);
  if (p == nullptr || count == 0 || count > 1024) return false;
  p = take_args(p, end, max_bulk_bytes, {make_args(count), count});
  if (p == nullptr) return false;
  position_ = static_cast<size_t>(p - begin);
  return true;
}

RequestParser::Status RequestParser::parse_inline(std::string_view input) {
  const void* found = std::memchr(input.data(), '\n', input.size());
  if (found == nullptr) {
    if (input.size() > kMaxInlineBytes) return fail("Protocol error: too big inline request");
    return Status::kIncomplete;
  }
  const size_t newline = static_cast<size_t>(static_cast<const char*>(found) - input.data());
  std::string_view line = input.substr(0, newline);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  std::optional<std::vector<std::string>> words = split_words(line);
  if (!words) return fail("Protocol error: unbalanced quotes in request");
  inline_words_ = std::move(*words);
  std::copy(inline_words_.begin(), inline_words_.end(), make_args(inline_words_.size()));
  position_ = newline + 1;
  return Status::kRequest;
}

RequestParser::Line RequestParser::read_number(std::string_view input, int64_t& number) {
  const char* const begin = input.data() + position_;
  const char* const end = input.data() + input.size();
  const char* p = begin;
  // The usual short positive number, without a second look at its bytes.
  int64_t value = 0;
  while (p < end && p - begin < 10 && *p >= '0' && *p <= '9') value = value * 10 + (*p++ - '0');
  if (p != begin && end - p >= 2 && p[0] == '\r' && p[1] == '\n' &&
      (*begin != '0' || p - begin == 1)) {
    position_ += static_cast<size_t>(p - begin) + 2;
    number = value;
    return Line::kNumber;
  }
  const void* cr = std::memchr(begin, '\r', static_cast<size_t>(end - begin));
  if (cr == nullptr || static_cast<const char*>(cr) + 1 >= end) {
    return static_cast<size_t>(end - begin) > kMaxInlineBytes ? Line::kTooLong : Line::kIncomplete;
  }
  const size_t length = static_cast<size_t>(static_cast<const char*>(cr) - begin);
  const std::optional<int64_t> parsed = parse_int64({begin, length});
  if (!parsed) return Line::kNotANumber;
  number = *parsed;
  position_ += length + 2;
  return Line::kNumber;
}

RequestParser::Status RequestParser::parse_array(std::string_view input,
                                                 const RequestLimits& limits) {
  if (missing_args_ < 0) {
    position_ = 1;
    int64_t count = 0;
    switch (read_number(input, count)) {
      case Line::kIncomplete:
        return Status::kIncomplete;
      case Line::kTooLong:
        return fail("Protocol error: too big mbulk count string");
      case Line::kNotANumber:
        return fail("Protocol error: invalid multibulk length");
      case Line::kNumber:
        break;
    }
    if (count > kMaxArguments) return fail("Protocol error: invalid multibulk length");
    if (count > kMaxStrangerArguments && !limits.authenticated) {
      return fail("Protocol error: unauthenticated multibulk length");
    }
    parts_.clear();
    if (count <= 0) {
      make_args(0);
      return Status::kRequest;
    }
    missing_args_ = count;
    bulk_length_ = -1;
  }
  while (missing_args_ > 0) {
    if (bulk_length_ < 0) {
      if (position_ >= input.size()) return Status::kIncomplete;
      const char kind = input[position_];
      if (kind != '$') return fail(std::string("Protocol error: expected '$', got '") + kind + "'");
      const size_t header = position_++;
      int64_t length = 0;
      const Line line = read_number(input, length);
      if (line == Line::kIncomplete) {
        position_ = header;  // Read again when more is there.
        return Status::kIncomplete;
      }
      if (line == Line::kTooLong) return fail("Protocol error: too big bulk count string");
      if (line == Line::kNotANumber || length < 0 || length > limits.max_bulk_bytes) {
        return fail("Protocol error: invalid bulk length");
      }
      if (length > kMaxStrangerBulkBytes && !limits.authenticated) {
        return fail("Protocol error: unauthenticated bulk length");
      }
      bulk_length_ = length;
    }
    const size_t length = static_cast<size_t>(bulk_length_);
    if (input.size() - position_ < length + 2) {
      needed_ = position_ + length + 2;
      return Status::kIncomplete;
    }
    parts_.push_back({position_, length});
    position_ += length + 2;  // As Redis, we do not look at the two bytes behind the argument.
    bulk_length_ = -1;
    --missing_args_;
  }
  std::string_view* arg = make_args(parts_.size());
  for (const Part& part : parts_) *arg++ = input.substr(part.offset, part.length);
  missing_args_ = -1;
  return Status::kRequest;
}

}  // namespace redan
