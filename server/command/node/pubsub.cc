// SUBSCRIBE and its kin, PUBLISH, PUBSUB, and the same for sharded channels. In a cluster messages
// reach other nodes over the bus, a sharded one those of its shard; else replicas get the command.

#include "server/session/pubsub.h"

#include "common/command/docs.h"
#include "server/command/families.h"

namespace redan {

namespace {

Result<void> subscribe(Call& call) {
  for (size_t i = 1; i < call.arg_count(); ++i) {
    call.server().pubsub.subscribe(call.session(), call.arg(i), call.reply());
  }
  return kOk;
}

Result<void> psubscribe(Call& call) {
  for (size_t i = 1; i < call.arg_count(); ++i) {
    call.server().pubsub.psubscribe(call.session(), call.arg(i), call.reply());
  }
  return kOk;
}

Result<void> unsubscribe(Call& call) {
  PubSub& pubsub = call.server().pubsub;
  if (call.arg_count() == 1) pubsub.unsubscribe_all(call.session(), call.reply());
  for (size_t i = 1; i < call.arg_count(); ++i) {
    pubsub.unsubscribe(call.session(), call.arg(i), call.reply());
  }
  return kOk;
}

Result<void> punsubscribe(Call& call) {
  PubSub& pubsub = call.server().pubsub;
  if (call.arg_count() == 1) pubsub.punsubscribe_all(call.session(), call.reply());
  for (size_t i = 1; i < call.arg_count(); ++i) {
    pubsub.punsubscribe(call.session(), call.arg(i), call.reply());
  }
  return kOk;
}

Result<void> ssubscribe(Call& call) {
  for (size_t i = 1; i < call.arg_count(); ++i) {
    call.server().pubsub.ssubscribe(call.session(), call.arg(i), call.reply());
  }
  return kOk;
}

Result<void> sunsubscribe(Call& call) {
  PubSub& pubsub = call.server().pubsub;
  if (call.arg_count() == 1) pubsub.sunsubscribe_all(call.session(), call.reply());
  for (size_t i = 1; i < call.arg_count(); ++i) {
    pubsub.sunsubscribe(call.session(), call.arg(i), call.reply());
  }
  return kOk;
}

// Subscribers elsewhere hear it too, although no key changed.
void tell_others(Call& call, bool sharded) {
  if (call.server().cluster != nullptr) {
    return call.server().cluster->publish(sharded, call.arg(1), call.arg(2));
  }
  call.force_propagation();
}

Result<void> publish(Call& call) {
  const int64_t receivers = call.server().pubsub.publish(call.arg(1), call.arg(2));
  tell_others(call, false);
  call.reply().integer(receivers);
  return kOk;
}

Result<void> spublish(Call& call) {
  const int64_t receivers = call.server().pubsub.spublish(call.arg(1), call.arg(2));
  tell_others(call, true);
  call.reply().integer(receivers);
  return kOk;
}

Result<void> pubsub_channels(Call& call) {
  if (call.arg_count() > 3) {
    return Error(
        "unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.");
  }
  const auto names =
      call.server().pubsub.channels(call.arg_count() == 3 ? call.arg(2) : std::string_view());
  call.reply().array(names.size());
  for (const std::string_view name : names) call.reply().bulk(name);
  return kOk;
}

Result<void> pubsub_numpat(Call& call) {
  call.reply().integer(static_cast<int64_t>(call.server().pubsub.pattern_count()));
  return kOk;
}

Result<void> pubsub_numsub(Call& call) {
  call.reply().array((call.arg_count() - 2) * 2);
  for (size_t i = 2; i < call.arg_count(); ++i) {
    call.reply().bulk(call.arg(i));
    call.reply().integer(static_cast<int64_t>(call.server().pubsub.subscribers(call.arg(i))));
  }
  return kOk;
}

Result<void> pubsub_shardchannels(Call& call) {
  if (call.arg_count() > 3) {
    return Error(
        "unknown subcommand or wrong number of arguments for 'SHARDCHANNELS'. Try PUBSUB HELP.");
  }
  const auto names =
      call.server().pubsub.shard_channels(call.arg_count() == 3 ? call.arg(2) : std::string_view());
  call.reply().array(names.size());
  for (const std::string_view name : names) call.reply().bulk(name);
  return kOk;
}

Result<void> pubsub_shardnumsub(Call& call) {
  call.reply().array((call.arg_count() - 2) * 2);
  for (size_t i = 2; i < call.arg_count(); ++i) {
    call.reply().bulk(call.arg(i));
    call.reply().integer(static_cast<int64_t>(call.server().pubsub.shard_subscribers(call.arg(i))));
  }
  return kOk;
}

Result<void> pubsub_help(Call& call) {
  write_help(*call.entry().container, call.arg(0), call.reply());
  return kOk;
}

constexpr Command<Call> kPubsubSubcommands[] = {
    {{.name = "CHANNELS",
      .syntax = "[pattern]",
      .flags = kPubSub | kLoading | kStale,
      .summary = "List active channels",
      .since = "2.8.0",
      .complexity = "O(N) where N is the number of active channels, and assuming constant time "
                    "pattern matching (relatively short channels and patterns)"},
     pubsub_channels},
    {{.name = "HELP",
      .flags = kLoading | kStale,
      .summary = "Show helpful text about the different subcommands",
      .since = "6.2.0",
      .complexity = "O(1)",
      .extra_categories = "-pubsub"},
     pubsub_help},
    {{.name = "NUMPAT",
      .flags = kPubSub | kLoading | kStale,
      .summary = "Get the count of unique patterns pattern subscriptions",
      .since = "2.8.0",
      .complexity = "O(1)"},
     pubsub_numpat},
    {{.name = "NUMSUB",
      .syntax = "[channel [channel ...]]",
      .flags = kPubSub | kLoading | kStale,
      .summary = "Get the count of subscribers for channels",
      .since = "2.8.0",
      .complexity = "O(N) for the NUMSUB subcommand, where N is the number of requested channels"},
     pubsub_numsub},
    {{.name = "SHARDCHANNELS",
      .syntax = "[pattern]",
      .flags = kPubSub | kLoading | kStale,
      .summary = "List active shard channels",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of active shard channels, and assuming constant "
                    "time pattern matching (relatively short shard channels)."},
     pubsub_shardchannels},
    {{.name = "SHARDNUMSUB",
      .syntax = "[shardchannel [shardchannel ...]]",
      .flags = kPubSub | kLoading | kStale,
      .summary = "Get the count of subscribers for shard channels",
      .since = "7.0.0",
      .complexity =
          "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels"},
     pubsub_shardnumsub},
};

constexpr Command<Call> kCommands[] = {

    {{.name = "PSUBSCRIBE",
      .syntax = "pattern [pattern: pattern ...]",
      .flags = kPubSub | kNoScript | kLoading | kStale,
      .summary = "Listen for messages published to channels matching the given patterns",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of patterns the client is already subscribed to."},
     psubscribe},
    {{.name = "PUBLISH",
      .syntax = "channel message",
      .flags = kPubSub | kLoading | kStale | kFast,
      .summary = "Post a message to a channel",
      .since = "2.0.0",
      .complexity = "O(N+M) where N is the number of clients subscribed to the receiving channel "
                    "and M is the total number of subscribed patterns (by any client)."},
     publish},
    {{.name = "PUBSUB",
      .summary = "A container for Pub/Sub commands",
      .since = "2.8.0",
      .complexity = "Depends on subcommand."},
     nullptr,
     kPubsubSubcommands},
    {{.name = "PUNSUBSCRIBE",
      .syntax = "[pattern [pattern ...]]",
      .flags = kPubSub | kNoScript | kLoading | kStale,
      .summary = "Stop listening for messages posted to channels matching the given patterns",
      .since = "2.0.0",
      .complexity = "O(N+M) where N is the number of patterns the client is already subscribed and "
                    "M is the number of total patterns subscribed in the system (by any client)."},
     punsubscribe},
    {{.name = "SPUBLISH",
      .syntax = "shardchannel message",
      .flags = kPubSub | kLoading | kStale | kFast,
      .keys = one_key(kKeyNotKey),
      .summary = "Post a message to a shard channel",
      .since = "7.0.0",
      .complexity =
          "O(N) where N is the number of clients subscribed to the receiving shard channel."},
     spublish},
    {{.name = "SSUBSCRIBE",
      .syntax = "shardchannel [shardchannel ...]",
      .flags = kPubSub | kNoScript | kLoading | kStale,
      .keys = keys_at(1, -1, 1, kKeyNotKey),
      .summary = "Listen for messages published to the given shard channels",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of shard channels to subscribe to."},
     ssubscribe},
    {{.name = "SUBSCRIBE",
      .syntax = "channel [channel ...]",
      .flags = kPubSub | kNoScript | kLoading | kStale,
      .summary = "Listen for messages published to the given channels",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of channels to subscribe to."},
     subscribe},
    {{.name = "SUNSUBSCRIBE",
      .syntax = "[shardchannel [shardchannel ...]]",
      .flags = kPubSub | kNoScript | kLoading | kStale,
      .keys = keys_at(1, -1, 1, kKeyNotKey),
      .summary = "Stop listening for messages posted to the given shard channels",
      .since = "7.0.0",
      .complexity = "O(N) where N is the number of clients already subscribed to a shard channel."},
     sunsubscribe},
    {{.name = "UNSUBSCRIBE",
      .syntax = "[channel [channel ...]]",
      .flags = kPubSub | kNoScript | kLoading | kStale,
      .summary = "Stop listening for messages posted to the given channels",
      .since = "2.0.0",
      .complexity = "O(N) where N is the number of clients already subscribed to a channel."},
     unsubscribe},
};

}  // namespace

CommandFamily<Call> pubsub_commands() {
  return {.group = Group::kPubSub, .commands = kCommands};
}

}  // namespace redan
