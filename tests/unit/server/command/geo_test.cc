#include <gtest/gtest.h>

#include <string>

#include "tests/unit/server/command/command_fixture.h"

namespace redan {
namespace {

class GeoCommands : public CommandTest {
 protected:
  void SetUp() override {
    run("GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania");
    added_ = fed();
  }
  void TearDown() override { keyspace.check_invariants(); }
  std::string added_;
};

TEST_F(GeoCommands, ReplicasGetScores) {
  EXPECT_EQ(added_, "ZADD Sicily 3479099956230698 Palermo 3479447370796909 Catania");
  EXPECT_EQ(run("GEOADD Sicily NX 1 1 Palermo"), ":0|");
  EXPECT_EQ(fed(), "");
  EXPECT_EQ(run("GEOADD Sicily XX CH 13.4 38.1 Palermo"), ":1|");
  EXPECT_TRUE(fed().starts_with("ZADD Sicily XX CH 34790"));
}

TEST_F(GeoCommands, NothingIsAddedWhereOnePlaceIsWrong) {
  EXPECT_EQ(run("GEOADD Sicily 1 1 a 181 1 b"),
            "-ERR invalid longitude,latitude pair 181.000000,1.000000|");
  EXPECT_EQ(run("GEOADD Sicily 1 1 a 1 x b"), "-ERR value is not a valid float|");
  EXPECT_EQ(run("ZCARD Sicily"), ":2|");
}

TEST_F(GeoCommands, SearchesNearestFirst) {
  EXPECT_EQ(run("GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC WITHDIST"),
            "*2|*2|$7|Catania|$7|56.4413|*2|$7|Palermo|$8|190.4424|");
  EXPECT_EQ(run("GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 200 200 km"), "*1|$7|Catania|");
  EXPECT_EQ(run("GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 200 km COUNT 1"), "*1|$7|Palermo|");
  EXPECT_EQ(run("GEODIST Sicily Palermo Catania km"), "$8|166.2742|");
}

TEST_F(GeoCommands, ResultsAreStoredAndReplicatedAsScores) {
  EXPECT_EQ(run("GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 100 km"), ":1|");
  EXPECT_EQ(fed(), "DEL d; ZADD d 3479447370796909 Catania");
  EXPECT_EQ(run("GEORADIUS Sicily 15 37 100 km STOREDIST d"), ":1|");
  EXPECT_EQ(run("GEOSEARCHSTORE d Sicily FROMLONLAT 0 0 BYRADIUS 1 m"), ":0|");
  EXPECT_EQ(run("EXISTS d"), ":0|");
  fed();
  EXPECT_EQ(run("GEOSEARCHSTORE d none FROMLONLAT 0 0 BYRADIUS 1 m"), ":0|");
  EXPECT_EQ(fed(), "");
}

}  // namespace
}  // namespace redan
