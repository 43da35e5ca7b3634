// Replies in one piece and in many are the same replies, and end in the same error.
#include <string>

#include "common/base/check.h"
#include "common/resp/reply_parser.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

void describe(const Reply& reply, std::string& out) {
  out += static_cast<char>('a' + static_cast<int>(reply.kind));
  out += std::to_string(reply.integer) + "," + std::to_string(reply.real) + "," + reply.text;
  for (const Reply& element : reply.elements) describe(element, out);
  out += ';';
}

// Everything that is whole; false after an error.
bool take(ReplyParser& parser, std::string& out) {
  for (;;) {
    Result<std::optional<Reply>> reply = parser.next();
    if (!reply) {
      out += reply.error().text();
      return false;
    }
    if (!reply->has_value()) return true;
    describe(**reply, out);
  }
}

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  fuzz::Input input(data, size);
  const uint8_t seed = input.byte();
  const std::string_view whole = input.rest();

  std::string at_once;
  ReplyParser one;
  one.feed(whole);
  fuzz::take(one, at_once);

  std::string in_pieces;
  ReplyParser other;
  for (fuzz::Pieces pieces(whole, seed); !pieces.done();) {
    other.feed(pieces.next());
    if (!fuzz::take(other, in_pieces)) break;
  }
  REDAN_CHECK(at_once == in_pieces);
  return 0;
}
