#include "common/resp/reply_parser.h"

#include <cstdlib>

#include "common/base/double_text.h"
#include "common/base/parse.h"

namespace redan {

namespace {
constexpr size_t kMaxLineBytes = 64 * 1024;
}  // namespace

ReplyParser::Step ReplyParser::fail(std::string why) {
  error_ = std::move(why);
  return Step::kError;
}

ReplyParser::Step ReplyParser::read_line(size_t& position, std::string_view& line) {
  const size_t end = buffer_.find("\r\n", position);
  if (end == std::string::npos) {
    if (buffer_.size() - position > kMaxLineBytes) return fail("a reply line without end");
    return Step::kIncomplete;
  }
  line = std::string_view(buffer_).substr(position, end - position);
  position = end + 2;
  return Step::kDone;
}

ReplyParser::Step ReplyParser::read(size_t& position, int depth, Reply& reply) {
  if (depth > limits_.max_depth) return fail("a reply nested too deeply");
  std::string_view line;
  if (const Step step = read_line(position, line); step != Step::kDone) return step;
  if (line.empty()) return fail("an empty reply line");
  const char mark = line[0];
  line.remove_prefix(1);
  using Kind = Reply::Kind;

  const auto length = [&]() -> std::optional<int64_t> { return parse_int64(line); };
  switch (mark) {
    case '+':
      reply.kind = Kind::kSimple;
      reply.text = line;
      return Step::kDone;
    case '-':
      reply.kind = Kind::kError;
      reply.text = line;
      return Step::kDone;
    case '(':
      reply.kind = Kind::kBigNumber;
      reply.text = line;
      return Step::kDone;
    case '_':
      reply.kind = Kind::kNull;
      return Step::kDone;
    case ':': {
      const std::optional<int64_t> value = length();
      if (!value) return fail("a malformed integer reply");
      reply.kind = Kind::kInteger;
      reply.integer = *value;
      return Step::kDone;
    }
    case '#':
      reply.kind = Kind::kBoolean;
      reply.integer = line == "t" ? 1 : 0;
      return Step::kDone;
    case ',': {
      const std::optional<double> value = parse_double(line);
      if (!value && line != "nan") return fail("a malformed double reply");
      reply.kind = Kind::kDouble;
      reply.real = value.value_or(__builtin_nan(""));
      return Step::kDone;
    }
    case '$':
    case '!':
    case '=': {
      const std::optional<int64_t> size = length();
      if (!size || *size < -1) return fail("a malformed bulk length");
      if (*size == -1) return reply.kind = Kind::kNull, Step::kDone;
      if (static_cast<size_t>(*size) > limits_.max_bulk_bytes)
        return fail("a bulk reply too large");
      const size_t bytes = static_cast<size_t>(*size);
      if (buffer_.size() - position < bytes + 2) {
        not_before_ = position + bytes + 2;
        return Step::kIncomplete;
      }
      std::string_view text = std::string_view(buffer_).substr(position, bytes);
      position += bytes + 2;
      reply.kind = mark == '$' ? Kind::kBulk : mark == '!' ? Kind::kError : Kind::kVerbatim;
      if (mark == '=' && text.size() >= 4) text.remove_prefix(4);
      reply.text = text;
      return Step::kDone;
    }
    case '*':
    case '~':
    case '>':
    case '%': {
      const std::optional<int64_t> count = length();
      if (!count || *count < -1) return fail("a malformed aggregate length");
      if (*count == -1) return reply.kind = Kind::kNull, Step::kDone;
      if (static_cast<size_t>(*count) > limits_.max_elements) return fail("an aggregate too large");
      reply.kind = mark == '*'   ? Kind::kArray
                   : mark == '~' ? Kind::kSet
                   : mark == '>' ? Kind::kPush
                                 : Kind::kMap;
      const size_t elements = static_cast<size_t>(*count) * (mark == '%' ? 2 : 1);
      for (size_t i = 0; i < elements; ++i) {
        Reply element;
        if (const Step step = read(position, depth + 1, element); step != Step::kDone) return step;
        reply.elements.push_back(std::move(element));
      }
      return Step::kDone;
    }
    default:
      return fail(std::string("a reply that begins with '") + mark + "'");
  }
}

Result<std::optional<Reply>> ReplyParser::next() {
  if (buffer_.size() == consumed_ || buffer_.size() < not_before_) return std::optional<Reply>();
  size_t position = consumed_;
  Reply reply;
  switch (read(position, 0, reply)) {
    case Step::kIncomplete:
      return std::optional<Reply>();
    case Step::kError:
      return Error("PROTO", "the peer sent " + error_);
    case Step::kDone:
      break;
  }
  consumed_ = position;
  not_before_ = 0;
  if (consumed_ == buffer_.size() || consumed_ > 64 * 1024) {
    buffer_.erase(0, consumed_);
    consumed_ = 0;
  }
  return std::optional<Reply>(std::move(reply));
}

std::string ReplyParser::take_rest() {
  std::string rest = buffer_.substr(consumed_);
  buffer_.clear();
  consumed_ = 0;
  not_before_ = 0;
  return rest;
}

}  // namespace redan
