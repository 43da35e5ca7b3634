#include "common/base/crc64.h"

#include <gtest/gtest.h>

#include <string>

#include "common/base/rng.h"

namespace redan {
namespace {

TEST(Crc64, MatchesThePublishedCheckValue) {
  EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9ca);
}

// Long runs go through carry-less multiplication, single bytes through the table.
TEST(Crc64, LongRunsEqualSingleBytesAtEveryLengthAndAlignment) {
  Rng rng(7);
  std::string text(1200, '\0');
  for (char& c : text) c = static_cast<char>(rng.next());
  for (size_t size = 0; size < 600; ++size) {
    const size_t from = size % 17;
    uint64_t by_bytes = size * 7919;
    const uint64_t at_once = crc64(by_bytes, std::string_view(text).substr(from, size));
    for (size_t i = 0; i < size; ++i) {
      by_bytes = crc64(by_bytes, std::string_view(text).substr(from + i, 1));
    }
    ASSERT_EQ(at_once, by_bytes) << size;
  }
}

TEST(Crc64, ContinuesWhereItStopped) {
  Rng rng(8);
  std::string text(100'000, '\0');
  for (char& c : text) c = static_cast<char>(rng.next());
  const std::string_view all = text;
  const uint64_t whole = crc64(0, all);
  for (int i = 0; i < 200; ++i) {
    const size_t cut = rng.below(all.size() + 1);
    ASSERT_EQ(crc64(crc64(0, all.substr(0, cut)), all.substr(cut)), whole) << cut;
  }
}

}  // namespace
}  // namespace redan
