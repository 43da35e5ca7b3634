// A writable replica: its primary ends the keys that it sent, the replica those of its own clients.
#include <gtest/gtest.h>

#include "tests/unit/server/front/dispatcher_fixture.h"

namespace redan {
namespace {

class OwnExpiryTest : public DispatcherFixture {
 protected:
  OwnExpiryTest() {
    replication.replica = true;
    keyspace.set_replica(true);
    config.replica_read_only = false;
    control.wall = wall_now();
    primary.session.kind = ClientKind::kPrimary;
  }
  // What is in the databases once everything's time has come.
  int64_t left_when_all_is_due() {
    *control.wall += Seconds(1000);
    keyspace.set_now(*control.wall);
    for (int i = 0; i < 10; ++i) dispatcher.expire_own();
    int64_t left = 0;
    for (int db = 0; db < keyspace.databases(); ++db)
      left += static_cast<int64_t>(keyspace.size(db));
    return left;
  }

  TestClient& primary = client();
  TestClient& other = client();
};

TEST_F(OwnExpiryTest, KeysOfItsOwnClientsExpire) {
  ask(other, "SET text v PX 50");
  ask(other, "SADD set a");
  ask(other, "PEXPIRE set 50");
  ask(other, "SET before v PX 50");
  ask(other, "RENAME before behind");
  ask(other, "COPY text copy DB 3");
  ask(other, "SET away v PX 50");
  ask(other, "MOVE away 5");
  ask(other, "SET stays v");
  EXPECT_EQ(left_when_all_is_due(), 1);
  EXPECT_EQ(keyspace.stats().expired, 5u);
  EXPECT_EQ(ask(other, "EXISTS stays"), ":1|");
}

TEST_F(OwnExpiryTest, KeysOfThePrimaryWaitForIt) {
  ask(primary, "SET theirs v PX 50");
  EXPECT_EQ(left_when_all_is_due(), 1);
}

TEST_F(OwnExpiryTest, WhatThePrimaryTookOverStays) {
  ask(other, "SET k v PX 50");
  ask(primary, "SET k w");
  EXPECT_EQ(left_when_all_is_due(), 1);
  EXPECT_EQ(ask(other, "GET k"), "$1|w|");
}

TEST_F(OwnExpiryTest, APromotedReplicaRemembersNothing) {
  ask(other, "SET k v PX 50");
  replication.replica = false;
  dispatcher.expire_own();
  replication.replica = true;
  EXPECT_EQ(left_when_all_is_due(), 1);
}

TEST_F(OwnExpiryTest, AllAreLookedAtInTurn) {
  for (int i = 0; i < 3000; ++i) {
    ask(other, "SET later:" + std::to_string(i) + " v EX 1000000");
  }
  ask(other, "SET sooner v PX 50");
  EXPECT_EQ(left_when_all_is_due(), 3000);
}

}  // namespace
}  // namespace redan
