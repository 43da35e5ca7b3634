#include <gtest/gtest.h>

#include "common/base/rng.h"
#include "common/resp/reply_parser.h"
#include "common/resp/request_parser.h"
#include "common/resp/writer.h"

namespace redan {
namespace {

using Status = RequestParser::Status;
using Args = std::vector<std::string>;

// All requests in `bytes`, which arrive in two pieces, split at `cut`.
std::vector<Args> parse_all(const std::string& bytes, size_t cut, std::string* error = nullptr) {
  RequestParser parser;
  std::vector<Args> requests;
  std::string seen;
  for (const std::string& piece : {bytes.substr(0, cut), bytes.substr(cut)}) {
    seen += piece;
    for (;;) {
      const Status status = parser.parse(seen, {});
      if (status == Status::kIncomplete) break;
      if (status == Status::kError) {
        if (error != nullptr) *error = parser.error();
        return requests;
      }
      requests.emplace_back(parser.args().begin(), parser.args().end());
      seen.erase(0, parser.consumed());
    }
  }
  return requests;
}

TEST(RequestParser, SplitInputGivesTheSameRequestsAsWholeInput) {
  const std::string bytes =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$11\r\nwith\r\nbreak\r\nPING\r\n*0\r\n*1\r\n$0\r\n\r\n"
      "set \"a b\" 'c'\r\n";
  const std::vector<Args> whole = parse_all(bytes, bytes.size());
  ASSERT_EQ(whole.size(), 5U);
  EXPECT_EQ(whole[0], (Args{"SET", "k", "with\r\nbreak"}));
  EXPECT_EQ(whole[4], (Args{"set", "a b", "c"}));
  for (size_t cut = 0; cut < bytes.size(); ++cut) EXPECT_EQ(parse_all(bytes, cut), whole) << cut;
}

TEST(RequestParser, MalformedInputIsRefusedWithRedisWords) {
  const std::pair<std::string, std::string> cases[] = {
      {"*x\r\n", "Protocol error: invalid multibulk length"},
      {"*2000000000\r\n", "Protocol error: invalid multibulk length"},
      {"*1\r\n:1\r\n", "Protocol error: expected '$', got ':'"},
      {"*1\r\n$-1\r\n", "Protocol error: invalid bulk length"},
      {"*1\r\n$536870913\r\n", "Protocol error: invalid bulk length"},
      {"set 'a\r\n", "Protocol error: unbalanced quotes in request"},
      {std::string(70000, 'a'), "Protocol error: too big inline request"},
      {"*" + std::string(70000, '1'), "Protocol error: too big mbulk count string"},
      {"*1\r\n$" + std::string(70000, '1'), "Protocol error: too big bulk count string"},
  };
  for (const auto& [bytes, expected] : cases) {
    std::string error;
    parse_all(bytes, bytes.size(), &error);
    EXPECT_EQ(error, expected);
  }
}

TEST(RequestParser, StrangersGetTenSmallArguments) {
  RequestParser parser;
  const RequestLimits stranger{.authenticated = false};
  EXPECT_EQ(parser.parse("*11\r\n", stranger), Status::kError);
  EXPECT_EQ(parser.error(), "Protocol error: unauthenticated multibulk length");
  EXPECT_EQ(parser.parse("*1\r\n$16385\r\n", stranger), Status::kError);
  EXPECT_EQ(parser.error(), "Protocol error: unauthenticated bulk length");
  EXPECT_EQ(parser.parse("*10\r\n", stranger), Status::kIncomplete);
}

std::vector<std::string> words_of(const RequestsAhead& ahead, size_t i) {
  return {ahead.args(i).begin(), ahead.args(i).end()};
}

TEST(RequestsAhead, AreTheWholeRequestsAtTheFront) {
  const std::string ping = "*1\r\n$4\r\nPING\r\n";
  const std::string set = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$12\r\nkey:00000001\r\n";
  const std::string input = ping + set + "*2\r\n$3\r\nGET\r\n";
  RequestsAhead ahead;
  ahead.find(input, {});
  ASSERT_EQ(ahead.size(), 2U);
  EXPECT_EQ(words_of(ahead, 0), std::vector<std::string>{"PING"});
  EXPECT_EQ(ahead.raw(0), ping);
  EXPECT_EQ(words_of(ahead, 1), (std::vector<std::string>{"SET", "a", "key:00000001"}));
  EXPECT_EQ(ahead.raw(1), set);
}

TEST(RequestsAhead, StopAtWhatIsNotWholeOrNotUsual) {
  const std::string get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
  RequestsAhead ahead;
  for (const char* rest :
       {"*2\r\n$3\r\nGET\r\n$1\r\n", "GET a\r\n", "*-1\r\n", "*0\r\n", "*2\r\n$x\r\n",
        "*2\r\n$3\r\nGET\r\n$99\r\na\r\n", "*256\r\n", "$3\r\nGET\r\n"}) {
    const std::string input = get + rest;
    ahead.find(input, {});
    EXPECT_EQ(ahead.size(), 1U) << rest;
  }
  ahead.find("", {});
  EXPECT_EQ(ahead.size(), 0U);
  ahead.find(get, {.authenticated = false});
  EXPECT_EQ(ahead.size(), 0U);
  ahead.find("*2\r\n$3\r\nGET\r\n$5\r\nabcde\r\n", {.max_bulk_bytes = 4});
  EXPECT_EQ(ahead.size(), 0U);
}

TEST(RequestsAhead, TakesNoMoreThanThereIsRoomFor) {
  const std::string get = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
  std::string many;
  for (int i = 0; i < 40; ++i) many += get;
  RequestsAhead ahead;
  ahead.find(many, {});
  EXPECT_EQ(ahead.size(), RequestsAhead::kMost);
  std::string wide = "*100\r\n";
  for (int i = 0; i < 100; ++i) wide += "$1\r\nx\r\n";
  const std::string thrice = wide + wide + wide;
  ahead.find(thrice, {});
  ASSERT_EQ(ahead.size(), 2U);
  EXPECT_EQ(ahead.args(1).size(), 100U);
  EXPECT_EQ(ahead.raw(1), wide);
}

TEST(RequestParser, RandomBytesNeverHarm) {
  Rng rng(7);
  const char alphabet[] = "*$:123456789\r\n-ab'\"\\";
  for (int round = 0; round < 20000; ++round) {
    std::string bytes;
    for (uint64_t i = rng.below(40); i > 0; --i) bytes += alphabet[rng.below(sizeof alphabet)];
    const size_t cut = rng.below(bytes.size() + 1);
    std::string whole_error, cut_error;
    const auto whole = parse_all(bytes, bytes.size(), &whole_error);
    EXPECT_EQ(parse_all(bytes, cut, &cut_error), whole);
    EXPECT_EQ(cut_error, whole_error);
  }
}

std::string written(Resp version, void (*write)(ReplyWriter&)) {
  ByteBuffer buffer;
  ReplyWriter writer(buffer, version);
  write(writer);
  return std::string(buffer.view());
}

TEST(ReplyWriter, ChoosesTheFormOfTheProtocol) {
  const auto all = [](ReplyWriter& w) {
    w.null(), w.null_array(), w.boolean(true), w.number_double(1.5), w.verbatim("txt", "hi");
    w.map(1), w.set(1), w.push(1), w.integer(-12), w.bulk("0123456789");
  };
  EXPECT_EQ(written(Resp::k2, all),
            "$-1\r\n*-1\r\n:1\r\n$3\r\n1.5\r\n$2\r\nhi\r\n*2\r\n*1\r\n*1\r\n:-12\r\n$"
            "10\r\n0123456789\r\n");
  EXPECT_EQ(
      written(Resp::k3, all),
      "_\r\n_\r\n#t\r\n,1.5\r\n=6\r\ntxt:hi\r\n%1\r\n~1\r\n>1\r\n:-12\r\n$10\r\n0123456789\r\n");
}

TEST(ReplyWriter, AnErrorTextCannotEndTheReplyEarly) {
  EXPECT_EQ(written(Resp::k2, [](ReplyWriter& w) { w.error_text("ERR", "a\r\n+OK"); }),
            "-ERR a  +OK\r\n");
}

TEST(ReplyWriter, DeferredAggregatesGetTheirHeaderAfterwards) {
  EXPECT_EQ(written(Resp::k3,
                    [](ReplyWriter& w) {
                      const size_t start = w.begin_deferred();
                      w.integer(1), w.integer(2);
                      w.end_map(start, 1);
                    }),
            "%1\r\n:1\r\n:2\r\n");
}

TEST(ReplyParser, ReadsRepliesByteByByte) {
  const std::string bytes = "*3\r\n:1\r\n$2\r\nhi\r\n*-1\r\n%1\r\n+k\r\n,2.5\r\n-ERR no\r\n";
  ReplyParser parser;
  std::vector<Reply> replies;
  for (const char c : bytes) {
    parser.feed({&c, 1});
    Result<std::optional<Reply>> reply = parser.next();
    ASSERT_TRUE(reply);
    if (*reply) replies.push_back(**reply);
  }
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_EQ(replies[0].elements[1].text, "hi");
  EXPECT_TRUE(replies[0].elements[2].is_null());
  EXPECT_EQ(replies[1].elements[1].real, 2.5);
  EXPECT_EQ(replies[2].text, "ERR no");
}

TEST(ReplyParser, RefusesWhatIsNoReplyAndWhatIsTooLarge) {
  for (const std::string bad : {"hello\r\n", "$x\r\n", "*99999999999\r\n", ":1a\r\n", "$-2\r\n"}) {
    ReplyParser parser;
    parser.feed(bad);
    EXPECT_FALSE(parser.next()) << bad;
  }
  ReplyParser parser;
  for (int i = 0; i < 100; ++i) parser.feed("*1\r\n");
  EXPECT_FALSE(parser.next());
}

}  // namespace
}  // namespace redan
