#include "server/persistence/rdb_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/crc64.h"
#include "common/base/rng.h"
#include "server/persistence/dump_payload.h"
#include "server/persistence/rdb_primitives.h"
#include "tests/unit/server/persistence/rdb_fixture.h"
#include "tests/unit/server/persistence/recorded_files.h"

namespace redan {
namespace {

using namespace std::string_literals;

std::string encoded(std::string_view text, bool compress = true) {
  ByteBuffer out;
  append_rdb_string(out, text, compress);
  return std::string(out.view());
}

TEST(RdbStrings, NumbersAreWrittenInTheShortestForm) {
  EXPECT_EQ(encoded("0"), "\xc0\x00"s);
  EXPECT_EQ(encoded("-128"), "\xc0\x80"s);
  EXPECT_EQ(encoded("128"), "\xc1\x80\x00"s);
  EXPECT_EQ(encoded("-32768"), "\xc1\x00\x80"s);
  EXPECT_EQ(encoded("32768"), "\xc2\x00\x80\x00\x00"s);
  EXPECT_EQ(encoded("-2147483648"), "\xc2\x00\x00\x00\x80"s);
  EXPECT_EQ(encoded("2147483648"), "\x0a"s + "2147483648");
  // Texts that would not come back as they are stay text.
  for (const char* text : {"", "-", "-0", "01", "+1", " 1", "1 ", "1.0", "1e3"}) {
    EXPECT_EQ(encoded(text), static_cast<char>(std::string(text).size()) + std::string(text));
  }
}

TEST(RdbStrings, IntegersAreWrittenAsTheirText) {
  Rng rng(5);
  for (int i = 0; i < 10'000; ++i) {
    const auto value = static_cast<int64_t>(rng.next()) >> rng.below(64);
    ByteBuffer out;
    append_rdb_integer(out, value);
    ASSERT_EQ(out.view(), encoded(std::to_string(value)));
  }
}

TEST(RdbStrings, LengthsTakeTheirFourForms) {
  for (const auto& [value, size] : {std::pair<uint64_t, size_t>{0, 1},
                                    {63, 1},
                                    {64, 2},
                                    {16383, 2},
                                    {16384, 5},
                                    {UINT32_MAX, 5},
                                    {uint64_t{UINT32_MAX} + 1, 9},
                                    {UINT64_MAX, 9}}) {
    ByteBuffer out;
    append_rdb_length(out, value);
    EXPECT_EQ(out.size(), size) << value;
    RdbCursor cursor(out.view());
    uint64_t read = 0;
    ASSERT_TRUE(cursor.length(read));
    EXPECT_EQ(read, value);
    EXPECT_EQ(cursor.at(), size);
  }
}

TEST(RdbStrings, CompressOnlyWhereItPays) {
  const std::string same(1000, 'x');
  EXPECT_LT(encoded(same).size(), 50u);
  EXPECT_EQ(encoded(same, false).size(), 1002u);
  EXPECT_EQ(encoded(std::string(20, 'x')).size(), 21u);
  EXPECT_LT(encoded(std::string(21, 'x')).size(), 21u);
  Rng rng(3);
  std::string noise(500, '\0');
  for (char& c : noise) c = static_cast<char>(rng.next());
  EXPECT_EQ(encoded(noise).size(), 502u);
}

std::string random_text(Rng& rng) {
  switch (rng.below(6)) {
    case 0:
      return std::to_string(static_cast<int64_t>(rng.next()) >> rng.below(64));
    case 1:
      return std::string(rng.below(70'000), static_cast<char>(rng.next()));
    case 2: {
      std::string text;
      for (uint64_t i = 0, n = rng.below(300); i < n; ++i) {
        text += "abc"[rng.below(3)];
      }
      return text;
    }
    default: {
      std::string text(rng.below(200), '\0');
      for (char& c : text) c = static_cast<char>(rng.next());
      return text;
    }
  }
}

TEST(RdbWriter, RandomDataComesBack) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    CollectedKeys keys;
    for (uint64_t i = 0, n = rng.below(200); i < n; ++i) {
      CollectedKey key{random_text(rng)};
      if (rng.chance(0.3)) key.expires_unix_ms = rng.between(0, INT64_MAX);
      if (rng.chance(0.2)) key.idle_s = rng.between(0, 1'000'000);
      if (rng.chance(0.2)) key.frequency = static_cast<int32_t>(rng.below(256));
      keys[{rng.below(4), random_text(rng)}] = key;
    }
    RdbWriter writer({.compress = rng.chance(0.5), .checksum = rng.chance(0.9)});
    std::string file;
    writer.header();
    writer.aux("redis-bits", 64);
    uint64_t db = UINT64_MAX;
    for (const auto& [name, key] : keys) {
      if (name.first != db) {
        db = name.first;
        writer.select_db(static_cast<int>(db));
        writer.resize_db(db + 1, db);
      }
      const RdbKeyFacts facts{key.expires_unix_ms, key.idle_s, key.frequency};
      writer.string_key(name.second, facts, key.value);
      if (rng.chance(0.1)) {
        file += writer.pending();
        writer.written();
      }
    }
    writer.end();
    file += writer.pending();
    ASSERT_EQ(writer.total_bytes(), file.size());
    Collector found;
    const Result<void> read = read_whole(file, found, rng.below(5000) + 1, rng.chance(0.5));
    ASSERT_TRUE(read.ok()) << read.error().message();
    ASSERT_EQ(found.keys, keys) << seed;
    ASSERT_EQ(found.aux_fields.at("redis-bits"), "64");
  }
}

// The recorded file's items, written by us in the same order, must be the same bytes: what Redis
// writes, Redis reads.
TEST(RdbWriter, WritesTheBytesThatRedisWrites) {
  class Rewriter : public Collector {
   public:
    RdbWriter writer{{}};
    Result<void> begin(int) override { return writer.header(), kOk; }
    Result<void> aux(std::string_view name, std::string_view value) override {
      return writer.aux(name, value), kOk;
    }
    Result<void> select_db(uint64_t db) override {
      return writer.select_db(static_cast<int>(db)), kOk;
    }
    Result<void> sizes(uint64_t count, uint64_t expiring) override {
      return writer.resize_db(count, expiring), kOk;
    }
    Result<void> string_key(std::string_view key, const RdbKeyFacts& facts,
                            std::string_view value) override {
      return writer.string_key(key, facts, value), kOk;
    }
    Result<void> integer_key(std::string_view key, const RdbKeyFacts& facts,
                             int64_t value) override {
      return writer.integer_key(key, facts, value), kOk;
    }
  } rewriter;
  ASSERT_TRUE(read_whole(recorded::strings(), rewriter).ok());
  rewriter.writer.end();
  EXPECT_EQ(rewriter.writer.pending(), recorded::strings());
}

std::string dump(std::string_view text) {
  Entry* const entry = EntryMaker::make_string("key", text, Entry::kNoExpiry);
  const std::string payload = dump_value(*entry);
  EntryMaker::free(entry);
  return payload;
}

Result<StoredValue> restore(std::string_view payload) {
  return read_dump_payload(payload, EncodingLimits());
}

TEST(DumpPayload, ComesBack) {
  Rng rng(11);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_text(rng);
    const Result<StoredValue> restored = restore(dump(text));
    ASSERT_TRUE(restored.ok());
    ASSERT_EQ(
        restored->form == ValueForm::kInteger ? std::to_string(restored->integer) : restored->bytes,
        text);
  }
  EXPECT_EQ(restore(dump("-5"))->integer, -5);
  EXPECT_EQ(restore(dump("-9223372036854775808"))->bytes, "-9223372036854775808");
}

// redis-cli of 7.0.15: SET k 10, DUMP k.
TEST(DumpPayload, EqualsThatOfRedis) {
  EXPECT_EQ(dump("10"),
            "\x00\xc0\n\n\x00n\x9fWE\x0e\xae"
            "c\xbb"s);
}

TEST(DumpPayload, RefusesEveryTruncationAndEveryFlippedBit) {
  const std::string payload =
      dump("some value that is long enough to be compressed aaaaaaaaaaaaaaa");
  for (size_t size = 0; size < payload.size(); ++size) {
    EXPECT_FALSE(restore(std::string_view(payload).substr(0, size)).ok());
  }
  for (size_t bit = 0; bit < payload.size() * 8; ++bit) {
    std::string damaged = payload;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(restore(damaged).ok()) << bit;
  }
}

std::string sealed(const std::string& body) {
  ByteBuffer out;
  out.append(body);
  out.append("\x0a\x00"s);
  append_le64(out, crc64(0, out.view()));
  return std::string(out.view());
}

TEST(DumpPayload, RefusesBrokenInsidesUnderARightChecksum) {
  EXPECT_TRUE(restore(sealed("\x00\x01v"s)).ok());
  for (const std::string& body :
       {""s, "\x00"s, "\x00\x02v"s, "\x00\x01v "s, "\x00\xc3\x02\x05\xff\xff"s, "\x01\x02\x01v"s,
        "\x63\x01v"s, "\x00\xc4"s, "\x00\x81\xff\xff\xff\xff\xff\xff\xff\xff"s}) {
    const Result<StoredValue> restored = restore(sealed(body));
    ASSERT_FALSE(restored.ok());
    EXPECT_EQ(restored.error().message().substr(0, 15), "Bad data format");
  }
  Rng rng(12);
  for (int i = 0; i < 20'000; ++i) {
    std::string body(rng.below(30), '\0');
    for (char& c : body) c = static_cast<char>(rng.next());
    static_cast<void>(restore(sealed(std::string(1, '\0') + body)));
  }
}

}  // namespace
}  // namespace redan
