#include <gtest/gtest.h>

#include <cstring>

#include "server/keyspace/keyspace.h"

namespace redan {
namespace {

struct OneKey {
  Keyspace keyspace{{.databases = 1, .seed = 3}};
  std::string value() {
    Entry::Scratch scratch;
    return std::string(keyspace.peek(0, "key")->string(scratch));
  }
  std::string encoding() { return std::string(keyspace.peek(0, "key")->encoding_name()); }
  void append(std::string_view bytes) {
    const Keyspace::Ref ref = keyspace.change(0, "key");
    const size_t size = ref->string_length();
    std::memcpy(keyspace.resize_string(0, ref, size + bytes.size()) + size, bytes.data(),
                bytes.size());
  }
};

TEST(Entry, EncodingsAreNamedAtRedisThresholds) {
  OneKey one;
  const std::pair<std::string, std::string> cases[] = {{"0", "int"},
                                                       {"-9223372036854775808", "int"},
                                                       {"9223372036854775807", "int"},
                                                       {"9223372036854775808", "embstr"},
                                                       {"-0", "embstr"},
                                                       {"+1", "embstr"},
                                                       {"01", "embstr"},
                                                       {" 1", "embstr"},
                                                       {"", "embstr"},
                                                       {std::string(44, 'a'), "embstr"},
                                                       {std::string(45, 'a'), "raw"},
                                                       {std::string(448, 'a'), "raw"},
                                                       {std::string(449, 'a'), "raw"},
                                                       {std::string(100'000, 'a'), "raw"}};
  for (const auto& [value, name] : cases) {
    one.keyspace.set_string(0, "key", value);
    EXPECT_EQ(one.value(), value);
    EXPECT_EQ(one.encoding(), name) << value;
    EXPECT_EQ(one.keyspace.peek(0, "key")->string_length(), value.size());
    one.keyspace.check_invariants();
  }
}

TEST(Entry, AnEditedStringIsRawUntilItIsSetAgain) {
  OneKey one;
  for (const std::string& value : {std::string("ab"), std::string("12"), std::string(700, 'z')}) {
    one.keyspace.set_string(0, "key", value);
    one.append("c");
    EXPECT_EQ(one.value(), value + "c");
    EXPECT_EQ(one.encoding(), "raw");
    one.keyspace.set_expiry(0, "key", INT64_MAX);
    EXPECT_EQ(one.encoding(), "raw");
    one.keyspace.copy(0, "key", 0, "copy");
    EXPECT_EQ(one.keyspace.peek(0, "copy")->encoding_name(), "raw");
    one.keyspace.erase(0, "copy");
    one.keyspace.set_string(0, "key", "ab");
    EXPECT_EQ(one.encoding(), "embstr");
    one.keyspace.check_invariants();
  }
}

TEST(Entry, GrownBytesAreZero) {
  OneKey one;
  one.keyspace.set_string(0, "key", std::string(300, 'x'));
  one.append(std::string(200, 'y'));
  one.keyspace.resize_string(0, one.keyspace.change(0, "key"), 10);
  one.keyspace.resize_string(0, one.keyspace.change(0, "key"), 1000);
  EXPECT_EQ(one.value(), std::string(10, 'x') + std::string(990, '\0'));
}

TEST(Entry, AStringIsEditedWhereItIs) {
  for (const std::string& value :
       {std::string("abc"), std::string("123"), std::string(400, 'z'), std::string(3000, 'z')}) {
    OneKey one;
    const auto edit = [&](size_t size) {
      char* const bytes = one.keyspace.edit_string(0, "key", one.keyspace.change(0, "key"), size);
      bytes[0] = 'X';
      one.keyspace.check_invariants();
    };
    one.keyspace.set_string(0, "key", value, SetExpiry::at(INT64_MAX));
    const uint64_t dirty = one.keyspace.dirty();
    edit(0);
    EXPECT_EQ(one.value(), "X" + value.substr(1));
    EXPECT_EQ(one.encoding(), "raw");
    edit(value.size() + 1);
    EXPECT_EQ(one.value(), "X" + value.substr(1) + std::string(1, '\0'));
    EXPECT_EQ(one.keyspace.peek(0, "key")->expiry_ms(), INT64_MAX);
    EXPECT_EQ(one.keyspace.dirty(), dirty);
    one.keyspace.string_edited(0, "key", 3);
    EXPECT_EQ(one.keyspace.dirty(), dirty + 3);
    one.keyspace.erase(0, "key");
    edit(value.size());
    EXPECT_EQ(one.value(), "X" + std::string(value.size() - 1, '\0'));
    EXPECT_EQ(one.encoding(), "raw");
  }
}

TEST(Entry, TextStaysTextWhateverItSays) {
  OneKey one;
  const std::string long_text(5000, '1');
  one.keyspace.set_string(0, "key", "old", SetExpiry::at(INT64_MAX));
  one.keyspace.set_text(0, "key", "123");
  EXPECT_EQ(one.encoding(), "raw");
  EXPECT_EQ(one.keyspace.peek(0, "key")->expiry_ms(), Entry::kNoExpiry);
  OwnedHeapString owned(HeapString::make(long_text.size(), long_text.size()));
  std::memcpy(owned->bytes(), long_text.data(), long_text.size());
  one.keyspace.set_text(0, "key", std::move(owned));
  EXPECT_EQ(one.value(), long_text);
  one.keyspace.check_invariants();
  // Each length after each other: in the entry, on the heap, in place and not.
  one.keyspace.set_expiry(0, "key", INT64_MAX);
  for (const size_t size : {0, 3, 5, 448, 449, 450, 5000, 449, 448, 20, 3}) {
    const std::string text(size, '7');
    one.keyspace.rewrite_text(0, one.keyspace.change(0, "key"), text);
    EXPECT_EQ(one.value(), text);
    EXPECT_EQ(one.encoding(), "raw");
    EXPECT_EQ(one.keyspace.peek(0, "key")->expiry_ms(), INT64_MAX);
    one.keyspace.check_invariants();
  }
  one.keyspace.set_string(0, "key", "123");
  EXPECT_EQ(one.encoding(), "int");
}

TEST(Entry, KeysOfAnyLengthKeepTheirBytes) {
  Keyspace keyspace({.databases = 1, .seed = 3});
  for (const size_t length : {0, 1, 15, 253, 254, 255, 256, 257, 300, 65535, 65536, 1'000'000}) {
    const std::string key(length, 'k');
    for (const std::string& value : {std::string("v"), std::string("7"), std::string(5000, 'w')}) {
      keyspace.set_string(0, key, value, SetExpiry::at(INT64_MAX));
      const Entry* entry = keyspace.peek(0, key);
      ASSERT_NE(entry, nullptr);
      Entry::Scratch scratch;
      EXPECT_EQ(entry->key(), key);
      EXPECT_EQ(entry->string(scratch), value);
      EXPECT_EQ(entry->expiry_ms(), INT64_MAX);
    }
    keyspace.check_invariants();
  }
}

TEST(Entry, SixteenAndThirtyTwoBytesTakeFiftySix) {
  Keyspace keyspace({.databases = 1, .seed = 3});
  keyspace.set_string(0, std::string(16, 'k'), std::string(32, 'v'));
  EXPECT_EQ(keyspace.peek(0, std::string(16, 'k'))->memory_bytes(), size_class(56));
  keyspace.set_expiry(0, std::string(16, 'k'), 1 << 30);
  EXPECT_EQ(keyspace.peek(0, std::string(16, 'k'))->memory_bytes(), size_class(64));
  EXPECT_EQ(size_class(56), 64U);
}

TEST(Entry, SizeClassesAreThoseOfJemalloc) {
  const std::pair<size_t, size_t> cases[] = {
      {1, 16},    {16, 16},   {17, 32},   {128, 128}, {129, 160},   {161, 192},
      {256, 256}, {257, 320}, {513, 640}, {640, 640}, {1025, 1280}, {70'000, 81'920}};
  for (const auto& [bytes, expected] : cases) EXPECT_EQ(size_class(bytes), expected) << bytes;
}

TEST(Entry, LongKeysAreRenamedAndCopied) {
  Keyspace keyspace({.databases = 2, .seed = 3});
  const std::string long_name(400, 'n');
  for (const std::string& value : {std::string("v"), std::string("7"), std::string(5000, 'w')}) {
    keyspace.flush(-1, Keyspace::Free::kNow);
    keyspace.set_string(0, "short", value, SetExpiry::at(INT64_MAX));
    keyspace.rename(0, "short", long_name);
    keyspace.copy(0, long_name, 1, "copy");
    keyspace.rename(0, long_name, "short");
    Entry::Scratch scratch;
    for (const Entry* entry : {keyspace.peek(0, "short"), keyspace.peek(1, "copy")}) {
      EXPECT_EQ(entry->string(scratch), value);
      EXPECT_EQ(entry->expiry_ms(), INT64_MAX);
    }
    keyspace.check_invariants();
  }
}

}  // namespace
}  // namespace redan
