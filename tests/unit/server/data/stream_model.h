// What the tests of streams compare with: a list of entries, and random changes made to both.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "server/data/large_stream.h"
#include "server/data/stream_cursor.h"

namespace redan {

using Words = std::vector<std::string>;
using Entries = std::map<StreamId, Words>;

inline Words words_of(const StreamCursor& cursor) {
  Words words;
  cursor.for_each_field([&](const Listpack::Element& field, const Listpack::Element& value) {
    words.push_back(field.str());
    words.push_back(value.str());
  });
  return words;
}

inline Entries range(const LargeStream& stream, StreamId low, StreamId high) {
  Entries found;
  StreamCursor cursor(stream, low, high);
  StreamId before;
  while (cursor.next()) {
    EXPECT_TRUE(found.empty() || before < cursor.id());
    before = cursor.id();
    found[cursor.id()] = words_of(cursor);
  }
  return found;
}
inline Entries contents(const LargeStream& stream) {
  return range(stream, {}, StreamId::max());
}
inline Entries reversed_range(const LargeStream& stream, StreamId low, StreamId high) {
  Entries found;
  StreamCursor cursor(stream, low, high, StreamCursor::Direction::kBackwards);
  StreamId before = StreamId::max();
  while (cursor.next()) {
    EXPECT_TRUE(found.empty() || before > cursor.id());
    before = cursor.id();
    found[cursor.id()] = words_of(cursor);
  }
  return found;
}

// Groups, as far as a snapshot tells of them.
struct ModelGroup {
  StreamId last_id;
  int64_t read = 0;
  struct Pending {
    std::string consumer;
    int64_t time;
    uint64_t count;
    friend bool operator==(const Pending&, const Pending&) = default;
  };
  std::map<StreamId, Pending> pending;
  std::map<std::string, int64_t> consumers;  // when they were seen
  friend bool operator==(const ModelGroup&, const ModelGroup&) = default;
};
using ModelGroups = std::map<std::string, ModelGroup>;

inline ModelGroups groups_of(const LargeStream& stream) {
  ModelGroups found;
  if (stream.groups() == nullptr) return found;
  for (const auto& group : stream.groups()->all()) {
    ModelGroup& model = found[group->name()];
    model.last_id = group->last_id();
    model.read = group->entries_read();
    for (const auto& consumer : group->consumers()) {
      model.consumers[consumer->name()] = consumer->seen_ms();
    }
    group->pending().for_each([&](const PendingEntry& entry) {
      model.pending[entry.id] = {entry.consumer->name(), entry.delivered_ms, entry.deliveries};
    });
  }
  return found;
}

struct StreamWorld {
  explicit StreamWorld(uint64_t seed) : rng(seed) {}

  Rng rng;
  LargeStream stream;
  Entries entries;
  ModelGroups groups;
  LargeStream::NodeLimits limits{.bytes = 400, .entries = 12};

  std::string word() {
    switch (rng.below(5)) {
      case 0:
        return std::to_string(static_cast<int64_t>(rng.next() >> rng.below(64)));
      case 1:
        return std::string(rng.below(90), 'x');
      case 2:
        return rng.chance(0.02) ? std::string(5000, 'y') : "";
      default:
        return std::string(1, static_cast<char>('a' + rng.below(4)));
    }
  }
  Words entry() {
    Words words;
    const uint64_t fields = 1 + rng.below(3);
    for (uint64_t i = 0; i < fields; ++i) {
      words.push_back(rng.chance(0.8) ? std::string(1, static_cast<char>('f' + i)) : word());
      words.push_back(word());
    }
    return words;
  }
  // An id near one that is there.
  StreamId some_id() {
    if (entries.empty() || rng.chance(0.1)) return {rng.below(100), rng.below(3)};
    auto at = entries.begin();
    std::advance(at, static_cast<ptrdiff_t>(rng.below(std::min<uint64_t>(entries.size(), 200))));
    if (rng.chance(0.2)) at = std::prev(entries.end());
    StreamId id = at->first;
    if (rng.chance(0.2)) id.seq += rng.below(3);
    return id;
  }

  void append() {
    StreamId id = stream.state().last_id;
    if (rng.chance(0.5)) {
      ++id.seq;
    } else {
      id.ms += 1 + rng.below(rng.chance(0.1) ? 1'000'000 : 3);
      id.seq = rng.chance(0.7) ? 0 : rng.below(70'000);
    }
    const Words words = entry();
    const std::vector<std::string_view> views(words.begin(), words.end());
    stream.append(id, views, limits);
    entries[id] = words;
  }
  void erase() {
    const StreamId id = some_id();
    ASSERT_EQ(stream.erase(id), entries.erase(id) > 0);
  }
  void trim() {
    const StreamTrim how{.whole_nodes = rng.chance(0.5), .limit = rng.chance(0.3) ? 20U : 0U};
    const bool exact = !how.whole_nodes && how.limit == 0;
    uint64_t gone;
    uint64_t wanted = 0;
    if (rng.chance(0.5)) {
      const uint64_t length = entries.size() - std::min<uint64_t>(entries.size(), rng.below(40));
      wanted = entries.size() - length;
      gone = stream.trim_to_length(length, how);
    } else {
      const StreamId id = some_id();
      for (const auto& entry : entries) wanted += entry.first < id ? 1 : 0;
      gone = stream.trim_before(id, how);
    }
    if (exact) {
      ASSERT_EQ(gone, wanted);
    } else {
      ASSERT_LE(gone, wanted);
    }
    if (how.limit > 0) {
      ASSERT_LE(gone, how.limit);
    }
    for (; gone > 0; --gone) entries.erase(entries.begin());
  }
  void change_group() {
    const std::string name = "group" + std::to_string(rng.below(3));
    StreamGroups& all = stream.change_groups();
    StreamGroup* group = all.find(name);
    ASSERT_EQ(group != nullptr, groups.contains(name));
    if (group == nullptr) {
      const StreamId id = some_id();
      ASSERT_NE(all.create(name, id, 7), nullptr);
      groups[name] = {.last_id = id, .read = 7, .pending = {}, .consumers = {}};
      return;
    }
    ModelGroup& model = groups[name];
    const std::string who = "consumer" + std::to_string(rng.below(4));
    StreamConsumer* consumer = group->find(who);
    ASSERT_EQ(consumer != nullptr, model.consumers.contains(who));
    const auto now = static_cast<int64_t>(rng.below(1'000'000));
    switch (rng.below(20)) {
      case 0:
        if (!rng.chance(0.1)) return;
        all.destroy(*group);
        groups.erase(name);
        return;
      case 1:
        model.last_id = some_id();
        ++model.read;
        return all.set_position(*group, model.last_id, model.read);
      case 2:
        if (consumer == nullptr || !rng.chance(0.2)) return;
        std::erase_if(model.pending, [&](const auto& one) { return one.second.consumer == who; });
        model.consumers.erase(who);
        return all.delete_consumer(*group, *consumer);
      case 3:
        if (consumer == nullptr) return;
        model.consumers[who] = now;
        return all.set_times(*consumer, now, now);
      case 4:
      case 5:
      case 6: {
        const StreamId id = some_id();
        ASSERT_EQ(all.acknowledge(*group, id), model.pending.erase(id) > 0);
        return;
      }
      default:
        break;
    }
    if (consumer == nullptr) {
      ASSERT_NE(all.create_consumer(*group, who, now), nullptr);
      model.consumers[who] = now;
      return;
    }
    const StreamId id = some_id();
    all.set_pending(*group, {id, now, rng.below(100), consumer});
    const PendingEntry* entry = all.find_pending(*group, id);
    ASSERT_NE(entry, nullptr);
    model.pending[id] = {who, now, entry->deliveries};
  }
  void step() {
    const uint64_t dice = rng.below(100);
    if (dice < 45) return append();
    if (dice < 65) return erase();
    if (dice < 67) return trim();
    change_group();
  }
  void compare() {
    stream.check_invariants();
    ASSERT_GT(stream.radix_tree_nodes(), 0U);  // Counted from now on, and compared.
    ASSERT_EQ(contents(stream), entries);
    ASSERT_EQ(groups_of(stream), groups);
    ASSERT_EQ(stream.length(), entries.size());
    ASSERT_EQ(stream.state().first_id, entries.empty() ? StreamId() : entries.begin()->first);
  }
};

}  // namespace redan
