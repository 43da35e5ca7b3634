// Hashes out of payloads: what redis-server 7.0.15 dumped, older encodings by hand, and damage.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "common/base/crc64.h"
#include "server/persistence/dump_payload.h"
#include "server/values/hash_value.h"
#include "tests/unit/server/persistence/payloads.h"

namespace redan {
namespace {

using namespace std::string_literals;

using Contents = std::map<std::string, std::string>;

Contents contents_of(StoredValue value) {
  EXPECT_EQ(value.type, ValueType::kHash);
  Entry* const entry = EntryMaker::make_value("k", std::move(value), Entry::kNoExpiry);
  Contents all;
  HashView(*entry).for_each([&](const HashView::Text& name, const HashView::Text& text) {
    EXPECT_TRUE(all.try_emplace(name.str(), text.str()).second);
  });
  EXPECT_EQ(all.size(), HashView(*entry).size());
  if (entry->is_large()) entry->large().check_invariants();
  EntryMaker::free(entry);
  return all;
}

Result<StoredValue> read(const std::string& payload, const EncodingLimits& limits = {}) {
  return read_dump_payload(payload, limits);
}

// DUMP after HSET h f v n 17 neg -300.
const std::string kListpack =
    "\x10\x1a\x1a\x00\x00\x00\x06\x00\x81\x66\x02\x81\x76\x02\x81\x6e\x02\x11\x01\x83\x6e\x65\x67"
    "\x04"
    "\xde\xd4\x02\xff"s;
// The same with hash-max-listpack-entries 0.
const std::string kPairs = "\x04\x03\x03\x6e\x65\x67\xc1\xd4\xfe\x01\x66\x01\x76\x01\x6e\xc0\x11"s;
const Contents kExpected = {{"f", "v"}, {"n", "17"}, {"neg", "-300"}};

std::string ziplist_of(const std::vector<std::string>& texts) {
  std::string body;
  size_t last = 10;
  size_t previous = 0;
  for (const std::string& text : texts) {
    last = 10 + body.size();
    body += static_cast<char>(previous);
    body += static_cast<char>(text.size());
    body += text;
    previous = 2 + text.size();
  }
  std::string all = le32(10 + body.size() + 1) + le32(last);
  all += static_cast<char>(texts.size());
  all += '\0';
  return all + body + '\xff';
}

std::string zipmap_of(const std::vector<std::string>& texts) {
  std::string all(1, static_cast<char>(texts.size() / 2));
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i == 0) {
      all += '\xfe' + le32(texts[i].size());  // A long length may stand for a short one.
    } else {
      all += static_cast<char>(texts[i].size());
    }
    // Behind the first value there are two bytes that nobody uses.
    if (i % 2 == 1) all += i == 1 ? '\x02' : '\0';
    all += texts[i];
    if (i == 1) all += "??";
  }
  return all + '\xff';
}

const std::vector<std::string> kTexts = {"f", "v", "n", "17", "neg", "-300"};

std::vector<std::string> every_encoding() {
  return {payload(kListpack), payload(kPairs), payload("\x0d"s + rdb_string(ziplist_of(kTexts))),
          payload("\x09"s + rdb_string(zipmap_of(kTexts)))};
}

TEST(BuildHash, EveryEncodingOfRedisIsRead) {
  for (const std::string& bytes : every_encoding()) {
    Result<StoredValue> value = read(bytes);
    ASSERT_TRUE(value.ok()) << static_cast<int>(bytes[0]);
    EXPECT_EQ(value->form, ValueForm::kListpack);
    EXPECT_EQ(contents_of(std::move(*value)), kExpected);
  }
}

TEST(BuildHash, TheLimitsOfTodayDecideTheForm) {
  EncodingLimits few;
  few.hash_entries = 2;
  for (const std::string& bytes : every_encoding()) {
    Result<StoredValue> value = read(bytes, few);
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->form, ValueForm::kLarge);
    EXPECT_EQ(contents_of(std::move(*value)), kExpected);
  }
  // As with Redis: a value's length is no reason to unpack what came packed.
  EncodingLimits brief;
  brief.hash_value_bytes = 2;
  const ValueForm forms[] = {ValueForm::kListpack, ValueForm::kLarge, ValueForm::kListpack,
                             ValueForm::kLarge};
  for (size_t i = 0; i < 4; ++i) {
    Result<StoredValue> value = read(every_encoding()[i], brief);
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->form, forms[i]) << i;
    EXPECT_EQ(contents_of(std::move(*value)), kExpected);
  }
}

TEST(BuildHash, WhatIsDumpedIsReadAgain) {
  for (const int fields : {1, 128, 129, 3000}) {
    LargeHash hash(HashKey{1, 2});
    Contents expected;
    for (int i = 0; i < fields; ++i) {
      const std::string name = "f" + std::to_string(i);
      hash.set(name, std::to_string(i * i));
      expected[name] = std::to_string(i * i);
    }
    Entry* const entry = EntryMaker::make_value(
        "k", StoredValue::of_large(ValueType::kHash, hash.clone()), Entry::kNoExpiry);
    Result<StoredValue> value = read(dump_value(*entry));
    EntryMaker::free(entry);
    ASSERT_TRUE(value.ok());
    EXPECT_EQ(value->form, fields <= 128 ? ValueForm::kListpack : ValueForm::kLarge);
    EXPECT_EQ(contents_of(std::move(*value)), expected);
  }
}

TEST(BuildHash, TheSameFieldTwiceIsRefused) {
  const std::vector<std::string> twice = {"f", "v", "n", "17", "f", "w"};
  EXPECT_FALSE(read(payload("\x04\x02\x01\x66\x01\x76\x01\x66\x01\x77"s)).ok());
  EXPECT_FALSE(read(payload("\x0d"s + rdb_string(ziplist_of(twice)))).ok());
  EXPECT_FALSE(read(payload("\x09"s + rdb_string(zipmap_of(twice)))).ok());
  // In a large one, and in a compact one of many fields.
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.insert(many.end(), {std::to_string(i), "v"});
  EXPECT_TRUE(read(payload("\x0d"s + rdb_string(ziplist_of(many)))).ok());
  EncodingLimits few;
  few.hash_entries = 2;
  EXPECT_TRUE(read(payload("\x0d"s + rdb_string(ziplist_of(many))), few).ok());
  many[198] = "0";
  EXPECT_FALSE(read(payload("\x0d"s + rdb_string(ziplist_of(many)))).ok());
  EXPECT_FALSE(read(payload("\x0d"s + rdb_string(ziplist_of(many))), few).ok());
}

TEST(BuildHash, NoFieldsAndHalfPairsAreRefused) {
  const std::vector<std::string> odd = {"f", "v", "n"};
  EXPECT_FALSE(read(payload("\x0d"s + rdb_string(ziplist_of(odd)))).ok());
  EXPECT_FALSE(read(payload("\x0d"s + rdb_string(ziplist_of({})))).ok());
  EXPECT_FALSE(read(payload("\x09"s + rdb_string(zipmap_of({})))).ok());
  EXPECT_FALSE(read(payload("\x10"s + rdb_string(Listpack::empty_bytes()))).ok());
  EXPECT_FALSE(read(payload("\x04\x00"s)).ok());
}

// --- fields that expire ---

std::string le64(uint64_t number) {
  return std::string(reinterpret_cast<const char*>(&number), sizeof number);
}

std::string listpack_of(const std::vector<std::string>& texts) {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for (const std::string& text : texts) ListpackEdit::append(store, PackedElement(text));
  return bytes;
}

using Expiries = std::map<std::string, int64_t>;

Expiries expiries_of(const Entry& entry) {
  Expiries all;
  HashView(entry).for_each_with_expiry(
      [&](const HashView::Text& name, const HashView::Text&, int64_t expiry_ms) {
        EXPECT_TRUE(all.try_emplace(name.str(), expiry_ms).second);
      });
  return all;
}

// What a payload holds, and what it is when it is dumped again.
struct Restored {
  ValueForm form{};
  Expiries expiries;
  std::string packed;
  std::string dumped;
};

Restored restore(const std::string& bytes, const EncodingLimits& limits = {}) {
  Result<StoredValue> value = read(bytes, limits);
  EXPECT_TRUE(value.ok());
  if (!value.ok()) return {};
  const ValueForm form = value->form;
  Entry* const entry = EntryMaker::make_value("k", std::move(*value), Entry::kNoExpiry);
  if (entry->is_large()) entry->large().check_invariants();
  Restored restored{.form = form,
                    .expiries = expiries_of(*entry),
                    .packed = entry->is_large() ? "" : std::string(entry->packed()),
                    .dumped = dump_value(*entry)};
  EntryMaker::free(entry);
  return restored;
}

const std::vector<std::string> kTriples = {"g", "w", "5000", "h", "17", "5003", "f", "v", "0"};
const Expiries kExpiries = {{"f", 0}, {"g", 5000}, {"h", 5003}};

// f stays, g expires at 5000, h at 5003.
std::vector<std::string> every_expiring_encoding() {
  const std::string triples = rdb_string(listpack_of(kTriples));
  // A length of 14 bits: 5000 and 5003.
  return {
      payload("\x16\x03\x00\x01\x66\x01\x76\x53\x88\x01\x67\x01\x77\x53\x8b\x01\x68\xc0\x11"s, 12),
      payload("\x17"s + triples, 12),
      payload("\x18"s + le64(5000) +
                  "\x03\x00\x01\x66\x01\x76\x01\x01\x67\x01\x77\x04\x01\x68\xc0\x11"s,
              12),
      payload("\x19"s + le64(5000) + triples, 12)};
}

TEST(BuildHash, EveryEncodingWithExpiriesIsRead) {
  for (const std::string& bytes : every_expiring_encoding()) {
    EncodingLimits few;
    few.hash_entries = 2;
    EncodingLimits brief;
    brief.hash_value_bytes = 1;
    for (const EncodingLimits& limits : {EncodingLimits{}, few, brief}) {
      const Restored restored = restore(bytes, limits);
      // As with Redis: a value's length is no reason to unpack what came packed.
      const bool is_large = limits.hash_entries == 2 ||
                            (limits.hash_value_bytes == 1 && bytes[0] != 23 && bytes[0] != 25);
      EXPECT_EQ(restored.form, is_large ? ValueForm::kLarge : ValueForm::kTriples);
      EXPECT_EQ(restored.expiries, kExpiries);
      // Written as Redis 7.4 does, and with its version.
      EXPECT_EQ(restored.dumped[0], is_large ? 24 : 25);
      EXPECT_EQ(restored.dumped.substr(restored.dumped.size() - kFooterBytes, 2), "\x0c\0"s);
      if (!is_large) {
        EXPECT_EQ(restored.packed, listpack_of(kTriples));
        EXPECT_EQ(restored.dumped, every_expiring_encoding().back());
      }
      EXPECT_EQ(restore(restored.dumped).expiries, kExpiries);
      Result<StoredValue> second = read(restored.dumped);
      ASSERT_TRUE(second.ok());
      EXPECT_EQ(contents_of(std::move(*second)), (Contents{{"f", "v"}, {"g", "w"}, {"h", "17"}}));
    }
  }
}

// Nobody writes such a listpack; it is put in order.
TEST(BuildHash, TriplesInAnyOrderAreRead) {
  const Restored restored = restore(
      payload("\x19"s + le64(5000) +
                  rdb_string(listpack_of({"f", "v", "0", "h", "17", "5003", "g", "w", "5000"})),
              12));
  EXPECT_EQ(restored.form, ValueForm::kTriples);
  EXPECT_EQ(restored.packed, listpack_of(kTriples));
}

TEST(BuildHash, ManyFieldsThatExpireAreLarge) {
  std::vector<std::string> triples;
  Expiries expected;
  for (int i = 0; i < 129; ++i) {
    triples.insert(triples.end(), {std::to_string(i), "v", std::to_string(1000 + i)});
    expected[std::to_string(i)] = 1000 + i;
    const Restored restored =
        restore(payload("\x19"s + le64(1000) + rdb_string(listpack_of(triples)), 12));
    EXPECT_EQ(restored.form, i < 128 ? ValueForm::kTriples : ValueForm::kLarge);
    EXPECT_EQ(restored.expiries, expected);
    EXPECT_EQ(restore(restored.dumped).expiries, expected);
  }
}

TEST(BuildHash, WithoutAnyExpiryItIsAHashLikeOthers) {
  const Restored restored = restore(
      payload("\x19"s + le64(0) + rdb_string(listpack_of({"f", "v", "0", "17", "w", "0"})), 12));
  EXPECT_EQ(restored.form, ValueForm::kListpack);
  EXPECT_EQ(restored.packed, listpack_of({"f", "v", "17", "w"}));
  EXPECT_EQ(restored.dumped[0], 16);
  EXPECT_EQ(restored.dumped.substr(restored.dumped.size() - kFooterBytes, 2), "\x0a\0"s);
}

TEST(BuildHash, ExpiriesThatCannotBeAreRefused) {
  const auto triples = [](const std::vector<std::string>& texts) {
    return read(payload("\x19"s + le64(1) + rdb_string(listpack_of(texts)), 12)).ok();
  };
  EXPECT_TRUE(triples({"f", "v", "281474976710655"}));
  EXPECT_FALSE(triples({"f", "v", "281474976710656"}));
  EXPECT_FALSE(triples({"f", "v", "-1"}));
  EXPECT_FALSE(triples({"f", "v", "soon"}));
  EXPECT_FALSE(triples({"f", "v"}));
  EXPECT_FALSE(triples({"f", "v", "1", "f", "w", "2"}));
  EXPECT_FALSE(triples({"f", "v", "2", "f", "w", "1"}));
  EXPECT_FALSE(triples({"g", "v", "1", "f", "w", "0", "f", "w", "0"}));
  std::vector<std::string> many;
  for (int i = 0; i < 100; ++i) many.insert(many.end(), {std::to_string(i), "v", "1"});
  EXPECT_TRUE(triples(many));
  many[297] = "0";
  EXPECT_FALSE(triples(many));
  EXPECT_FALSE(triples({}));
  const std::string field = "\x01\x02\x01\x66\x01\x76"s;
  EXPECT_TRUE(read(payload("\x18"s + le64((uint64_t{1} << 48) - 1) + field, 12)).ok());
  EXPECT_FALSE(read(payload("\x18"s + le64(uint64_t{1} << 48) + field, 12)).ok());
  EXPECT_FALSE(read(payload("\x18"s + le64(UINT64_MAX) + field, 12)).ok());
}

// Whatever a byte becomes: refused, or a hash that holds together.
TEST(BuildHash, EveryDamagedByteIsFoundOrHarmless) {
  std::vector<std::string> all = every_encoding();
  for (const std::string& bytes : every_expiring_encoding()) all.push_back(bytes);
  for (const std::string& good : all) {
    const std::string body = good.substr(0, good.size() - kFooterBytes);
    size_t refused = 0;
    for (size_t at = 1; at < body.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bytes = body;
        bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
        Result<StoredValue> value = read(payload(bytes));
        if (!value.ok()) {
          ++refused;
        } else {
          EXPECT_FALSE(contents_of(std::move(*value)).empty());
        }
      }
      EXPECT_FALSE(read(payload(body.substr(0, at))).ok()) << at;
    }
    EXPECT_GT(refused, body.size());
  }
}

}  // namespace
}  // namespace redan
