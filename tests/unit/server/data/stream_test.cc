// Streams beside a model: entries, ranges, trimming, groups, copies.
#include <gtest/gtest.h>

#include "tests/unit/server/data/stream_model.h"

namespace redan {
namespace {

TEST(Stream, AgreesWithItsModelUnderRandomChanges) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    StreamWorld world(seed);
    if (seed % 4 == 0) world.limits = {.bytes = 4096, .entries = 100};
    if (seed % 4 == 1) world.limits = {.bytes = 0, .entries = 0};
    for (int i = 0; i < 3000; ++i) {
      ASSERT_NO_FATAL_FAILURE(world.step());
      if (i % 300 == 0) {
        ASSERT_NO_FATAL_FAILURE(world.compare());
      }
    }
    ASSERT_NO_FATAL_FAILURE(world.compare());
  }
}

TEST(Stream, RangesInBothDirectionsAreTheModels) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    StreamWorld world(seed);
    for (int i = 0; i < 1500; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
    for (int i = 0; i < 200; ++i) {
      const StreamId low = world.some_id(), high = world.some_id();
      Entries expected;
      for (const auto& [id, words] : world.entries) {
        if (low <= id && id <= high) expected[id] = words;
      }
      ASSERT_EQ(range(world.stream, low, high), expected);
      ASSERT_EQ(reversed_range(world.stream, low, high), expected);
      ASSERT_EQ(world.stream.contains(low), world.entries.contains(low));
    }
  }
}

TEST(Stream, ACopyIsEqualAndItsOwn) {
  StreamWorld world(3);
  for (int i = 0; i < 2000; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
  const std::unique_ptr<LargeValue> copied = world.stream.clone();
  const auto& copy = static_cast<const LargeStream&>(*copied);
  const Entries entries = world.entries;
  const ModelGroups groups = world.groups;
  for (int i = 0; i < 500; ++i) ASSERT_NO_FATAL_FAILURE(world.step());
  copy.check_invariants();
  EXPECT_EQ(contents(copy), entries);
  EXPECT_EQ(groups_of(copy), groups);
}

TEST(Stream, IdsAtTheEndsOfTheirRange) {
  LargeStream stream;
  const std::string_view words[] = {"f", "v"};
  for (const StreamId id : {StreamId{0, 1}, StreamId{0, UINT64_MAX}, StreamId{1, 0},
                            StreamId{UINT64_MAX, 0}, StreamId::max()}) {
    stream.append(id, words, {});
  }
  stream.check_invariants();
  EXPECT_EQ(stream.nodes().size(), 1U);
  EXPECT_EQ(range(stream, {0, UINT64_MAX}, {UINT64_MAX, 0}).size(), 3U);
  EXPECT_TRUE(stream.contains(StreamId::max()));
  EXPECT_TRUE(stream.erase({0, UINT64_MAX}));
  EXPECT_FALSE(stream.contains({0, UINT64_MAX}));
}

TEST(Stream, ANodeTakesEntriesUpToItsLimits) {
  const std::string_view words[] = {"f", "v"};
  LargeStream by_entries;
  for (uint64_t i = 1; i <= 250; ++i) by_entries.append({i, 0}, words, {});
  EXPECT_EQ(by_entries.nodes().size(), 3U);
  LargeStream by_bytes;
  const std::string value(1000, 'v');
  const std::string_view long_words[] = {"f", value};
  for (uint64_t i = 1; i <= 8; ++i) by_bytes.append({i, 0}, long_words, {});
  // Four fit: a fifth would make 4096 bytes or more.
  EXPECT_EQ(by_bytes.nodes().size(), 2U);
  by_bytes.check_invariants();
}

// Counts in a node's head take more bytes as they grow, and fewer as they shrink.
// More elements than a listpack's header counts, but few entries: each erasure passes all that went
// before it.
TEST(Stream, ANodeWithManyEntries) {
  constexpr uint64_t kEntries = 1600;
  LargeStream stream;
  const std::vector<std::string_view> words(80, "w");
  const LargeStream::NodeLimits limits{.bytes = 0, .entries = 0};
  for (uint64_t i = 1; i <= kEntries; ++i) stream.append({i, 0}, words, limits);
  ASSERT_EQ(stream.nodes().size(), 1U);
  EXPECT_GT(Listpack(stream.nodes().at(stream.nodes().first()).view()).size(), 65'535U);
  stream.check_invariants();
  for (uint64_t i = 1; i < kEntries; ++i) ASSERT_TRUE(stream.erase({i, 0}));
  stream.check_invariants();
  EXPECT_EQ(stream.nodes().at(stream.nodes().first()).node().deleted(), kEntries - 1);
  EXPECT_TRUE(stream.erase({kEntries, 0}));
  EXPECT_EQ(stream.nodes().size(), 0U);
  EXPECT_EQ(stream.state().max_deleted_id, (StreamId{kEntries, 0}));
}

TEST(Stream, TenSmallEntriesTakeLittle) {
  LargeStream stream;
  const std::string_view words[] = {"field", "value"};
  for (uint64_t i = 0; i < 10; ++i) stream.append({1'700'000'000'000 + i * 7, 0}, words, {});
  EXPECT_LE(stream.memory_bytes(), 500U);
}

TEST(Stream, IdsAreReadAsRedisReadsThem) {
  const auto parsed = [](std::string_view text) -> std::string {
    const auto id = parse_stream_id(text);
    if (!id) return "-";
    return StreamIdText(id->id).str() + (id->has_seq ? "" : id->makes_seq ? " makes" : " open");
  };
  EXPECT_EQ(parsed("5-3"), "5-3");
  EXPECT_EQ(parsed("5"), "5-0 open");
  EXPECT_EQ(parsed("5-*"), "5-0 makes");
  EXPECT_EQ(parsed("18446744073709551615-18446744073709551615"),
            "18446744073709551615-18446744073709551615");
  EXPECT_EQ(parsed("05-+3"), "5-3");
  EXPECT_EQ(parsed(" 5-1"), "5-1");
  EXPECT_EQ(parsed("1--0"), "1-0");
  EXPECT_EQ(parsed("1--05"), "1-18446744073709551611");
  EXPECT_EQ(parsed(std::string_view("5-1\0x", 5)), "5-1");
  EXPECT_EQ(parsed(std::string(90, '0') + "5"), "5-0 open");
  for (const char* text :
       {"", "-", "+", "5-", "-5", "5-x", "x", "5-3-1", "5 -1", "5-1 ", "1.0", "0x1",
        "18446744073709551616", "5-18446744073709551616", "*", "*-1", "1--5"}) {
    EXPECT_EQ(parsed(text), "-") << text;
  }
  EXPECT_EQ(parsed(std::string(127, '0') + "5"), "-");
}

}  // namespace
}  // namespace redan
