#include "server/persistence/rdb_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/crc64.h"
#include "common/base/rng.h"
#include "tests/unit/server/persistence/rdb_fixture.h"
#include "tests/unit/server/persistence/recorded_files.h"

namespace redan {
namespace {

using namespace std::string_literals;

std::string with_checksum(std::string body) {
  const uint64_t crc = crc64(0, body);
  return body.append(reinterpret_cast<const char*>(&crc), 8);
}
// A file of one item (or several), with a right checksum.
std::string file_of(const std::string& items, const char* version = "0010") {
  return with_checksum("REDIS"s + version + items + "\xff");
}
Result<void> read_items(const std::string& items, Collector& into, const char* version = "0010") {
  return read_whole(file_of(items, version), into);
}

TEST(RdbReader, ReadsWhatRedisWrote) {
  Collector found;
  ASSERT_TRUE(read_whole(recorded::strings(), found).ok());
  CollectedKeys expected;
  const auto add = [&](uint64_t db, const std::string& key, const std::string& value) {
    expected[{db, key}] = {value};
  };
  std::string repeated;
  for (int i = 0; i < 100; ++i) repeated += "abc";
  add(0, "a", "hello"), add(0, "n", "12345"), add(0, "big", "1234567890123"), add(0, "neg", "-7");
  add(0, "", "emptykey"), add(0, "ev", ""), add(0, "777", "888"), add(0, "long", repeated);
  expected[{0, "exp"}] = {"soon", 0x55d'3c3b'f29d};
  add(3, "other", "db3"), add(3, "bin", "\xff\xfe"), add(3, "f", "1.5");
  add(3, "lzfkey" + std::string(54, 'a'), "v");
  EXPECT_EQ(found.keys, expected);
  EXPECT_EQ(found.aux_fields["redis-ver"], "7.0.15");
  EXPECT_EQ(found.aux_fields["redis-bits"], "64");
  EXPECT_EQ(found.announced[0], std::pair(uint64_t{9}, uint64_t{1}));
}

TEST(RdbReader, PiecesOfAnySizeReadTheSame) {
  Collector whole;
  ASSERT_TRUE(read_whole(recorded::strings(), whole).ok());
  for (size_t piece = 1; piece <= recorded::strings().size(); ++piece) {
    Collector found;
    ASSERT_TRUE(read_whole(recorded::strings(), found, piece, piece % 2 == 0).ok()) << piece;
    ASSERT_EQ(found.keys, whole.keys) << piece;
  }
  for (size_t piece = 1; piece <= 40; ++piece) {
    Collector found;
    found.accept_other_types = true;
    ASSERT_TRUE(read_whole(recorded::types(), found, piece, false).ok()) << piece;
    ASSERT_EQ(found.kinds.size(), 10u);
  }
}

TEST(RdbReader, RefusesEveryTruncation) {
  for (const std::string_view file : {recorded::strings(), recorded::types()}) {
    for (size_t size = 0; size < file.size(); ++size) {
      for (const bool size_known : {true, false}) {
        Collector found;
        found.accept_other_types = true;
        const Result<void> read = read_whole(file.substr(0, size), found, SIZE_MAX, size_known);
        ASSERT_FALSE(read.ok()) << size;
        ASSERT_NE(read.error().message().find("offset"), std::string::npos);
      }
    }
  }
}

TEST(RdbReader, RefusesEveryFlippedBit) {
  for (const std::string_view file : {recorded::strings(), recorded::types()}) {
    for (size_t bit = 0; bit < file.size() * 8; ++bit) {
      std::string damaged(file);
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ 1 << bit % 8);
      Collector found;
      found.accept_other_types = true;
      ASSERT_FALSE(read_whole(damaged, found, bit % 97 + 1, bit % 2 == 0).ok()) << bit;
    }
  }
}

// No checksum protects these: any outcome is right but a crash, and sanitizers watch.
TEST(RdbReader, SurvivesRandomDamageWithARightChecksum) {
  Rng rng(2026);
  for (int round = 0; round < 20'000; ++round) {
    const std::string_view file = round % 2 == 0 ? recorded::strings() : recorded::types();
    std::string damaged(file.substr(0, file.size() - 8));
    for (uint64_t i = 0, n = rng.between(1, 8); i < n; ++i) {
      damaged[rng.below(damaged.size())] = static_cast<char>(rng.next());
    }
    if (rng.chance(0.3)) damaged.erase(rng.below(damaged.size()), rng.below(20));
    Collector found;
    found.accept_other_types = true;
    static_cast<void>(read_whole(with_checksum(damaged), found, rng.below(300) + 1));
  }
}

TEST(RdbReader, SurvivesRandomItems) {
  Rng rng(99);
  constexpr unsigned char kInteresting[] = {
      0,    1,    15,   18,   21,   24,   0x3f, 0x40, 0x7f, 0x80, 0x81, 0x82, 0xc0, 0xc1,
      0xc2, 0xc3, 0xc4, 0xf4, 0xf5, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
  for (int round = 0; round < 50'000; ++round) {
    std::string items;
    for (uint64_t i = 0, n = rng.below(60); i < n; ++i) {
      items += static_cast<char>(rng.chance(0.6) ? kInteresting[rng.below(std::size(kInteresting))]
                                                 : rng.below(256));
    }
    Collector found;
    found.accept_other_types = true;
    static_cast<void>(read_items(items, found, "0012"));
  }
}

TEST(RdbReader, NamesEveryTypeOfRedis) {
  Collector found;
  found.accept_other_types = true;
  ASSERT_TRUE(read_whole(recorded::types(), found).ok());
  const std::map<std::string, std::string> expected = {
      {"l", "quicklist-v2"},  {"si", "set-intset"},    {"z", "zset-listpack"},
      {"h", "hash-listpack"}, {"st", "stream-v2"},     {"bh", "hash-hashtable"},
      {"bz", "zset-v2"},      {"bs", "set-hashtable"}, {"bl", "quicklist-v2"},
      {"pl", "quicklist-v2"}};
  EXPECT_EQ(found.kinds, expected);
  EXPECT_EQ(found.keys.size(), 1u);
}

TEST(RdbReader, HandsOverTheRefusalOfATypeWithKeyAndOffset) {
  Collector found;
  const Result<void> read = read_whole(recorded::types(), found);
  ASSERT_FALSE(read.ok());
  EXPECT_NE(read.error().message().find("holds a"), std::string::npos);
  EXPECT_NE(read.error().message().find("(offset "), std::string::npos);
}

TEST(RdbReader, ReadsOldFormsOfExpiryAndFilesWithoutChecksum) {
  Collector found;
  // Version 3: seconds, no aux fields, no checksum behind the end.
  const std::string file =
      "REDIS0003\xfe"s + '\0' + "\xfd"s + "\x00\x00\x00\x70"s + '\0' + "\x01k\x01v\xff"s;
  ASSERT_TRUE(read_whole(file, found).ok());
  EXPECT_EQ(found.keys.at({0, "k"}), (CollectedKey{"v", int64_t{0x70000000} * 1000}));
}

TEST(RdbReader, AcceptsAMissingChecksum) {
  Collector found;
  EXPECT_TRUE(read_whole("REDIS0010\xff"s + std::string(8, '\0'), found).ok());
}

TEST(RdbReader, LeavesWhatFollowsTheSnapshotAlone) {
  Collector found;
  RdbReader reader(found, {});
  const std::string file = std::string(recorded::strings()) + "*1\r\n$4\r\nPING\r\n";
  const Result<size_t> taken = reader.feed(file);
  ASSERT_TRUE(taken.ok());
  EXPECT_TRUE(reader.done());
  EXPECT_EQ(*taken, recorded::strings().size());
  EXPECT_EQ(*reader.feed("more"), 0u);
}

TEST(RdbReader, ReadsIdleTimesFrequenciesModulesFunctionsAndSlots) {
  Collector found;
  found.accept_other_types = true;
  const std::string items =
      "\xf5\x05hello"s  // function library
      "\xf7\x07\x02\x01\x01\x05\x03"s
      "abcd"
      "\x04"s
      "12345678"
      "\x05\x02hi\x02\x09"s +
      "\0"s +                                                        // module data
      "\xf4\x01\x02\x00"s +                                          // slot info
      "\xf8\x0a\x00\x01i\x01v"s + "\xf9\xc8\x00\x01"s + "f\x01v"s +  // idle, frequency
      "\x07\x01m\x07\x02\x05\x00"s +                                 // module value
      "\x18\x01x"s + "12345678" + "\x01\x02\x01"s + "f\x01v"s;       // hash with expiring fields
  const Result<void> read = read_items(items, found, "0012");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(found.libraries, std::vector<std::string>{"hello"});
  EXPECT_EQ(found.modules, std::vector<uint64_t>{7});
  EXPECT_EQ(found.keys.at({0, "i"}).idle_s, 10);
  EXPECT_EQ(found.keys.at({0, "f"}).frequency, 200);
  EXPECT_EQ(found.kinds.at("m"), "module-value");
  EXPECT_EQ(found.kinds.at("x"), "hash-hashtable-md");
}

TEST(RdbReader, ReadsOldSortedSetsAndStreamsOfEveryVersion) {
  Collector found;
  found.accept_other_types = true;
  const std::string listpack = "\x07\x07\x00\x00\x00\x00\x00\xff"s;  // a string of seven bytes
  const std::string node = "\x01k"s + listpack;
  const std::string pending = std::string(16, 'i') + std::string(8, 't') + "\x01"s;
  const std::string pending_id(16, 'i');
  const std::string items =
      "\x03\x01o\x03\x01"s + "a\xff\x01"s +
      "b\x03"
      "1.5"
      "\x01"s +
      "c\xfd"s + "\x0f\x01p\x01"s + node + "\x01\x01\x01"s + "\x01\x01g\x01\x01"s + "\x01"s +
      pending + "\x01\x01"s + "c" + std::string(8, 's') + "\x01"s + pending_id + "\x15\x01q\x01"s +
      node + "\x01\x01\x01\x01\x01\x01\x01\x01"s + "\x01\x01g\x01\x01\x01"s + "\x01"s + pending +
      "\x01\x01"s + "c" + std::string(16, 's') + "\x01"s + pending_id;
  const Result<void> read = read_items(items, found, "0011");
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(found.kinds.at("o"), "zset-v1");
  EXPECT_EQ(found.kinds.at("p"), "stream");
  EXPECT_EQ(found.kinds.at("q"), "stream-v3");
}

struct BadCase {
  const char* what;
  std::string items;
  const char* says;
};

TEST(RdbReader, SaysWhatIsWrong) {
  const std::string huge = "\x81\x7f\xff\xff\xff\xff\xff\xff\xff"s;
  const BadCase cases[] = {
      {"a key longer than the file", "\x00"s + huge, "4 GiB"},
      {"a value longer than the file", "\x00\x01k\x80\x00\x10\x00\x00"s, "ends in the middle"},
      {"an unknown form of length", "\x00\x82"s, "unknown form"},
      {"an unknown string encoding", "\x00\x01k\xc4"s, "unknown form"},
      {"an unknown type", "\x08\x01k\x01v"s, "unknown type"},
      {"a type beyond the newest", "\x1a\x01k\x01v"s, "unknown type"},
      {"an expiry without a key", "\xfc"s + std::string(8, '\1') + "\xfe\x01"s, "without a key"},
      {"an expiry before the end", "\xfc"s + std::string(8, '\1'), "without a key"},
      {"LZF that lies about its size", "\x00\x01k\xc3\x02\x80\x7f\xff\xff\xff\x00\x00"s,
       "size does not fit"},
      {"LZF that is no LZF", "\x00\x01k\xc3\x02\x05\xff\xff"s, "does not decompress"},
      {"LZF of nothing", "\x00\x01k\xc3\x01\x00\x00"s, "size does not fit"},
      {"a list of more elements than bytes", "\x01\x01k\x80\x7f\xff\xff\xff"s, "more elements"},
      {"a listpack of the wrong size", "\x10\x01k\x07\x08\x00\x00\x00\x00\x00\xff"s, "listpack"},
      {"a ziplist without end", "\x0a\x01k\x0b\x0b\x00\x00\x00\x0a\x00\x00\x00\x00\x00\xfe"s,
       "ziplist"},
      {"an intset of three-byte numbers", "\x0b\x01k\x08\x03\x00\x00\x00\x00\x00\x00\x00"s,
       "intset"},
      {"a quicklist node of kind 3", "\x12\x01k\x01\x03\x01x"s, "unknown kind"},
      {"a module value of type 9", "\x07\x01k\x01\x09"s, "unknown type"},
      {"a pre-release module value", "\x06\x01k\x01"s, "release candidate"},
      {"a pre-release function", "\xf6\x01k\x01"s, "release candidate"},
      {"module data without its place", "\xf7\x07\x01\x01\x00"s, "without its place"},
  };
  for (const BadCase& bad : cases) {
    Collector found;
    found.accept_other_types = true;
    const Result<void> read = read_items(bad.items, found);
    ASSERT_FALSE(read.ok()) << bad.what;
    EXPECT_NE(read.error().message().find(bad.says), std::string::npos)
        << bad.what << ": " << read.error().message();
    EXPECT_NE(read.error().message().find("(offset "), std::string::npos) << bad.what;
  }
}

TEST(RdbReader, RefusesOtherFilesAndUnknownVersions) {
  Collector found;
  EXPECT_NE(read_whole("*1\r\n$4\r\nPING\r\n", found).error().message().find("not an RDB file"),
            std::string::npos);
  for (const char* version : {"0000", "0013", "9999", "00x1", "    "}) {
    EXPECT_FALSE(read_items("", found, version).ok()) << version;
  }
  for (const char* version : {"0001", "0004"}) {
    EXPECT_TRUE(read_whole("REDIS"s + version + "\xff", found).ok()) << version;
  }
}

TEST(RdbReader, AnErrorIsFinal) {
  Collector found;
  RdbReader reader(found, {});
  ASSERT_FALSE(reader.feed("REDIS0010\x08").ok());
  EXPECT_FALSE(reader.feed("more").ok());
  EXPECT_FALSE(reader.finish().ok());
  EXPECT_FALSE(reader.done());
}

}  // namespace
}  // namespace redan
