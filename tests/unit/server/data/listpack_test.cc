#include "server/data/listpack.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

using namespace std::string_literals;

std::vector<std::string> elements_of(std::string_view bytes) {
  const Listpack pack(bytes);
  std::vector<std::string> all;
  for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
    all.push_back(pack.at(at).str());
  }
  return all;
}

std::string packed(const std::vector<std::string>& elements) {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for (const std::string& element : elements) ListpackEdit::append(store, PackedElement(element));
  return bytes;
}

// DUMP of redis-server 7.0.15 after RPUSH k a 1 -1 300 70000 2147483648 and 70 letters, without
// what stands around the listpack.
TEST(Listpack, BytesAreThoseOfRedis) {
  const std::string text(70, 'x');
  const std::string bytes =
      packed({"a", "1", "-1", "300", "70000", "2147483648", "-9223372036854775808", text});
  const std::string expected =
      "\x81"
      "a\x02"
      "\x01\x01"
      "\xdf\xff\x02"
      "\xc1\x2c\x02"
      "\xf2\x70\x11\x01\x04"
      "\xf4\x00\x00\x00\x80\x00\x00\x00\x00\x09"
      "\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09"
      "\xe0\x46"s +
      text + "\x48\xff";
  EXPECT_EQ(bytes.substr(Listpack::kHeaderBytes), expected);
  EXPECT_TRUE(Listpack::validate(bytes));
}

TEST(Listpack, IntegersAreTextInAnotherForm) {
  for (const std::string& text :
       {"0"s, "127"s, "128"s, "-1"s, "-4096"s, "4095"s, "4096"s, "-4097"s, "32767"s, "32768"s,
        "-32769"s, "8388607"s, "8388608"s, "-8388609"s, "2147483647"s, "2147483648"s,
        "9223372036854775807"s, "-9223372036854775808"s}) {
    const std::string bytes = packed({text});
    const Listpack pack(bytes);
    EXPECT_TRUE(pack.at(pack.first()).is_integer) << text;
    EXPECT_EQ(pack.at(pack.first()).str(), text);
    EXPECT_EQ(pack.find(text, pack.first()), pack.first());
    EXPECT_EQ(pack.at(pack.first()).length(), text.size());
    EXPECT_TRUE(Listpack::validate(bytes));
  }
  for (const std::string& text :
       {"-0"s, "01"s, "+1"s, " 1"s, "9223372036854775808"s, ""s, "1.0"s}) {
    const std::string bytes = packed({text});
    EXPECT_FALSE(Listpack(bytes).at(Listpack::kHeaderBytes).is_integer) << text;
    EXPECT_EQ(elements_of(bytes), std::vector<std::string>{text});
  }
}

TEST(Listpack, LongStringsHaveEveryHead) {
  for (const size_t size : {0, 63, 64, 127, 128, 4095, 4096, 16383, 16384, 70'000, 3'000'000}) {
    const std::string text(size, 'q');
    const std::string bytes = packed({"before", text, "behind"});
    EXPECT_EQ(elements_of(bytes), (std::vector<std::string>{"before", text, "behind"}));
    const Listpack pack(bytes);
    EXPECT_EQ(pack.at(pack.previous(pack.last())).text.size(), size);
    EXPECT_TRUE(Listpack::validate(bytes));
  }
}

std::string random_element(Rng& rng) {
  if (rng.chance(0.4)) return std::to_string(static_cast<int64_t>(rng.next() >> rng.below(64)));
  if (rng.chance(0.1)) return "-" + std::to_string(rng.next() >> (1 + rng.below(63)));
  std::string text(rng.chance(0.1) ? rng.below(300) : rng.below(20), 'a');
  for (char& c : text) c = static_cast<char>('a' + rng.below(3));
  return text;
}

// Every edit beside a vector.
TEST(Listpack, FollowsAModel) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    std::vector<std::string> model;
    std::string bytes = Listpack::empty_bytes();
    StringBytes store(bytes);
    for (int step = 0; step < 300; ++step) {
      const std::string element = random_element(rng);
      const Listpack pack(bytes);
      const size_t index = model.empty() ? 0 : rng.below(model.size());
      const auto at = model.begin() + static_cast<ptrdiff_t>(index);
      switch (rng.below(6)) {
        case 0:
          ListpackEdit::prepend(store, PackedElement(element));
          model.insert(model.begin(), element);
          break;
        case 1: {
          const std::string other = random_element(rng);
          ListpackEdit::append_pair(store, PackedElement(element), PackedElement(other));
          model.push_back(element);
          model.push_back(other);
          break;
        }
        case 2:
          if (model.empty()) break;
          ListpackEdit::insert(store, pack.nth(static_cast<int64_t>(index)),
                               PackedElement(element));
          model.insert(at, element);
          break;
        case 3:
          if (model.empty()) break;
          ListpackEdit::replace(store, pack.nth(static_cast<int64_t>(index)),
                                PackedElement(element));
          *at = element;
          break;
        case 4: {
          if (model.empty()) break;
          const size_t count = 1 + rng.below(std::min<size_t>(model.size() - index, 4));
          const size_t behind =
              ListpackEdit::erase(store, pack.nth(static_cast<int64_t>(index)), count);
          model.erase(at, at + static_cast<ptrdiff_t>(count));
          EXPECT_EQ(behind == Listpack::kNone, index == model.size());
          break;
        }
        default: {
          const size_t found = pack.find(element, pack.first());
          const auto expected = std::find(model.begin(), model.end(), element);
          ASSERT_EQ(found == Listpack::kNone, expected == model.end());
          if (found != Listpack::kNone) {
            EXPECT_EQ(pack.nth(expected - model.begin()), found);
          }
        }
      }
      ASSERT_TRUE(Listpack::validate(bytes));
      ASSERT_EQ(elements_of(bytes), model);
      const Listpack now(bytes);
      ASSERT_EQ(now.size(), model.size());
      const auto size = static_cast<int64_t>(model.size());
      for (int64_t i = -size - 1; i <= size; ++i) {
        const size_t position = now.nth(i);
        ASSERT_EQ(position == Listpack::kNone, i >= size || i < -size);
        if (position == Listpack::kNone) continue;
        ASSERT_EQ(now.at(position).str(), model[static_cast<size_t>(i < 0 ? i + size : i)]);
      }
    }
  }
}

TEST(Listpack, FindsEachSecondElementOnly) {
  const std::string bytes = packed({"v", "f", "f", "x", "f", "y"});
  const Listpack pack(bytes);
  EXPECT_EQ(pack.find("f", pack.first(), 1), pack.nth(2));
  EXPECT_EQ(pack.find("x", pack.first(), 1), Listpack::kNone);
  EXPECT_EQ(pack.find("y", pack.nth(1), 1), pack.nth(5));
}

TEST(Listpack, CountsWhereTheHeaderCannot) {
  std::string bytes = Listpack::empty_bytes();
  StringBytes store(bytes);
  for (int i = 0; i < 65'540; ++i) ListpackEdit::append(store, PackedElement(int64_t{i & 63}));
  EXPECT_EQ(Listpack(bytes).size(), 65'540U);
  EXPECT_TRUE(Listpack::validate(bytes));
  EXPECT_EQ(Listpack(bytes).at(Listpack(bytes).nth(65'539)).integer, 65'539 & 63);
  ListpackEdit::erase(store, Listpack::kHeaderBytes, 10);
  EXPECT_EQ(Listpack(bytes).size(), 65'530U);
  EXPECT_EQ(bytes.substr(4, 2), "\xfa\xff");
}

// Whatever the bytes are: refused, or every walk over them ends inside.
TEST(Listpack, ValidationStandsBeforeEveryRead) {
  Rng rng(5);
  const std::string good = packed({"abc", "12", std::string(80, 'z'), "-70000", "99999999999", ""});
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Listpack::validate(good.substr(0, size)));
  }
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = good;
    for (uint64_t n = 1 + rng.below(3); n > 0; --n) {
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    }
    if (!Listpack::validate(bytes)) continue;
    size_t length = 0;
    for (const std::string& element : elements_of(bytes)) length += element.size();
    EXPECT_LE(length, bytes.size() * 20);
    const Listpack pack(bytes);
    size_t steps = 0;
    for (size_t at = pack.last(); at != Listpack::kNone; at = pack.previous(at)) ++steps;
    EXPECT_EQ(steps, pack.size());
  }
}

}  // namespace
}  // namespace redan
