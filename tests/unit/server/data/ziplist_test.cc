#include "server/data/ziplist.h"

#include <gtest/gtest.h>

#include <vector>

#include "common/base/rng.h"

namespace redan {
namespace {

using namespace std::string_literals;

std::vector<std::string> elements_of(std::string_view bytes) {
  std::vector<std::string> all;
  Ziplist(bytes).for_each([&](const Ziplist::Element& element) { all.push_back(element.str()); });
  return all;
}

// A writer of ziplists, as Redis' description has them: elements in the bytes of their encoding.
class Writer {
 public:
  Writer& raw(const std::string& encoded, bool long_previous = false) {
    last_ = body_.size();
    if (previous_ < 254 && !long_previous) {
      body_ += static_cast<char>(previous_);
    } else {
      body_ += '\xFE';
      body_.append(reinterpret_cast<const char*>(&previous_), 4);
    }
    body_ += encoded;
    previous_ = static_cast<uint32_t>(body_.size() - last_);
    ++count_;
    return *this;
  }
  Writer& text(const std::string& text) {
    const size_t size = text.size();
    std::string head;
    if (size < 64) {
      head += static_cast<char>(size);
    } else if (size < 16384) {
      head += static_cast<char>(0x40 | size >> 8);
      head += static_cast<char>(size);
    } else {
      head += '\x80';
      for (int shift = 24; shift >= 0; shift -= 8) head += static_cast<char>(size >> shift);
    }
    return raw(head + text);
  }
  std::string bytes() const {
    const auto total = static_cast<uint32_t>(body_.size() + 11);
    const auto tail = static_cast<uint32_t>(last_ + 10);
    const auto count = static_cast<uint16_t>(count_ < 65535 ? count_ : 65535);
    std::string all;
    all.append(reinterpret_cast<const char*>(&total), 4);
    all.append(reinterpret_cast<const char*>(&tail), 4);
    all.append(reinterpret_cast<const char*>(&count), 2);
    return all + body_ + '\xFF';
  }

 private:
  std::string body_;
  size_t last_ = 0;
  uint32_t previous_ = 0;
  size_t count_ = 0;
};

// The bytes of the example in Redis' description: "2" and "5", then "Hello World" behind them.
TEST(Ziplist, ReadsTheExampleOfItsDescription) {
  const std::string small = "\x0f\0\0\0\x0c\0\0\0\x02\0\0\xf3\x02\xf6\xff"s;
  ASSERT_TRUE(Ziplist::validate(small));
  EXPECT_EQ(elements_of(small), (std::vector<std::string>{"2", "5"}));
  const std::string larger =
      "\x1c\0\0\0\x0e\0\0\0\x03\0\0\xf3\x02\xf6\x02\x0b\x48\x65\x6c\x6c\x6f\x20\x57\x6f\x72\x6c\x64\xff"s;
  ASSERT_TRUE(Ziplist::validate(larger));
  EXPECT_EQ(elements_of(larger), (std::vector<std::string>{"2", "5", "Hello World"}));
  EXPECT_EQ(Ziplist(larger).size(), 3U);
}

TEST(Ziplist, EveryEncoding) {
  const std::string bytes = Writer()
                                .text("")
                                .text(std::string(63, 'a'))
                                .text(std::string(64, 'b'))
                                .text(std::string(16383, 'c'))
                                .text(std::string(16384, 'd'))
                                .raw("\xC0\xFE\xFF"s)
                                .raw("\xF0\x00\x00\x80"s)
                                .raw("\xD0\xFF\xFF\xFF\x7F"s)
                                .raw("\xE0\x00\x00\x00\x00\x00\x00\x00\x80"s)
                                .raw("\xFE\x80"s)
                                .raw("\xF1"s)
                                .raw("\xFD"s)
                                .raw("\x02xy"s, true)
                                .bytes();
  ASSERT_TRUE(Ziplist::validate(bytes));
  const std::vector<std::string> expected = {"",
                                             std::string(63, 'a'),
                                             std::string(64, 'b'),
                                             std::string(16383, 'c'),
                                             std::string(16384, 'd'),
                                             "-2",
                                             "-8388608",
                                             "2147483647",
                                             "-9223372036854775808",
                                             "-128",
                                             "0",
                                             "12",
                                             "xy"};
  EXPECT_EQ(elements_of(bytes), expected);

  const std::string packed = Ziplist(bytes).to_listpack();
  ASSERT_TRUE(Listpack::validate(packed));
  std::vector<std::string> in_listpack;
  const Listpack pack(packed);
  for (size_t at = pack.first(); at != Listpack::kNone; at = pack.next(at)) {
    in_listpack.push_back(pack.at(at).str());
  }
  EXPECT_EQ(in_listpack, expected);
}

TEST(Ziplist, CountsWhereTheHeaderCannot) {
  Writer writer;
  for (int i = 0; i < 65'540; ++i) writer.raw("\xF2"s);
  const std::string bytes = writer.bytes();
  ASSERT_TRUE(Ziplist::validate(bytes));
  EXPECT_EQ(Ziplist(bytes).size(), 65'540U);
}

TEST(Ziplist, EmptyIsFine) {
  const std::string bytes = Writer().bytes();
  EXPECT_TRUE(Ziplist::validate(bytes));
  EXPECT_EQ(Ziplist(bytes).size(), 0U);
  EXPECT_TRUE(elements_of(bytes).empty());
}

// Each of the frame's numbers, each element's way back, and every cut: refused.
TEST(Ziplist, WhatIsNotAsItShouldBeIsRefused) {
  const std::string good =
      Writer().text("ab").raw("\xC0\x00\x40"s).text(std::string(300, 'x')).text("z").bytes();
  ASSERT_TRUE(Ziplist::validate(good));
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Ziplist::validate(good.substr(0, size))) << size;
  }
  EXPECT_FALSE(Ziplist::validate(good + "\xFF"));
  for (size_t at = 0; at < 10; ++at) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] + 1);
    EXPECT_FALSE(Ziplist::validate(bytes)) << at;
  }
  // The way back from the second, the third and the fourth element.
  for (const size_t at : {size_t{14}, size_t{18}, good.size() - 7}) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] - 1);
    EXPECT_FALSE(Ziplist::validate(bytes)) << at;
  }
  // No encoding, and a string that is longer than what is there.
  for (const char lead : {'\xFF', '\xC1', '\xD1', '\xEF', '\x3F', '\x7F', '\x80'}) {
    std::string bytes = good;
    bytes[11] = lead;
    EXPECT_FALSE(Ziplist::validate(bytes)) << static_cast<int>(lead);
  }
}

// Whatever the bytes are: refused, or every walk over them ends inside.
TEST(Ziplist, ValidationStandsBeforeEveryRead) {
  Rng rng(5);
  const std::string good = Writer()
                               .text("abc")
                               .raw("\xFE\x05"s)
                               .text(std::string(260, 'z'))
                               .raw("\xF0\x01\x02\x03"s)
                               .text("")
                               .raw("\xE0\x01\x02\x03\x04\x05\x06\x07\x08"s)
                               .bytes();
  size_t accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string bytes = good;
    for (uint64_t n = 1 + rng.below(3); n > 0; --n) {
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.next());
    }
    if (!Ziplist::validate(bytes)) continue;
    ++accepted;
    EXPECT_EQ(elements_of(bytes).size(), Ziplist(bytes).size());
    EXPECT_TRUE(Listpack::validate(Ziplist(bytes).to_listpack()));
  }
  EXPECT_GT(accepted, 1000U);  // Changes inside of text are none of its business.
}

}  // namespace
}  // namespace redan
