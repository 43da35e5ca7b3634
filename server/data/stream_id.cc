#include "server/data/stream_id.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "common/base/decimal.h"

namespace redan {

StreamIdText::StreamIdText(StreamId id) {
  char* at = print_decimal(text_, id.ms);
  *at++ = '-';
  at = print_decimal(at, id.seq);
  size_ = static_cast<size_t>(at - text_);
}

namespace {

constexpr size_t kMaxTextBytes = 127;

bool parse_number(const char* text, const char* end, uint64_t& number) {
  const auto [stop, error] = std::from_chars(text, end, number);
  if (error == std::errc() && stop == end) [[likely]] {
    return true;
  }
  // What strtoull reads beyond that, Redis reads: leading spaces, a sign, zeros in front.
  if (text == end || (*text == '-' && text[1] >= '1' && text[1] <= '9')) return false;
  char* stopped;
  errno = 0;
  number = std::strtoull(text, &stopped, 10);
  return errno == 0 && stopped == end;
}

}  // namespace

std::optional<ParsedStreamId> parse_stream_id(std::string_view text) {
  if (text.size() > kMaxTextBytes) return std::nullopt;
  // A copy with an end; a zero byte inside ends it as well.
  char copy[kMaxTextBytes + 1];
  if (!text.empty()) std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  const char* const end = copy + std::strlen(copy);

  ParsedStreamId parsed;
  char* const dash = std::strchr(copy, '-');
  if (dash != nullptr) *dash = '\0';
  if (!parse_number(copy, dash != nullptr ? dash : end, parsed.id.ms)) return std::nullopt;
  if (dash == nullptr) return parsed;
  const char* const rest = dash + 1;
  if (*rest == '*' && rest + 1 == end) {
    parsed.makes_seq = true;
    return parsed;
  }
  if (!parse_number(rest, end, parsed.id.seq)) return std::nullopt;
  parsed.has_seq = true;
  return parsed;
}

}  // namespace redan
