// Replies in RESP2 or RESP3, appended to a buffer. A handler says what it means (map, double,
// null); the writer chooses the form that the client's protocol has for it. Source:
// https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "common/base/decimal.h"
#include "common/base/result.h"
#include "common/resp/buffer.h"

namespace redan {

enum class Resp : uint8_t { k2 = 2, k3 = 3 };

class ReplyWriter {
 public:
  ReplyWriter(ByteBuffer& out, Resp version) : out_(&out), version_(version) {}

  Resp version() const { return version_; }
  void set_version(Resp version) { version_ = version; }
  ByteBuffer& buffer() { return *out_; }

  void ok() { out_->append("+OK\r\n"); }
  void simple(std::string_view text) {
    out_->append('+');
    out_->append(text);
    out_->append("\r\n");
  }
  void integer(int64_t value) { number(':', value); }
  void bulk(std::string_view bytes) {
    // Header, bytes and end in one reservation: this is the reply of GET.
    char* to = out_->reserve(bytes.size() + 32);
    char* p = to;
    *p++ = '$';
    if (bytes.size() < 10) {
      *p++ = static_cast<char>('0' + bytes.size());
    } else {
      p = print_decimal(p, bytes.size());
    }
    *p++ = '\r';
    *p++ = '\n';
    if (!bytes.empty()) std::memcpy(p, bytes.data(), bytes.size());
    p += bytes.size();
    *p++ = '\r';
    *p++ = '\n';
    out_->advance(static_cast<size_t>(p - to));
  }
  // An integer as a bulk string.
  void bulk_integer(int64_t value);
  // A missing value; RESP2 has two forms, and this is the string's.
  void null() { out_->append(version_ == Resp::k3 ? "_\r\n" : "$-1\r\n"); }
  // A missing array.
  void null_array() { out_->append(version_ == Resp::k3 ? "_\r\n" : "*-1\r\n"); }
  void boolean(bool value);
  void number_double(double value);
  // A long text with a format of three letters ("txt", "mkd").
  void verbatim(std::string_view format, std::string_view text);
  void error(const Error& error) { error_text(error.code(), error.message()); }
  // Line ends inside the text become spaces, so that no input can end the reply early.
  void error_text(std::string_view code, std::string_view message);
  // Bytes that are RESP already.
  void raw(std::string_view bytes) { out_->append(bytes); }

  void array(size_t elements) { number('*', static_cast<int64_t>(elements)); }
  void map(size_t pairs) {
    if (version_ == Resp::k3) return number('%', static_cast<int64_t>(pairs));
    number('*', static_cast<int64_t>(pairs * 2));
  }
  void set(size_t elements) {
    number(version_ == Resp::k3 ? '~' : '*', static_cast<int64_t>(elements));
  }
  void push(size_t elements) {
    number(version_ == Resp::k3 ? '>' : '*', static_cast<int64_t>(elements));
  }

  // An aggregate whose size is known only afterwards: note where it begins, write the elements,
  // then call end_array(start, count) (or end_map, end_set).
  size_t begin_deferred() const { return out_->size(); }
  void end_array(size_t start, size_t elements) { close(start, '*', elements); }
  void end_map(size_t start, size_t pairs) {
    version_ == Resp::k3 ? close(start, '%', pairs) : close(start, '*', pairs * 2);
  }
  void end_set(size_t start, size_t elements) {
    close(start, version_ == Resp::k3 ? '~' : '*', elements);
  }

 private:
  void number(char mark, int64_t value) {
    if (value < 0 || value > 9) return long_number(mark, value);
    char* const to = out_->reserve(4);
    to[0] = mark;
    to[1] = static_cast<char>('0' + value);
    to[2] = '\r';
    to[3] = '\n';
    out_->advance(4);
  }
  void long_number(char mark, int64_t value);
  void close(size_t start, char mark, size_t count);

  ByteBuffer* out_;
  Resp version_;
};

// A request as a client sends it, appended to `out`.
void append_request(ByteBuffer& out, std::span<const std::string_view> args);

}  // namespace redan
