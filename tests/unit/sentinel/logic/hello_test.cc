// The hello message itself, word for word.
#include "sentinel/logic/hello.h"

#include <gtest/gtest.h>

namespace redan {
namespace {

const std::string kId(40, 'a');
const std::string kGood = "10.0.1.1,26379," + kId + ",7,mymaster,10.0.0.1,6379,5";

TEST(Hello, EightFieldsAreReadInTheirOrder) {
  const auto hello = parse_hello(kGood);
  ASSERT_TRUE(hello);
  EXPECT_EQ(hello->sentinel, (Address{.ip = "10.0.1.1", .port = 26379}));
  EXPECT_EQ(hello->id.hex(), kId);
  EXPECT_EQ(hello->current_epoch, Epoch(7));
  EXPECT_EQ(hello->name, "mymaster");
  EXPECT_EQ(hello->primary, (Address{.ip = "10.0.0.1", .port = 6379}));
  EXPECT_EQ(hello->config_epoch, Epoch(5));
  EXPECT_EQ(format_hello(*hello), kGood);
}

TEST(Hello, NamesOfHostsAndIPv6AreReadToo) {
  const auto named = parse_hello("box-1,26379," + kId + ",7,m,db.example,6379,5");
  ASSERT_TRUE(named);
  EXPECT_EQ(named->sentinel.hostname, "box-1");
  EXPECT_FALSE(named->primary.resolved());
  const auto v6 = parse_hello("fe80::1,26379," + kId + ",7,m,::1,6379,5");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->primary.ip, "::1");
}

class BadHello : public testing::TestWithParam<std::string> {};

TEST_P(BadHello, IsRefusedWhole) {
  EXPECT_FALSE(parse_hello(GetParam())) << GetParam();
}

std::string with(const std::string& ip, const std::string& port, const std::string& id,
                 const std::string& epoch, const std::string& name, const std::string& primary,
                 const std::string& primary_port, const std::string& config) {
  return ip + "," + port + "," + id + "," + epoch + "," + name + "," + primary + "," +
         primary_port + "," + config;
}

INSTANTIATE_TEST_SUITE_P(
    , BadHello,
    testing::Values(
        "", ",,,,,,,", "10.0.1.1,26379," + kId + ",7,mymaster,10.0.0.1,6379", kGood + ",9",
        with("", "26379", kId, "7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "0", kId, "7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "65536", kId, "7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "-1", kId, "7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", kId.substr(1), "7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", std::string(40, 'g'), "7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", kId, "-7", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", kId, "7x", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", kId, "18446744073709551615", "m", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", kId, "7", "", "10.0.0.1", "6379", "5"),
        with("10.0.1.1", "26379", kId, "7", "m", "", "6379", "5"),
        with("10.0.1.1", "26379", kId, "7", "m", "10.0.0.1", "", "5"),
        with("10.0.1.1", "26379", kId, "7", "m", "10.0.0.1", "6379", ""),
        with("10.0.1.1", "26379", kId, "7", "m", "10.0.0.1", "6379", "4611686018427387905"),
        with("10.0.1.1", "26379", kId, "7", std::string(5000, 'm'), "10.0.0.1", "6379", "5")));

TEST(Hello, TheLargestEpochIsStillOne) {
  EXPECT_TRUE(parse_hello(with("10.0.1.1", "26379", kId, "4611686018427387904", "m", "10.0.0.1",
                               "6379", "4611686018427387904")));
}

}  // namespace
}  // namespace redan
