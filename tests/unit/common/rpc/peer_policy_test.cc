#include "common/rpc/peer_policy.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

TEST(PeerPolicy, StrangersNeedASecretOrAnOpenPort) {
  EXPECT_TRUE((PeerPolicy{.protected_mode = true}.admits(true)));
  EXPECT_FALSE((PeerPolicy{.protected_mode = true}.admits(false)));
  EXPECT_TRUE((PeerPolicy{.protected_mode = true, .has_secret = true}.admits(false)));
  EXPECT_TRUE((PeerPolicy{.protected_mode = false}.admits(false)));
}

TEST(PeerPolicy, ATokenProvesTheSecretWithoutShowingIt) {
  const std::string token = bus_token("s3cret");
  EXPECT_EQ(token.size(), 64u);
  EXPECT_EQ(token.find("s3cret"), std::string::npos);
  EXPECT_TRUE(same_token(token, bus_token("s3cret")));
  EXPECT_FALSE(same_token(token, bus_token("s3cret ")));
  EXPECT_FALSE(same_token(token, ""));
  EXPECT_TRUE(bus_token("").empty());
}

TEST(NonsenseBook, LogsAPeerOnceAndCountsAlways) {
  NonsenseBook book;
  EXPECT_TRUE(book.note("10.0.0.1"));
  EXPECT_FALSE(book.note("10.0.0.1"));
  EXPECT_TRUE(book.note("10.0.0.2"));
  EXPECT_EQ(book.count(), 3u);
}

TEST(NonsenseBook, AFloodFromManyAddressesDoesNotFillTheMemory) {
  NonsenseBook book;
  int logged = 0;
  for (int i = 0; i < 5000; ++i) logged += book.note(std::to_string(i)) ? 1 : 0;
  EXPECT_EQ(logged, 1024);
  EXPECT_EQ(book.count(), 5000u);
}

}  // namespace
}  // namespace redan
