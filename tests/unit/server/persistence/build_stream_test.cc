// Streams from RDB in each of their forms, and back; and payloads that lie.
#include <gtest/gtest.h>

#include "server/data/stream_cursor.h"
#include "server/values/stream_value.h"
#include "tests/unit/server/persistence/value_fixture.h"

namespace redan {
namespace {

using namespace std::string_literals;

// Everything that a stream holds, as text.
std::string described(const LargeStream& stream) {
  const StreamState& state = stream.state();
  const auto id = [](StreamId of) { return StreamIdText(of).str(); };
  std::string text = std::to_string(state.length) + " last " + id(state.last_id) + " first " +
                     id(state.first_id) + " deleted " + id(state.max_deleted_id) + " added " +
                     std::to_string(state.entries_added) + "\n";
  StreamCursor cursor(stream, {}, StreamId::max());
  while (cursor.next()) {
    text += id(cursor.id());
    cursor.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
      text += " " + field.str() + "=" + value.str();
    });
    text += "\n";
  }
  if (stream.groups() == nullptr) return text;
  for (const auto& group : stream.groups()->all()) {
    text += group->name() + " at " + id(group->last_id()) + " read " +
            std::to_string(group->entries_read()) + "\n";
    group->pending().for_each([&](const PendingEntry& entry) {
      text += "  " + id(entry.id) + " " + entry.consumer->name() + " " +
              std::to_string(entry.delivered_ms) + " " + std::to_string(entry.deliveries) + "\n";
    });
    for (const auto& consumer : group->consumers()) {
      text += "  " + consumer->name() + " seen " + std::to_string(consumer->seen_ms()) +
              " active " + std::to_string(consumer->active_ms()) + "\n";
    }
  }
  return text;
}

struct Restored {
  std::string error;
  std::string text;
  std::string dump;
};

// Uses the value in every way that could trip over it, and tells what it is.
Restored restored(std::string_view bytes) {
  Result<StoredValue> value = read_dump_payload(bytes, {});
  if (!value) return {.error = value.error().text(), .text = {}, .dump = {}};
  Keyspace keyspace({.databases = 1, .seed = 1});
  keyspace.set_value(0, "k", value.take());
  const Entry& entry = *keyspace.peek(0, "k");
  entry.large().check_invariants();
  Restored found{.error = {}, .text = described(stream_of(entry)), .dump = dump_value(entry)};
  Keyspace::Ref ref = keyspace.change(0, "k");
  {
    auto stream = keyspace.large<LargeStream>(ref);
    const std::string_view words[] = {"f", "v"};
    if (const auto next = stream->state().last_id.next()) stream->append(*next, words, {});
    if (stream->groups() != nullptr) {
      for (const auto& group : stream->groups()->all()) {
        while (!group->pending().empty()) {
          stream->change_groups().acknowledge(*group, group->pending().at({}).id);
        }
      }
    }
    while (stream->length() > 1) EXPECT_TRUE(stream->erase(stream->find_first()));
  }
  keyspace.check_invariants();
  return found;
}

// DUMP of redis-server 7.0.15: entries with and without the fields of the first, one deleted; a
// group with pending entries of one of its three consumers, and one that read nothing.
const std::string kDumped = from_hex(
    "130110000000000000000100000000000000014052520000001f00030101010201816602816702000102010001"
    "00018176020c010501030100010401817702817802050100010601dfff020101856f7468657206c12c02060102"
    "010801dfff02010102010501ff0309000101010504020267310900040300000000000000010000000000000001"
    "4916cd16a201000001000000000000000700000000000000004916cd16a2010000010000000000000009000000"
    "0000000000e80300000000000040460305616c6963656816cd16a2010000030000000000000001000000000000"
    "0001000000000000000700000000000000000000000000000009000000000000000003626f625516cd16a20100"
    "00000469646c655816cd16a20100000002673207000300000a000194d2343da4047a");
const std::string kDescribed = R"(3 last 9-0 first 1-1 deleted 1-5 added 4
1-1 f=v g=12
7-0 other=300
9-0 f=1 g=2
g1 at 9-0 read 4
  1-1 alice 1795678869065 1
  7-0 alice 1795678869065 1
  9-0 alice 1000 70
  alice seen 1795678869096 active 1795678869096
  bob seen 1795678869077 active 1795678869077
  idle seen 1795678869080 active 1795678869080
g2 at 7-0 read 3
)";

TEST(BuildStream, WhatRedisDumpsIsReadAndWrittenBack) {
  const Restored stream = restored(kDumped);
  EXPECT_EQ(stream.error, "");
  EXPECT_EQ(stream.text, kDescribed);
  EXPECT_EQ(restored(stream.dump).text, kDescribed);
}

// The listpack of kDumped's node.
std::string node() {
  LargeStream stream;
  const std::string_view first[] = {"f", "v", "g", "12"};
  const std::string_view second[] = {"other", "300"};
  stream.append({1, 1}, first, {});
  stream.append({7, 0}, second, {});
  return std::string(stream.nodes().at({}).view());
}

// Pieces of a stream's form, put together by hand.
struct Form {
  ByteBuffer out;
  explicit Form(char type) { out.append(type); }
  Form& lengths(std::initializer_list<uint64_t> values) {
    for (const uint64_t value : values) append_rdb_length(out, value);
    return *this;
  }
  Form& text(std::string_view bytes) {
    append_rdb_string(out, bytes, false);
    return *this;
  }
  Form& id(StreamId id) {
    char bytes[StreamId::kBytes];
    id.store(bytes);
    out.append({bytes, sizeof bytes});
    return *this;
  }
  Form& time(int64_t ms) {
    append_le64(out, static_cast<uint64_t>(ms));
    return *this;
  }
  Form& node_at(StreamId id, std::string_view bytes) {
    char key[StreamId::kBytes];
    id.store(key);
    return text({key, sizeof key}).text(bytes);
  }
  std::string done() { return payload(out.view()); }
};

TEST(BuildStream, TheFirstVersionCountsForItself) {
  Form form(15);
  form.lengths({1}).node_at({1, 1}, node()).lengths({2, 7, 0});
  form.lengths({2});
  form.text("behind").lengths({7, 0, 0, 0});
  form.text("before").lengths({0, 0, 1}).id({1, 1}).time(1000).lengths({3});
  form.lengths({1}).text("c").time(2000).lengths({1}).id({1, 1});
  const Restored stream = restored(form.done());
  EXPECT_EQ(stream.error, "");
  EXPECT_EQ(stream.text,
            "2 last 7-0 first 1-1 deleted 0-0 added 2\n1-1 f=v g=12\n7-0 other=300\n"
            "before at 0-0 read 0\n  1-1 c 1000 3\n  c seen 2000 active 2000\n"
            "behind at 7-0 read 2\n");
}

TEST(BuildStream, TheThirdVersionKnowsWhenAConsumerWasActive) {
  Form form(21);
  form.lengths({1}).node_at({1, 1}, node()).lengths({2, 8, 0, 1, 1, 3, 3, 9});
  form.lengths({1}).text("g").lengths({7, 0, 5, 0}).lengths({2});
  form.text("a").time(2000).time(1500).lengths({0});
  form.text("b").time(2000).time(-1).lengths({0});
  const Restored stream = restored(form.done());
  EXPECT_EQ(stream.error, "");
  EXPECT_EQ(stream.text,
            "2 last 8-0 first 1-1 deleted 3-3 added 9\n1-1 f=v g=12\n7-0 other=300\n"
            "g at 7-0 read 5\n  a seen 2000 active 1500\n  b seen 2000 active -1\n");
}

// DUMP of redis-server 7.0.15 after XGROUP CREATE s g 0 MKSTREAM ENTRIESREAD 9223372036854775807,
// XADD s 1-1 f v, and XREADGROUP GROUP g c NOACK STREAMS s >: it counts on to the smallest number.
TEST(BuildStream, AGroupThatReadTooMuchForRedisToCountIsReadAgain) {
  const Restored stream = restored(from_hex(
      "130110000000000000000100000000000000011d1d0000000a0001010001010181660200010201000100018176"
      "020401ff010101010100000101016701018180000000000000000001016374755c17a2010000000a005d5be95c"
      "db158a95"));
  EXPECT_EQ(stream.error, "");
  EXPECT_EQ(stream.text,
            "1 last 1-1 first 1-1 deleted 0-0 added 1\n1-1 f=v\ng at 1-1 read -1\n"
            "  c seen 1795688265076 active 1795688265076\n");
  EXPECT_EQ(restored(stream.dump).text, stream.text);
}

TEST(BuildStream, AnEmptyStreamIsOne) {
  const Restored stream = restored(Form(19).lengths({0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).done());
  EXPECT_EQ(stream.error, "");
  EXPECT_EQ(stream.text, "0 last 0-0 first 0-0 deleted 0-0 added 0\n");
}

TEST(BuildStream, WhatContradictsItselfIsRefused) {
  const auto begun = [](StreamId id, std::string_view bytes, uint64_t length, StreamId last) {
    Form form(19);
    form.lengths({1}).node_at(id, bytes).lengths({length, last.ms, last.seq, 1, 1, 0, 0, 2});
    return form;
  };
  const auto group = [&] {
    Form form = begun({1, 1}, node(), 2, {7, 0});
    form.lengths({1}).text("g").lengths({7, 0, 5});
    return form;
  };
  const std::string bad = "ERR Bad data format";
  EXPECT_EQ(restored(begun({1, 1}, node(), 2, {7, 0}).lengths({0}).done()).error, "");
  EXPECT_EQ(restored(begun({1, 1}, node(), 3, {7, 0}).lengths({0}).done()).error, bad);
  EXPECT_EQ(restored(begun({1, 1}, node(), 2, {6, 9}).lengths({0}).done()).error, bad);
  EXPECT_EQ(restored(begun({0, 0}, node(), 2, {7, 0}).lengths({0}).done()).error, bad);
  EXPECT_EQ(restored(begun({1, 1}, Listpack::empty_bytes(), 0, {7, 0}).lengths({0}).done()).error,
            bad);
  Form twice(19);
  twice.lengths({2}).node_at({1, 1}, node()).node_at({1, 1}, node());
  twice.lengths({4, 7, 0, 1, 1, 0, 0, 2, 0});
  EXPECT_EQ(restored(twice.done()).error, bad);
  Form short_id(19);
  short_id.lengths({1}).text("short").text(node()).lengths({2, 7, 0, 1, 1, 0, 0, 2, 0});
  EXPECT_EQ(restored(short_id.done()).error, bad);

  EXPECT_EQ(restored(group().lengths({0, 0}).done()).error, "");
  Form two_groups = begun({1, 1}, node(), 2, {7, 0});
  two_groups.lengths({2}).text("g").lengths({7, 0, 5, 0, 0}).text("g").lengths({7, 0, 5, 0, 0});
  EXPECT_EQ(restored(two_groups.done()).error, bad);
  // An entry that nobody has, one that is there twice, that two have, that is the consumer's only.
  EXPECT_EQ(restored(group().lengths({1}).id({1, 1}).time(1).lengths({1, 0}).done()).error, bad);
  EXPECT_EQ(restored(group()
                         .lengths({2})
                         .id({1, 1})
                         .time(1)
                         .lengths({1})
                         .id({1, 1})
                         .time(1)
                         .lengths({1, 1})
                         .text("c")
                         .time(1)
                         .lengths({1})
                         .id({1, 1})
                         .done())
                .error,
            bad);
  const auto owned_by = [&](std::initializer_list<std::string_view> consumers) {
    Form form = group();
    form.lengths({1}).id({1, 1}).time(1).lengths({1, consumers.size()});
    for (const std::string_view consumer : consumers) {
      form.text(consumer).time(1).lengths({1}).id({1, 1});
    }
    return restored(form.done()).error;
  };
  EXPECT_EQ(owned_by({"a"}), "");
  EXPECT_EQ(owned_by({"a", "b"}), bad);
  EXPECT_EQ(
      restored(group().lengths({0, 1}).text("c").time(1).lengths({1}).id({1, 1}).done()).error,
      bad);
  EXPECT_EQ(restored(group()
                         .lengths({0, 2})
                         .text("c")
                         .time(1)
                         .lengths({0})
                         .text("c")
                         .time(1)
                         .lengths({0})
                         .done())
                .error,
            bad);
}

// Whatever a payload says whose checksum is right: it is refused, or it can be used.
TEST(BuildStream, EveryByteMayLie) {
  const std::string body = body_of(restored(kDumped).dump);
  size_t refused = 0, taken = 0;
  for (size_t at = 0; at < body.size(); ++at) {
    for (int flip = 1; flip < 256; flip += flip < 8 ? 1 : 31) {
      std::string lie = body;
      lie[at] = static_cast<char>(lie[at] ^ flip);
      const Restored found = restored(payload(lie));
      ++(found.error.empty() ? taken : refused);
    }
  }
  EXPECT_GT(refused, body.size());
  EXPECT_GT(taken, 10U);  // Times, counts, text: nobody can know better.
  for (size_t size = 0; size < body.size(); ++size) {
    EXPECT_NE(restored(payload(body.substr(0, size))).error, "");
  }
}

}  // namespace
}  // namespace redan
