#include "common/resp/writer.h"

#include <string>

#include "common/base/double_text.h"

namespace redan {

void ReplyWriter::long_number(char mark, int64_t value) {
  char* const to = out_->reserve(kMostDecimalBytes + 3);
  char* p = to;
  *p++ = mark;
  p = print_decimal(p, value);
  *p++ = '\r';
  *p++ = '\n';
  out_->advance(static_cast<size_t>(p - to));
}

void ReplyWriter::bulk_integer(int64_t value) {
  char digits[kMostDecimalBytes];
  const char* const end = print_decimal(digits, value);
  bulk({digits, static_cast<size_t>(end - digits)});
}

void ReplyWriter::boolean(bool value) {
  if (version_ == Resp::k3) return out_->append(value ? "#t\r\n" : "#f\r\n");
  integer(value ? 1 : 0);
}

void ReplyWriter::number_double(double value) {
  char digits[kPrintedDoubleBytes];
  const char* const end = print_double(digits, value);
  const std::string_view text(digits, static_cast<size_t>(end - digits));
  if (version_ == Resp::k2) return bulk(text);
  out_->append(',');
  out_->append(text);
  out_->append("\r\n");
}

void ReplyWriter::verbatim(std::string_view format, std::string_view text) {
  if (version_ == Resp::k2) return bulk(text);
  number('=', static_cast<int64_t>(text.size() + 4));
  out_->append(format);
  out_->append(':');
  out_->append(text);
  out_->append("\r\n");
}

void ReplyWriter::error_text(std::string_view code, std::string_view message) {
  out_->append('-');
  const size_t start = out_->size();
  out_->append(code);
  if (!message.empty()) {
    out_->append(' ');
    out_->append(message);
  }
  char* text = const_cast<char*>(out_->data()) + start;
  for (size_t i = 0; i < out_->size() - start; ++i) {
    if (text[i] == '\r' || text[i] == '\n') text[i] = ' ';
  }
  out_->append("\r\n");
}

void ReplyWriter::close(size_t start, char mark, size_t count) {
  std::string header(1, mark);
  header += std::to_string(count);
  header += "\r\n";
  out_->insert(start, header);
}

void append_request(ByteBuffer& out, std::span<const std::string_view> args) {
  ReplyWriter writer(out, Resp::k2);
  writer.array(args.size());
  for (const std::string_view arg : args) writer.bulk(arg);
}

}  // namespace redan
