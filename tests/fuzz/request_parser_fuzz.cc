// Requests in one piece and in many are the same requests, and end in the same error.
#include <algorithm>
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

  // What is read ahead is what the parser reads, request by request.
  RequestsAhead ahead;
  ahead.find(whole, limits);
  REDAN_CHECK(ahead.size() <= at_once.requests.size());
  const char* at = whole.data();
  for (size_t i = 0; i < ahead.size(); ++i) {
    REDAN_CHECK(std::ranges::equal(ahead.args(i), at_once.requests[i]));
    REDAN_CHECK(ahead.raw(i).data() == at);
    REDAN_CHECK(!ahead.raw(i).empty());
    at += ahead.raw(i).size();
  }
  REDAN_CHECK(at <= whole.data() + whole.size());

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
