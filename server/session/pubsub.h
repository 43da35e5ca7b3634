// Who listens to what. Sharded channels have names of their own: in a cluster each lives in its
// slot. Messages go to the sessions' connections, in each one's protocol; nothing is
// stored. Channels and patterns of a session are kept there too (Session::subscriptions), so that a
// closed session can be forgotten without a search. Lines for clients that watch (monitors.h) go
// the same way.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/slot_set.h"
#include "common/resp/buffer.h"
#include "common/resp/writer.h"
#include "server/session/session.h"

namespace redan {

class PubSub {
 public:
  // Each writes its confirmation to `reply`, as the commands of the same names answer.
  void subscribe(Session& session, std::string_view channel, ReplyWriter& reply);
  void psubscribe(Session& session, std::string_view pattern, ReplyWriter& reply);
  void ssubscribe(Session& session, std::string_view channel, ReplyWriter& reply);
  void unsubscribe(Session& session, std::string_view channel, ReplyWriter& reply);
  void punsubscribe(Session& session, std::string_view pattern, ReplyWriter& reply);
  void sunsubscribe(Session& session, std::string_view channel, ReplyWriter& reply);
  // From everything of that kind; at least one confirmation is written.
  void unsubscribe_all(Session& session, ReplyWriter& reply);
  void punsubscribe_all(Session& session, ReplyWriter& reply);
  void sunsubscribe_all(Session& session, ReplyWriter& reply);
  // Silently, when the session is closed or reset.
  void forget(Session& session);

  // How many clients it was sent to; one that listens twice counts twice.
  int64_t publish(std::string_view channel, std::string_view message);
  int64_t spublish(std::string_view channel, std::string_view message);
  // What is published to `session` until release() would stand within the reply to its own request;
  // it is kept, and comes behind it.
  void hold(Session& session) { held_ = &session; }
  const Session* held() const { return held_; }
  // To one session, in its turn.
  void send(Session& session, std::string_view bytes);
  void release(ByteBuffer& replies) {
    held_ = nullptr;
    if (kept_.empty()) return;
    replies.append(kept_.view());
    kept_.clear();
  }
  // These slots are served elsewhere now: who listened there is told that it is over.
  void unsubscribe_slots(const SlotSet& slots);

  std::vector<std::string_view> channels(std::string_view pattern) const;  // empty: all
  std::vector<std::string_view> shard_channels(std::string_view pattern) const;
  size_t subscribers(std::string_view channel) const;
  size_t shard_subscribers(std::string_view channel) const;
  size_t channel_count() const { return channels_.size(); }
  size_t pattern_count() const { return patterns_.size(); }
  size_t shard_channel_count() const { return shard_channels_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Listeners = std::unordered_map<std::string, std::vector<Session*>, Hash, std::equal_to<>>;
  static std::vector<std::string_view> matching(const Listeners& all, std::string_view pattern);
  class Message;
  static void drop(Listeners& from, std::string_view name, Session& session);

  Listeners channels_;
  Listeners patterns_;
  Listeners shard_channels_;
  const Session* held_ = nullptr;
  ByteBuffer kept_;
};

}  // namespace redan
