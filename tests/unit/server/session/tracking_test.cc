// Client-side caching, told by what each client is sent.
#include "server/session/tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "tests/unit/server/session/fake_connection.h"

namespace redan {
namespace {

struct Person {
  explicit Person(uint64_t id, Resp resp) {
    session.id = id;
    session.resp = resp;
    session.connection = &wire;
  }
  // What came since the last question, as words.
  std::string heard() {
    std::string text = std::exchange(wire.sent, {});
    for (size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;)
      text.replace(at, 2, " ");
    return text;
  }
  Session session;
  FakeConnection wire;
};

class TrackingTest : public testing::Test {
 protected:
  Person& client(Resp resp = Resp::k3) { return people_.emplace_back(people_.size() + 1, resp); }
  Person& tracking_client(TrackingMode mode = {}, std::vector<std::string_view> prefixes = {},
                          Person* redirect = nullptr) {
    Person& made = client();
    turn_on(made, mode, prefixes, redirect);
    return made;
  }
  void turn_on(Person& person, TrackingMode mode = {}, std::vector<std::string_view> prefixes = {},
               Person* redirect = nullptr) {
    Session* const target = redirect == nullptr ? nullptr : &redirect->session;
    const Result<void> on = tracking.turn_on(person.session, {mode, target, prefixes});
    ASSERT_TRUE(on.ok()) << on.error().text();
  }
  std::string refusal(Person& person, TrackingMode mode, std::vector<std::string_view> prefixes) {
    const Result<void> on = tracking.turn_on(person.session, {mode, nullptr, prefixes});
    return on.ok() ? "" : on.error().message();
  }
  void read(Person& person, std::string_view key) {
    if (Tracking::wants_reads(person.session)) tracking.read(person.session, key);
  }
  static std::string about(std::string_view key) {
    return ">2 $10 invalidate *1 $" + std::to_string(key.size()) + " " + std::string(key) + " ";
  }

  PubSub pubsub;
  Tracking tracking{pubsub, 1};

 private:
  std::deque<Person> people_;
};

constexpr TrackingMode kBroadcast{.broadcast = true};
constexpr std::string_view kGone = ">2 $10 invalidate _ ";

TEST_F(TrackingTest, WhoReadAKeyHearsOfItsNextChangeOnce) {
  Person& ann = tracking_client();
  Person& bob = tracking_client();
  read(ann, "k");
  read(ann, "k");
  tracking.changed("other");
  tracking.changed("k");
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), about("k"));
  EXPECT_EQ(bob.heard(), "");
  read(ann, "k");
  read(bob, "k");
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), about("k"));
  EXPECT_EQ(bob.heard(), about("k"));
}

TEST_F(TrackingTest, WhatOnesOwnCommandChangedComesBehindItsReply) {
  Person& ann = tracking_client();
  read(ann, "k");
  pubsub.hold(ann.session);
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), "");
  ByteBuffer replies;
  replies.append("+OK\r\n");
  pubsub.release(replies);
  EXPECT_EQ(replies.view(), "+OK\r\n>2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n");
}

TEST_F(TrackingTest, WithNoloopNobodyHearsOfItsOwnChanges) {
  Person& ann = tracking_client({.no_loop = true});
  Person& bob = tracking_client();
  read(ann, "k");
  read(bob, "k");
  pubsub.hold(ann.session);
  tracking.changed("k");
  ByteBuffer replies;
  pubsub.release(replies);
  EXPECT_TRUE(replies.empty());
  EXPECT_EQ(bob.heard(), about("k"));
  // It has to read it again to hear of others' changes.
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), "");
}

TEST_F(TrackingTest, ABroadcastComesOnceARoundForEachPrefix) {
  Person& ann = tracking_client(kBroadcast, {"user:", "item:"});
  Person& all = tracking_client(kBroadcast);
  tracking.changed("user:2");
  tracking.changed("item:1");
  tracking.changed("user:1");
  tracking.changed("user:2");
  tracking.changed("userless");
  EXPECT_EQ(ann.heard(), "");
  tracking.broadcast();
  EXPECT_EQ(ann.heard(), about("item:1") + ">2 $10 invalidate *2 $6 user:1 $6 user:2 ");
  EXPECT_EQ(all.heard(), ">2 $10 invalidate *4 $6 item:1 $6 user:1 $6 user:2 $8 userless ");
  tracking.broadcast();
  EXPECT_EQ(ann.heard(), "");
}

TEST_F(TrackingTest, ABroadcastWithNoloopLeavesOutWhatOneDidFirst) {
  Person& ann = tracking_client({.broadcast = true, .no_loop = true});
  Person& bob = tracking_client(kBroadcast);
  ByteBuffer replies;
  pubsub.hold(ann.session);
  tracking.changed("mine");
  tracking.changed("expired");
  tracking.nobody_changed("expired");
  pubsub.release(replies);
  tracking.changed("theirs");
  tracking.changed("mine");
  tracking.broadcast();
  EXPECT_EQ(ann.heard(), ">2 $10 invalidate *2 $7 expired $6 theirs ");
  EXPECT_EQ(bob.heard(), ">2 $10 invalidate *3 $7 expired $4 mine $6 theirs ");
  pubsub.hold(ann.session);
  tracking.changed("mine");
  pubsub.release(replies);
  tracking.broadcast();
  EXPECT_EQ(ann.heard(), "");
}

TEST_F(TrackingTest, PrefixesOfOneClientMustNotOverlap) {
  Person& ann = client();
  EXPECT_EQ(refusal(ann, kBroadcast, {"ab", "x", "a"}),
            "Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client "
            "must not overlap.");
  EXPECT_EQ(ann.session.tracker, nullptr);
  turn_on(ann, kBroadcast, {"user:"});
  EXPECT_EQ(refusal(ann, kBroadcast, {"new", "us"}),
            "Prefix 'us' overlaps with an existing prefix 'user:'. Prefixes for a single client "
            "must not overlap.");
  turn_on(ann, kBroadcast, {"item:"});
  EXPECT_EQ(tracking.prefixes(), 2u);
  // Those of two clients may, and count once.
  tracking_client(kBroadcast, {"user:", "it"});
  EXPECT_EQ(tracking.prefixes(), 3u);
}

TEST_F(TrackingTest, APrefixGoesWithItsLastClient) {
  Person& ann = tracking_client(kBroadcast, {"a", "b"});
  Person& bob = tracking_client(kBroadcast, {"b"});
  tracking.turn_off(ann.session);
  EXPECT_EQ(tracking.prefixes(), 1u);
  tracking.changed("b1");
  tracking.forget(bob.session);
  EXPECT_EQ(tracking.prefixes(), 0u);
  tracking.broadcast();
  EXPECT_EQ(bob.heard(), "");
  EXPECT_EQ(tracking.clients(), 0u);
  EXPECT_TRUE(tracking.idle());
}

TEST_F(TrackingTest, OptingInAndOutTakesAWordBeforeEachCommand) {
  Person& in = tracking_client({.opt_in = true});
  Person& out = tracking_client({.opt_out = true});
  EXPECT_FALSE(Tracking::wants_reads(in.session));
  EXPECT_TRUE(Tracking::wants_reads(out.session));
  EXPECT_TRUE(tracking.set_caching(in.session, true).ok());
  EXPECT_TRUE(tracking.set_caching(out.session, false).ok());
  EXPECT_TRUE(Tracking::wants_reads(in.session));
  EXPECT_FALSE(Tracking::wants_reads(out.session));
  Tracking::forget_caching(in.session);
  EXPECT_FALSE(Tracking::wants_reads(in.session));
  EXPECT_FALSE(tracking.set_caching(in.session, false).ok());
  EXPECT_FALSE(tracking.set_caching(out.session, true).ok());
  EXPECT_FALSE(tracking.set_caching(client().session, true).ok());
}

TEST_F(TrackingTest, AfterAFlushEverybodyHearsThatAllIsGone) {
  Person& ann = tracking_client();
  Person& bob = tracking_client(kBroadcast, {"x"});
  Person& cid = client();
  read(ann, "k");
  tracking.flushed();
  EXPECT_EQ(ann.heard(), kGone);
  EXPECT_EQ(bob.heard(), kGone);
  EXPECT_EQ(cid.heard(), "");
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), "");
}

TEST_F(TrackingTest, AnotherClientMayHearInItsOwnProtocol) {
  Person& three = client();
  Person& two = client(Resp::k2);
  Person& ann = tracking_client({}, {}, &three);
  Person& bob = tracking_client({}, {}, &two);
  EXPECT_TRUE(three.session.in_tracking);
  read(ann, "k"), read(bob, "k");
  tracking.changed("k");
  EXPECT_EQ(three.heard(), about("k"));
  // RESP2 has messages only for those who subscribed.
  EXPECT_EQ(two.heard(), "");
  ByteBuffer replies;
  ReplyWriter reply(replies, Resp::k2);
  pubsub.subscribe(two.session, "__redis__:invalidate", reply);
  read(bob, "k");
  tracking.changed("k");
  EXPECT_EQ(two.heard(), "*3 $7 message $20 __redis__:invalidate *1 $1 k ");
  tracking.flushed();
  EXPECT_EQ(two.heard(), "*3 $7 message $20 __redis__:invalidate $-1 ");
  EXPECT_EQ(three.heard(), kGone);
  EXPECT_EQ(ann.heard() + bob.heard(), "");
  pubsub.forget(two.session);
}

TEST_F(TrackingTest, WhenTheOtherClientHasGoneOneHearsOfThat) {
  Person& other = client();
  Person& ann = tracking_client({}, {}, &other);
  read(ann, "k"), read(ann, "l");
  tracking.forget(other.session);
  EXPECT_FALSE(ann.session.tracker->broken);  // Nobody has noticed.
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), ">2 $21 tracking-redir-broken :1 ");
  EXPECT_TRUE(ann.session.tracker->broken);
  EXPECT_EQ(ann.session.tracker->redirect, 1u);
  ann.session.resp = Resp::k2;
  tracking.changed("l");
  EXPECT_EQ(ann.heard(), "");
  ann.session.resp = Resp::k3;
  turn_on(ann);
  EXPECT_FALSE(ann.session.tracker->broken);
  read(ann, "k");
  tracking.changed("k");
  EXPECT_EQ(ann.heard(), about("k"));
}

TEST_F(TrackingTest, ASessionIsInTrackingAsLongAsItHasAPartInIt) {
  Person& other = client();
  Person& ann = tracking_client({}, {}, &other);
  Person& bob = tracking_client({}, {}, &other);
  tracking.turn_off(ann.session);
  EXPECT_FALSE(ann.session.in_tracking);
  EXPECT_TRUE(other.session.in_tracking);
  turn_on(bob);
  EXPECT_FALSE(other.session.in_tracking);
  EXPECT_TRUE(bob.session.in_tracking);
  // One may tell oneself.
  turn_on(bob, {}, {}, &bob);
  tracking.forget(bob.session);
  EXPECT_EQ(tracking.clients(), 0u);
}

TEST_F(TrackingTest, WhatWasReadBeforeCountsWhenTrackingIsTurnedOnAgain) {
  Person& ann = tracking_client();
  read(ann, "a"), read(ann, "b"), read(ann, "c");
  tracking.turn_off(ann.session);
  tracking.changed("a");
  EXPECT_EQ(ann.heard(), "");
  turn_on(ann);
  tracking.changed("b");
  EXPECT_EQ(ann.heard(), about("b"));
  tracking.turn_off(ann.session);
  turn_on(ann, kBroadcast, {"x"});
  tracking.changed("c");
  EXPECT_EQ(ann.heard(), "");
}

TEST_F(TrackingTest, BeyondItsLimitTheTableForgetsAndSaysSo) {
  Person& ann = tracking_client();
  for (int i = 0; i < 100; ++i) {
    read(ann, std::to_string(i));
    tracking.limit(10, 5);
    ASSERT_LE(tracking.table().keys(), 10u);
  }
  const std::string heard = ann.heard();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), '>'), 90);
  // What is far too much goes in pieces.
  tracking.limit(1, 3);
  EXPECT_EQ(tracking.table().keys(), 7u);
  tracking.limit(0, 100);
  EXPECT_EQ(tracking.table().keys(), 7u);
}

TEST_F(TrackingTest, WhatNobodyNeedsIsForgottenAfterAWhile) {
  Person& ann = tracking_client();
  read(ann, "k");
  for (int i = 0; i < 1000; ++i) tracking.tick();
  EXPECT_EQ(tracking.table().keys(), 1u);
  tracking.forget(ann.session);
  for (int i = 0; i < 50; ++i) tracking.tick();
  EXPECT_FALSE(tracking.idle());
  for (int i = 0; i < 50; ++i) tracking.tick();
  EXPECT_TRUE(tracking.idle());
}

}  // namespace
}  // namespace redan
