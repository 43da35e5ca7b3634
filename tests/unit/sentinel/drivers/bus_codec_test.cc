#include "sentinel/drivers/bus_codec.h"

#include <gtest/gtest.h>

#include "common/base/rng.h"

namespace redan {
namespace {

Address random_address(Rng& rng) {
  Address address{.port = static_cast<uint16_t>(rng.below(65536))};
  switch (rng.below(3)) {
    case 0:
      address.ip = "10." + std::to_string(rng.below(256)) + ".0." + std::to_string(rng.below(256));
      break;
    case 1:
      address.ip = "fe80::" + std::to_string(rng.below(9999));
      address.hostname = "host" + std::to_string(rng.below(100));
      break;
    default:
      address.hostname = "host" + std::to_string(rng.below(100));
  }
  return address;
}

void expect_same(const Address& a, const Address& b) {
  EXPECT_EQ(a.ip, b.ip);
  EXPECT_EQ(a.port, b.port);
  EXPECT_EQ(a.hostname, b.hostname);
}

// Through the bytes of the wire, as a peer would get it.
template <class Message>
Message over_the_wire(const Message& message) {
  Message received;
  EXPECT_TRUE(received.ParseFromString(message.SerializeAsString()));
  return received;
}

TEST(BusCodec, QuestionsComeBackAsTheyWere) {
  Rng rng(1);
  for (int i = 0; i < 2000; ++i) {
    AskPrimaryDown question{.name = "m" + std::to_string(rng.below(1000)),
                            .primary = random_address(rng),
                            .epoch = Epoch(rng.next()),
                            .handover = rng.chance(0.5)};
    if (rng.chance(0.5)) question.candidate = rng.node_id();
    wire::PrimaryDownQuestion message;
    encode(rng.node_id(), question, message);
    const auto back = decode(over_the_wire(message));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->name, question.name);
    expect_same(back->primary, question.primary);
    EXPECT_EQ(back->epoch, question.epoch);
    EXPECT_EQ(back->candidate, question.candidate);
    EXPECT_EQ(back->handover, question.handover);
  }
}

TEST(BusCodec, AnswersComeBackAsTheyWere) {
  Rng rng(2);
  for (int i = 0; i < 2000; ++i) {
    PrimaryDownReply reply{.down = rng.chance(0.5)};
    if (rng.chance(0.8)) reply.leader_epoch = Epoch(rng.chance(0.2) ? 0 : rng.next());
    if (rng.chance(0.5)) reply.leader = rng.node_id();
    wire::PrimaryDownAnswer message;
    encode(reply, message);
    const auto back = decode(over_the_wire(message));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->down, reply.down);
    EXPECT_EQ(back->leader, reply.leader);
    EXPECT_EQ(back->leader_epoch, reply.leader_epoch);
  }
}

TEST(BusCodec, HellosComeBackAsTheyWere) {
  Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const Hello hello{.sentinel = random_address(rng),
                      .id = rng.node_id(),
                      .current_epoch = Epoch(rng.next()),
                      .name = "m" + std::to_string(i),
                      .primary = random_address(rng),
                      .config_epoch = Epoch(rng.next())};
    wire::Hello message;
    encode(hello, message);
    const auto back = decode(over_the_wire(message));
    ASSERT_TRUE(back);
    expect_same(back->sentinel, hello.sentinel);
    expect_same(back->primary, hello.primary);
    EXPECT_EQ(back->id, hello.id);
    EXPECT_EQ(back->name, hello.name);
    EXPECT_EQ(back->current_epoch, hello.current_epoch);
    EXPECT_EQ(back->config_epoch, hello.config_epoch);
  }
}

// A field that encode() forgets would come back empty from every peer.
void expect_every_field_set(const google::protobuf::Message& message) {
  const google::protobuf::Descriptor* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type->field(i);
    EXPECT_TRUE(message.GetReflection()->HasField(message, field)) << field->full_name();
    if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      expect_every_field_set(message.GetReflection()->GetMessage(message, field));
    }
  }
}

TEST(BusCodec, EveryFieldOfEveryMessageIsCarried) {
  const Address address{.ip = "10.0.0.1", .port = 1, .hostname = "h"};
  wire::PrimaryDownQuestion question;
  encode(NodeId(1),
         AskPrimaryDown{.name = "m",
                        .primary = address,
                        .epoch = Epoch(1),
                        .candidate = NodeId(2),
                        .handover = true},
         question);
  expect_every_field_set(question);
  wire::PrimaryDownAnswer answer;
  encode(PrimaryDownReply{.down = true, .leader = NodeId(1), .leader_epoch = Epoch(1)}, answer);
  expect_every_field_set(answer);
  wire::Hello hello;
  encode(Hello{.sentinel = address,
               .id = NodeId(1),
               .current_epoch = Epoch(1),
               .name = "m",
               .primary = address,
               .config_epoch = Epoch(1)},
         hello);
  expect_every_field_set(hello);
}

TEST(BusCodec, TheEpochOfABallotIsToldWithoutItsChoice) {
  wire::PrimaryDownAnswer message;
  encode(PrimaryDownReply{.down = true, .leader_epoch = Epoch(7)}, message);
  const auto back = decode(over_the_wire(message));
  ASSERT_TRUE(back);
  EXPECT_FALSE(back->leader);
  EXPECT_EQ(back->leader_epoch, Epoch(7));
}

TEST(BusCodec, NonsenseIsRefusedWithTheFieldsName) {
  wire::PrimaryDownQuestion question;
  encode(NodeId(1), AskPrimaryDown{.name = "m", .primary = {.ip = "10.0.0.1", .port = 1}},
         question);
  ASSERT_TRUE(decode(question));
  auto bad = question;
  bad.set_candidate("short");
  EXPECT_EQ(decode(bad).error().message(), "bad candidate");
  bad = question;
  bad.mutable_primary()->set_port(70000);
  EXPECT_EQ(decode(bad).error().message(), "primary: bad port");
  bad = question;
  bad.mutable_primary()->set_ip("not an ip");
  EXPECT_EQ(decode(bad).error().message(), "primary: bad ip");
  bad = question;
  bad.set_name("two words\nsentinel auth-pass m x");
  EXPECT_EQ(decode(bad).error().message(), "bad name");
  bad = question;
  bad.set_name(std::string(10'000, 'x'));
  EXPECT_FALSE(decode(bad));
}

// What a corrupted or hostile peer could send: valid bytes with flips, and plain noise. Whatever
// protobuf lets through is decoded or refused, and what is decoded is well-formed.
TEST(BusCodec, NoiseNeverBreaksIt) {
  Rng rng(4);
  wire::Hello good;
  encode(Hello{.sentinel = {.ip = "10.0.0.1", .port = 26379},
               .id = NodeId(7),
               .name = "mymaster",
               .primary = {.ip = "10.0.0.2", .port = 6379}},
         good);
  const std::string valid = good.SerializeAsString();
  int decoded = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string bytes = valid;
    if (rng.chance(0.3)) {
      bytes.assign(rng.below(200), '\0');
      for (char& byte : bytes) byte = static_cast<char>(rng.below(256));
    } else {
      for (uint64_t flips = 1 + rng.below(4); flips > 0; --flips) {
        bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
      }
      if (rng.chance(0.3)) bytes.resize(rng.below(bytes.size()));
    }
    wire::Hello hello;
    if (hello.ParseFromString(bytes)) {
      if (const auto back = decode(hello)) {
        ++decoded;
        EXPECT_FALSE(back->name.empty());
        EXPECT_EQ(back->name.find_first_of(" \n\r,"), std::string::npos);
      }
    }
    wire::PrimaryDownQuestion question;
    if (question.ParseFromString(bytes)) (void)decode(question).ok();
    wire::PrimaryDownAnswer answer;
    if (answer.ParseFromString(bytes)) (void)decode(answer).ok();
  }
  EXPECT_GT(decoded, 0);  // Some flips only change a value.
}

}  // namespace
}  // namespace redan
