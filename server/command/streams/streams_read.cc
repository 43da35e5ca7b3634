// The stream commands that read entries: ranges, and XREAD and XREADGROUP, which may wait for them.
#include <algorithm>
#include <optional>
#include <vector>

#include "server/command/collections.h"
#include "server/command/families.h"
#include "server/command/streams/stream_args.h"
#include "server/command/streams/stream_delivery.h"
#include "server/command/streams/stream_replies.h"
#include "server/command/timeout_arg.h"
#include "server/values/stream_value.h"

namespace redan {
namespace {

using Direction = StreamCursor::Direction;

Result<void> range(Call& call, Direction direction) {
  const bool backwards = direction == Direction::kBackwards;
  const Result<StreamId> low = range_start_arg(call.arg(backwards ? 3 : 2));
  if (!low) return low.error();
  const Result<StreamId> high = range_end_arg(call.arg(backwards ? 2 : 3));
  if (!high) return high.error();
  std::optional<int64_t> count;
  ArgReader words(call.args(), 4);
  while (words.more()) {
    if (!words.match_with("COUNT", 1)) return syntax_error();
    const Result<int64_t> number = words.integer();
    if (!number) return number.error();
    count = std::max<int64_t>(*number, 0);
  }
  const Result<const Entry*> entry = read_value(call, call.arg(1), ValueType::kStream);
  if (!entry) return entry.error();
  if (*entry == nullptr) {
    call.reply().array(0);
  } else if (count == 0) {
    call.reply().null_array();
  } else {
    reply_entries(call.reply(), StreamCursor(stream_of(**entry), *low, *high, direction),
                  count ? static_cast<uint64_t>(*count) : UINT64_MAX);
  }
  return kOk;
}

Result<void> xrange(Call& call) {
  return range(call, Direction::kForwards);
}

Result<void> xrevrange(Call& call) {
  return range(call, Direction::kBackwards);
}

// --- XREAD and XREADGROUP ---

struct ReadArgs {
  std::optional<Millis> block;
  uint64_t count = UINT64_MAX;
  bool no_ack = false;
  std::string_view group;  // XREADGROUP only
  std::string_view consumer;
  size_t keys_at = 0;
  size_t keys = 0;
};

Result<ReadArgs> read_args(const Call& call, bool of_group, std::string_view name) {
  ReadArgs read;
  bool has_group = false;
  const size_t word_count = call.arg_count();
  ArgReader words(const_cast<Call&>(call).args(), 1);
  while (words.more() && read.keys_at == 0) {
    if (words.match_with("BLOCK", 1)) {
      const Result<Millis> span = timeout_arg(call, word_count - words.left());
      if (!span) return span.error();
      read.block = *span;
      words.next();
    } else if (words.match_with("COUNT", 1)) {
      const Result<int64_t> count = words.integer();
      if (!count) return count.error();
      read.count = *count > 0 ? static_cast<uint64_t>(*count) : UINT64_MAX;
    } else if (words.match_with("STREAMS", 1)) {
      read.keys_at = word_count - words.left();
      read.keys = words.left() / 2;
      if (words.left() % 2 != 0) {
        return Error("Unbalanced '" + std::string(name) +
                     "' list of streams: for each stream key an ID or '" + (of_group ? ">" : "$") +
                     "' must be specified.");
      }
    } else if (words.match_with("GROUP", 2)) {
      if (!of_group) {
        return Error("The GROUP option is only supported by XREADGROUP. You called XREAD instead.");
      }
      read.group = words.next();
      read.consumer = words.next();
      has_group = true;
    } else if (words.match("NOACK")) {
      if (!of_group) {
        return Error("The NOACK option is only supported by XREADGROUP. You called XREAD instead.");
      }
      read.no_ack = true;
    } else {
      return syntax_error();
    }
  }
  if (read.keys_at == 0) return syntax_error();
  if (of_group && !has_group) return Error("Missing GROUP option for XREADGROUP");
  return read;
}

// The reply of both: for each stream that has something its name and entries.
class StreamsReply {
 public:
  explicit StreamsReply(Call& call) : reply_(call.reply()), start_(reply_.begin_deferred()) {}
  bool empty() const { return streams_ == 0; }
  void begin(std::string_view key) {
    ++streams_;
    if (reply_.version() == Resp::k2) reply_.array(2);
    reply_.bulk(key);
  }
  void end() {
    reply_.version() == Resp::k2 ? reply_.end_array(start_, streams_)
                                 : reply_.end_map(start_, streams_);
  }

 private:
  ReplyWriter& reply_;
  size_t start_;
  size_t streams_ = 0;
};

void wait_or_reply_nothing(Call& call, const ReadArgs& read,
                           std::span<const std::string_view> request) {
  if (!read.block) return call.reply().null_array();
  call.block_on({.keys = call.args().subspan(read.keys_at, read.keys),
                 .wanted = ValueType::kStream,
                 .deadline = blocking_deadline(call, *read.block),
                 .also_gone = !read.group.empty(),
                 .request = request});
}

// What a stream's id says that is asked for entries behind it; nullptr: there is no stream.
Result<StreamId> read_after(const Entry* entry, std::string_view word) {
  if (word == "$") return entry == nullptr ? StreamId() : stream_of(*entry).state().last_id;
  if (word == ">") {
    return Error(
        "The > ID can be specified only when calling XREADGROUP using the GROUP <group> "
        "<consumer> option.");
  }
  return stream_id_arg(word);
}

// The same request, with ids in the places of `$`, which mean the moment at which it came.
std::vector<std::string_view> with_ids(Call& call, const ReadArgs& read,
                                       std::vector<std::string>& texts) {
  std::vector<std::string_view> request(call.args().begin(), call.args().end());
  texts.reserve(read.keys);
  for (size_t i = 0; i < read.keys; ++i) {
    std::string_view& word = request[read.keys_at + read.keys + i];
    if (word != "$") continue;
    const Entry* const entry = call.keyspace().peek(call.db(), call.arg(read.keys_at + i));
    texts.push_back(StreamIdText(*read_after(entry, word)).str());
    word = texts.back();
  }
  return request;
}

Result<void> xread(Call& call) {
  const Result<ReadArgs> parsed = read_args(call, false, "xread");
  if (!parsed) return parsed.error();
  const ReadArgs& read = *parsed;
  for (size_t i = 0; i < read.keys; ++i) {
    const Result<const Entry*> entry =
        read_value(call, call.arg(read.keys_at + i), ValueType::kStream);
    if (!entry) return entry.error();
    const std::string_view word = call.arg(read.keys_at + read.keys + i);
    if (const Result<StreamId> after = read_after(*entry, word); !after) return after.error();
  }
  StreamsReply reply(call);
  for (size_t i = 0; i < read.keys; ++i) {
    const std::string_view key = call.arg(read.keys_at + i);
    // Redis reads a stream that it looks for twice: a missing one counts, and is told, as two.
    const Entry* const entry = call.keyspace().read(call.db(), key);
    if (entry == nullptr) continue;
    const std::optional<StreamId> low =
        (*read_after(entry, call.arg(read.keys_at + read.keys + i))).next();
    if (!low) continue;
    const LargeStream& stream = stream_of(*entry);
    if (!StreamCursor(stream, *low, StreamId::max()).next()) continue;
    reply.begin(key);
    reply_entries(call.reply(), StreamCursor(stream, *low, StreamId::max()), read.count);
  }
  if (!reply.empty()) {
    reply.end();
  } else if (!read.block) {
    call.reply().null_array();
  } else {
    std::vector<std::string> texts;
    wait_or_reply_nothing(call, read, with_ids(call, read, texts));
  }
  return kOk;
}

Result<void> xreadgroup(Call& call) {
  const Result<ReadArgs> parsed = read_args(call, true, "xreadgroup");
  if (!parsed) return parsed.error();
  const ReadArgs& read = *parsed;
  for (size_t i = 0; i < read.keys; ++i) {
    const std::string_view key = call.arg(read.keys_at + i);
    const Result<const Entry*> entry = read_value(call, key, ValueType::kStream);
    if (!entry) return entry.error();
    const bool has_group = *entry != nullptr && stream_of(**entry).groups() != nullptr &&
                           stream_of(**entry).groups()->find(read.group) != nullptr;
    if (!has_group) {
      const Error none = no_such_group(key, read.group);
      return Error(none.code(), none.message() + " in XREADGROUP with GROUP option");
    }
    const std::string_view word = call.arg(read.keys_at + read.keys + i);
    if (word == "$") {
      return Error(
          "The $ ID is meaningless in the context of XREADGROUP: you want to read the history of "
          "this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID "
          "would just return an empty result set.");
    }
    if (word == ">") continue;
    if (const Result<StreamId> id = stream_id_arg(word); !id) return id.error();
  }
  call.propagate_nothing();  // But for what the deliveries say.
  StreamsReply reply(call);
  for (size_t i = 0; i < read.keys; ++i) {
    const std::string_view key = call.arg(read.keys_at + i);
    const std::string_view word = call.arg(read.keys_at + read.keys + i);
    Delivery delivery(call, key, read.group, read.consumer);
    // The highest id says the same as `>`.
    const StreamId after = word == ">" ? StreamId::max() : *stream_id_arg(word);
    if (after != StreamId::max()) {
      reply.begin(key);
      delivery.reply_history(after, read.count);
    } else if (delivery.has_new()) {
      reply.begin(key);
      delivery.reply_new(read.count, read.no_ack);
    }
    delivery.tell();
  }
  if (!reply.empty()) {
    reply.end();
  } else {
    wait_or_reply_nothing(call, read, {});
  }
  return kOk;
}

constexpr Command<Call> kCommands[] = {
    {{.name = "XRANGE",
      .syntax = "key start end [COUNT count:integer]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return a range of elements in a stream, with IDs matching the specified IDs "
                 "interval",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements being returned. If N is constant "
                    "(e.g. always asking for the first 10 elements with COUNT), you can consider "
                    "it O(1).",
      .history = "6.2.0: Added exclusive ranges."},
     xrange},
    {{.name = "XREVRANGE",
      .syntax = "key end start [COUNT count:integer]",
      .flags = kReadOnly,
      .keys = one_key(kKeyRO | kKeyAccess),
      .summary = "Return a range of elements in a stream, with IDs matching the specified IDs "
                 "interval, in reverse order (from greater to smaller IDs) compared to XRANGE",
      .since = "5.0.0",
      .complexity = "O(N) with N being the number of elements returned. If N is constant (e.g. "
                    "always asking for the first 10 elements with COUNT), you can consider it "
                    "O(1).",
      .history = "6.2.0: Added exclusive ranges."},
     xrevrange},
    {{.name = "XREAD",
      .syntax = "[COUNT count:integer] [BLOCK milliseconds:integer] STREAMS (streams: key [key "
                "...] id [id ...])",
      .flags = kReadOnly | kBlocking | kMovableKeys,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kKeyword,
                       .index = 1,
                       .keyword = "STREAMS",
                       .last = -1,
                       .limit = 2}},
      .summary = "Return never seen elements in multiple streams, with IDs greater than the ones "
                 "reported by the caller for each stream. Can block.",
      .since = "5.0.0",
      .complexity = "For each stream mentioned: O(N) with N being the number of elements being "
                    "returned, it means that XREAD-ing with a fixed COUNT is O(1). Note that when "
                    "the BLOCK option is used, XADD will pay O(M) time in order to serve the M "
                    "clients blocked on the stream getting new data."},
     xread},
    {{.name = "XREADGROUP",
      .syntax = "GROUP (group_consumer: group consumer) [COUNT count:integer] [BLOCK "
                "milliseconds:integer] [NOACK] STREAMS (streams: key [key ...] id [id ...])",
      .flags = kWrite | kBlocking | kMovableKeys,
      .keys = {KeySpec{.flags = kKeyRO | kKeyAccess,
                       .begin = KeySpec::Begin::kKeyword,
                       .index = 4,
                       .keyword = "STREAMS",
                       .last = -1,
                       .limit = 2}},
      .summary = "Return new entries from a stream using a consumer group, or access the history "
                 "of the pending entries for a given consumer. Can block.",
      .since = "5.0.0",
      .complexity = "For each stream mentioned: O(M) with M being the number of elements returned. "
                    "If M is constant (e.g. always asking for the first 10 elements with COUNT), "
                    "you can consider it O(1). On the other side when XREADGROUP blocks, XADD will "
                    "pay the O(N) time in order to serve the N clients blocked on the stream "
                    "getting new data."},
     xreadgroup},
};

}  // namespace

CommandFamily<Call> stream_read_commands() {
  return {.group = Group::kStream, .commands = kCommands};
}

}  // namespace redan
