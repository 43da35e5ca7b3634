#include "server/session/monitors.h"

#include <fmt/core.h>

#include <iterator>

#include "server/session/pubsub.h"

namespace redan {

void Monitors::tell(const Line& line, PubSub& pubsub) const {
  constexpr int64_t kMicros = 1'000'000;
  std::string text;
  fmt::format_to(std::back_inserter(text), "+{}.{:06} [{} {}]", line.unix_us / kMicros,
                 line.unix_us % kMicros, line.db, line.from);
  for (const std::string_view arg : line.args) {
    text += ' ';
    append_quoted(text, arg);
  }
  text += "\r\n";
  for (Session* const session : sessions_) {
    if (!session->replies_withheld()) pubsub.send(*session, text);
  }
}

void append_quoted(std::string& to, std::string_view text) {
  to += '"';
  for (const char c : text) {
    switch (c) {
      case '\\':
      case '"':
        to += '\\';
        to += c;
        break;
      case '\n':
        to += "\\n";
        break;
      case '\r':
        to += "\\r";
        break;
      case '\t':
        to += "\\t";
        break;
      case '\a':
        to += "\\a";
        break;
      case '\b':
        to += "\\b";
        break;
      default:
        if (c >= ' ' && c <= '~') {
          to += c;
        } else {
          fmt::format_to(std::back_inserter(to), "\\x{:02x}", static_cast<unsigned char>(c));
        }
    }
  }
  to += '"';
}

}  // namespace redan
