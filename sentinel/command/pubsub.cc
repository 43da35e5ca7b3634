// Subscriptions to what the sentinel announces, one channel for each kind of event, and the hellos
// that stock sentinels publish to us directly.
#include "sentinel/command/families.h"

namespace redan {

namespace {

void confirm(SentinelCall& call, std::string_view kind, std::string_view what) {
  call.reply.push(3);
  call.reply.bulk(kind);
  what.data() == nullptr ? call.reply.null() : call.reply.bulk(what);
  call.reply.integer(
      static_cast<int64_t>(call.client.channels.size() + call.client.patterns.size()));
}

using Names = std::set<std::string, std::less<>>;

Result<void> add(SentinelCall& call, Names& names, std::string_view kind) {
  for (const std::string_view name : call.args.subspan(1)) {
    names.emplace(name);
    confirm(call, kind, name);
  }
  return kOk;
}

Result<void> drop(SentinelCall& call, Names& names, std::string_view kind) {
  if (call.args.size() > 1) {
    for (const std::string_view name : call.args.subspan(1)) {
      names.erase(std::string(name));
      confirm(call, kind, name);
    }
    return kOk;
  }
  if (names.empty()) confirm(call, kind, {});
  while (!names.empty()) {
    const std::string name = *names.begin();
    names.erase(names.begin());
    confirm(call, kind, name);
  }
  return kOk;
}

Result<void> subscribe(SentinelCall& call) {
  return add(call, call.client.channels, "subscribe");
}
Result<void> psubscribe(SentinelCall& call) {
  return add(call, call.client.patterns, "psubscribe");
}
Result<void> unsubscribe(SentinelCall& call) {
  return drop(call, call.client.channels, "unsubscribe");
}
Result<void> punsubscribe(SentinelCall& call) {
  return drop(call, call.client.patterns, "punsubscribe");
}

Result<void> publish(SentinelCall& call) {
  if (call.arg(1) != "__sentinel__:hello") {
    return Error("Only HELLO messages are accepted by Sentinel instances.");
  }
  call.sentinel.hear_hello(call.word(2));
  call.reply.integer(1);
  return kOk;
}

constexpr uint32_t kFlags = kPubSub | kNoScript | kLoading | kStale | kSentinelToo;

constexpr SentinelCommand kCommands[] = {
    {{.name = "SUBSCRIBE",
      .syntax = "channel [channel ...]",
      .flags = kFlags,
      .summary = "Listens to events by name (\"+switch-master\").",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of channels to subscribe to."},
     subscribe},
    {{.name = "PSUBSCRIBE",
      .syntax = "pattern [pattern ...]",
      .flags = kFlags,
      .summary = "Listens to events by pattern (\"*\").",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of patterns."},
     psubscribe},
    {{.name = "UNSUBSCRIBE",
      .syntax = "[channel [channel ...]]",
      .flags = kFlags,
      .summary = "Stops listening to channels.",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of channels to unsubscribe."},
     unsubscribe},
    {{.name = "PUNSUBSCRIBE",
      .syntax = "[pattern [pattern ...]]",
      .flags = kFlags,
      .summary = "Stops listening to patterns.",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of patterns to unsubscribe."},
     punsubscribe},
    {{.name = "PUBLISH",
      .syntax = "channel message",
      .flags = kFlags | kFast,
      .summary = "Tells a sentinel's hello.",
      .since = "2.0.0",
      .complexity = "O(1)"},
     publish},
};

}  // namespace

SentinelFamily pubsub_family() {
  return {.group = Group::kPubSub, .commands = kCommands};
}

}  // namespace redan
