#include "server/session/pubsub.h"

#include <algorithm>

#include "common/base/crc16.h"
#include "common/base/glob.h"

namespace redan {

namespace {

Subscriptions& need_subscriptions(Session& session) {
  if (session.subscriptions == nullptr) session.subscriptions = std::make_unique<Subscriptions>();
  return *session.subscriptions;
}

using Names = std::set<std::string, std::less<>>;

// False: it is there already.
bool add(Subscriptions& all, Names Subscriptions::*names, std::string_view name) {
  if (!(all.*names).emplace(name).second) return false;
  all.bytes += name.size();
  return true;
}

// False: it was not there.
bool take(Session& session, Names Subscriptions::*names, std::string_view name) {
  if (session.subscriptions == nullptr) return false;
  Names& mine = (*session.subscriptions).*names;
  const auto it = mine.find(name);
  if (it == mine.end()) return false;
  mine.erase(it);
  session.subscriptions->bytes -= name.size();
  return true;
}

// Sharded channels are counted by themselves.
void confirm(Session& session, std::string_view kind, const std::string_view* name,
             ReplyWriter& reply) {
  const Subscriptions none;
  const Subscriptions& all = session.subscriptions == nullptr ? none : *session.subscriptions;
  const size_t sharded = all.shard_channels.size();
  reply.push(3);
  reply.bulk(kind);
  name == nullptr ? reply.null() : reply.bulk(*name);
  reply.integer(static_cast<int64_t>(
      kind.starts_with('s') && kind != "subscribe" ? sharded : all.count() - sharded));
}

}  // namespace

void PubSub::subscribe(Session& session, std::string_view channel, ReplyWriter& reply) {
  if (add(need_subscriptions(session), &Subscriptions::channels, channel)) {
    channels_[std::string(channel)].push_back(&session);
  }
  confirm(session, "subscribe", &channel, reply);
}

void PubSub::psubscribe(Session& session, std::string_view pattern, ReplyWriter& reply) {
  if (add(need_subscriptions(session), &Subscriptions::patterns, pattern)) {
    patterns_[std::string(pattern)].push_back(&session);
  }
  confirm(session, "psubscribe", &pattern, reply);
}

void PubSub::ssubscribe(Session& session, std::string_view channel, ReplyWriter& reply) {
  if (add(need_subscriptions(session), &Subscriptions::shard_channels, channel)) {
    shard_channels_[std::string(channel)].push_back(&session);
  }
  confirm(session, "ssubscribe", &channel, reply);
}

void PubSub::drop(Listeners& from, std::string_view name, Session& session) {
  const auto it = from.find(name);
  if (it == from.end()) return;
  std::erase(it->second, &session);
  if (it->second.empty()) from.erase(it);
}

void PubSub::unsubscribe(Session& session, std::string_view channel, ReplyWriter& reply) {
  if (take(session, &Subscriptions::channels, channel)) drop(channels_, channel, session);
  confirm(session, "unsubscribe", &channel, reply);
}

void PubSub::punsubscribe(Session& session, std::string_view pattern, ReplyWriter& reply) {
  if (take(session, &Subscriptions::patterns, pattern)) drop(patterns_, pattern, session);
  confirm(session, "punsubscribe", &pattern, reply);
}

void PubSub::sunsubscribe(Session& session, std::string_view channel, ReplyWriter& reply) {
  if (take(session, &Subscriptions::shard_channels, channel))
    drop(shard_channels_, channel, session);
  confirm(session, "sunsubscribe", &channel, reply);
}

void PubSub::unsubscribe_all(Session& session, ReplyWriter& reply) {
  if (session.subscriptions == nullptr || session.subscriptions->channels.empty()) {
    return confirm(session, "unsubscribe", nullptr, reply);
  }
  const auto names = session.subscriptions->channels;
  for (const std::string& name : names) unsubscribe(session, name, reply);
}

void PubSub::punsubscribe_all(Session& session, ReplyWriter& reply) {
  if (session.subscriptions == nullptr || session.subscriptions->patterns.empty()) {
    return confirm(session, "punsubscribe", nullptr, reply);
  }
  const auto names = session.subscriptions->patterns;
  for (const std::string& name : names) punsubscribe(session, name, reply);
}

void PubSub::sunsubscribe_all(Session& session, ReplyWriter& reply) {
  if (session.subscriptions == nullptr || session.subscriptions->shard_channels.empty()) {
    return confirm(session, "sunsubscribe", nullptr, reply);
  }
  const auto names = session.subscriptions->shard_channels;
  for (const std::string& name : names) sunsubscribe(session, name, reply);
}

void PubSub::unsubscribe_slots(const SlotSet& slots) {
  std::vector<std::pair<std::string, std::vector<Session*>>> gone;
  for (const auto& [name, sessions] : shard_channels_) {
    if (slots.contains(slot_of_key(name))) gone.emplace_back(name, sessions);
  }
  for (const auto& [name, sessions] : gone) {
    for (Session* session : sessions) {
      ByteBuffer bytes;
      ReplyWriter writer(bytes, session->resp);
      sunsubscribe(*session, name, writer);
      session->connection->send(bytes.view());
    }
  }
}

void PubSub::forget(Session& session) {
  if (session.subscriptions == nullptr) return;
  for (const std::string& name : session.subscriptions->channels) drop(channels_, name, session);
  for (const std::string& name : session.subscriptions->patterns) drop(patterns_, name, session);
  for (const std::string& name : session.subscriptions->shard_channels) {
    drop(shard_channels_, name, session);
  }
  session.subscriptions.reset();
}

// One message in both protocols, each built when the first session needs it.
class PubSub::Message {
 public:
  Message(PubSub& pubsub, std::vector<std::string_view> parts)
      : pubsub_(pubsub), parts_(std::move(parts)) {}
  void send_to(Session& session) {
    ByteBuffer& bytes = session.resp == Resp::k3 ? resp3_ : resp2_;
    if (bytes.empty()) {
      ReplyWriter writer(bytes, session.resp);
      writer.push(parts_.size());
      for (const std::string_view part : parts_) writer.bulk(part);
    }
    pubsub_.send(session, bytes.view());
  }

 private:
  PubSub& pubsub_;
  std::vector<std::string_view> parts_;
  ByteBuffer resp2_;
  ByteBuffer resp3_;
};

void PubSub::send(Session& session, std::string_view bytes) {
  if (&session == held_) return kept_.append(bytes);
  session.connection->send(bytes);
}

int64_t PubSub::publish(std::string_view channel, std::string_view message) {
  int64_t receivers = 0;
  if (const auto it = channels_.find(channel); it != channels_.end()) {
    Message push(*this, {"message", channel, message});
    for (Session* session : it->second) push.send_to(*session), ++receivers;
  }
  for (const auto& [pattern, sessions] : patterns_) {
    if (!glob_match(pattern, channel)) continue;
    Message push(*this, {"pmessage", pattern, channel, message});
    for (Session* session : sessions) push.send_to(*session), ++receivers;
  }
  return receivers;
}

int64_t PubSub::spublish(std::string_view channel, std::string_view message) {
  const auto it = shard_channels_.find(channel);
  if (it == shard_channels_.end()) return 0;
  Message push(*this, {"smessage", channel, message});
  for (Session* session : it->second) push.send_to(*session);
  return static_cast<int64_t>(it->second.size());
}

std::vector<std::string_view> PubSub::matching(const Listeners& all, std::string_view pattern) {
  std::vector<std::string_view> names;
  for (const auto& [name, sessions] : all) {
    if (pattern.empty() || glob_match(pattern, name)) names.push_back(name);
  }
  return names;
}

std::vector<std::string_view> PubSub::channels(std::string_view pattern) const {
  return matching(channels_, pattern);
}

std::vector<std::string_view> PubSub::shard_channels(std::string_view pattern) const {
  return matching(shard_channels_, pattern);
}

size_t PubSub::subscribers(std::string_view channel) const {
  const auto it = channels_.find(channel);
  return it == channels_.end() ? 0 : it->second.size();
}

size_t PubSub::shard_subscribers(std::string_view channel) const {
  const auto it = shard_channels_.find(channel);
  return it == shard_channels_.end() ? 0 : it->second.size();
}

}  // namespace redan
