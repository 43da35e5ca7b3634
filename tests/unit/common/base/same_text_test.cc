#include "common/base/same_text.h"

#include <gtest/gtest.h>

#include <string>

namespace redan {
namespace {

// Every length of the short ways and beyond, and each byte as the one that differs.
TEST(SameText, SeesEveryByte) {
  for (size_t size = 0; size <= 70; ++size) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 37 + 11);
    std::string other = text;
    EXPECT_TRUE(same_text(text, other)) << size;
    for (size_t i = 0; i < size; ++i) {
      other[i] = static_cast<char>(other[i] ^ (i % 2 == 0 ? 1 : 0x80));
      EXPECT_FALSE(same_text(text, other)) << size << " bytes, at " << i;
      other[i] = text[i];
    }
    EXPECT_FALSE(same_text(text, text + "x")) << size;
    EXPECT_FALSE(same_text(text + "x", text)) << size;
  }
}

}  // namespace
}  // namespace redan
