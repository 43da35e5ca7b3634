#include "clusterctl/rdb_download.h"

#include <gtest/gtest.h>

#include "common/base/rng.h"

namespace redan {
namespace {

const std::string kMark(40, 'm');

// The stream in pieces of random size; the file that comes out.
Result<std::string> received(const std::string& stream, uint64_t seed, bool& complete) {
  Rng rng(seed);
  RdbStream reader;
  std::string file;
  for (size_t at = 0; at < stream.size();) {
    const auto size = static_cast<size_t>(rng.between(1, 30));
    if (Result<void> fed = reader.feed(stream.substr(at, size), file); !fed) return fed.error();
    at += size;
  }
  complete = reader.complete();
  return file;
}

TEST(RdbStream, TakesTheFileOutOfBothForms) {
  const std::string body = "REDIS0011" + std::string(200, 'x') + "\r\n$7\r\n";
  for (uint64_t seed = 0; seed < 200; ++seed) {
    bool complete = false;
    EXPECT_EQ(*received("\n\n\r\n$" + std::to_string(body.size()) + "\r\n" + body, seed, complete),
              body);
    EXPECT_TRUE(complete);
    EXPECT_EQ(*received("\n$EOF:" + kMark + "\r\n" + body + kMark, seed, complete), body);
    EXPECT_TRUE(complete);
  }
}

TEST(RdbStream, ACutStreamIsNotComplete) {
  bool complete = true;
  EXPECT_TRUE(received("$20\r\nREDIS", 1, complete).ok());
  EXPECT_FALSE(complete);
  EXPECT_TRUE(received("$EOF:" + kMark + "\r\nREDIS" + kMark.substr(1), 1, complete).ok());
  EXPECT_FALSE(complete);
}

TEST(RdbStream, WhatFollowsALengthIsNotTheFile) {
  bool complete = false;
  EXPECT_EQ(*received("$5\r\nREDIS*1\r\n$4\r\nPING\r\n", 1, complete), "REDIS");
  EXPECT_TRUE(complete);
}

TEST(RdbStream, RefusalsAreTold) {
  bool complete = false;
  EXPECT_EQ(received("-NOAUTH Authentication required.\r\n", 1, complete).error().message(),
            "answered to SYNC: -NOAUTH Authentication required.");
  EXPECT_FALSE(received("$x\r\n", 1, complete).ok());
  EXPECT_FALSE(received(std::string(5000, 'a'), 1, complete).ok());
}

}  // namespace
}  // namespace redan
