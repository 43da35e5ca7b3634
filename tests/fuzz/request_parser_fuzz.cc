// Requests in one piece and in many are the same requests, and end in the same error.
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/resp/request_parser.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

struct Seen {
  std::vector<std::vector<std::string>> requests;
  std::string error;
  size_t consumed = 0;
};

// As a connection does it: every whole request of `input` is taken; false after an error.
bool take(RequestParser& parser, std::string_view input, const RequestLimits& limits, Seen& seen) {
  for (;;) {
    const std::string_view rest = input.substr(seen.consumed);
    if (rest.empty()) return true;
    const RequestParser::Status status = parser.parse(rest, limits);
    if (status == RequestParser::Status::kError) {
      seen.error = parser.error();
      REDAN_CHECK(!seen.error.empty());
      return false;
    }
    if (status == RequestParser::Status::kIncomplete) return true;
    REDAN_CHECK(parser.consumed() > 0U);
    REDAN_CHECK(parser.consumed() <= rest.size());
    seen.requests.emplace_back(parser.args().begin(), parser.args().end());
    seen.consumed += parser.consumed();
  }
}

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  fuzz::Input input(data, size);
  const uint8_t seed = input.byte();
  const RequestLimits limits{.max_bulk_bytes = 1 << 20, .authenticated = (seed & 1) != 0};
  const std::string whole(input.rest());

  fuzz::Seen at_once;
  RequestParser one;
  fuzz::take(one, whole, limits, at_once);

  // What was read ahead is what the parser reads, request by request.
  const NamesAhead ahead = names_ahead(whole);
  REDAN_CHECK(ahead.bytes <= whole.size());
  if (limits.authenticated && !whole.empty()) {
    fuzz::Seen looked_at;
    RequestParser third;
    fuzz::take(third, std::string_view(whole).substr(0, ahead.bytes), limits, looked_at);
    size_t next = 0;
    for (const auto& request : looked_at.requests) {
      if (next < ahead.count && request.size() > 1 && request[1] == ahead.keys[next]) ++next;
    }
    if (looked_at.error.empty()) {
      REDAN_CHECK(looked_at.consumed == ahead.bytes);
      REDAN_CHECK(next == ahead.count);
    }
  }

  fuzz::Seen in_pieces;
  RequestParser other;
  std::string so_far;
  for (fuzz::Pieces pieces(whole, seed); !pieces.done();) {
    so_far += pieces.next();
    if (!fuzz::take(other, so_far, limits, in_pieces)) break;
  }
  REDAN_CHECK(at_once.requests == in_pieces.requests);
  REDAN_CHECK(at_once.error == in_pieces.error);
  REDAN_CHECK(at_once.consumed == in_pieces.consumed);
  return 0;
}
