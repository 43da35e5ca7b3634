// One consumer of a group reads from one stream: what it is given, what becomes pending, and what
// replicas hear of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/command/call.h"
#include "server/data/large_stream.h"

namespace redan {

class Delivery {
 public:
  // The key holds a stream, and that has the group. The consumer is made where there is none.
  Delivery(Call& call, std::string_view key, std::string_view group, std::string_view consumer);

  // Entries that the group has not read yet.
  bool has_new() const;
  void reply_new(uint64_t count, bool no_ack);
  // The consumer's own pending entries behind an id, which count as delivered once more.
  void reply_history(StreamId after, uint64_t count);
  // Tells replicas, once everything is done.
  void tell();

 private:
  StreamGroup& group() const { return *group_; }

  Call& call_;
  std::string_view key_;
  std::string_view group_name_;
  std::string_view consumer_name_;
  Keyspace::Ref ref_;
  StreamGroup* group_ = nullptr;
  StreamConsumer* consumer_ = nullptr;
  bool made_consumer_ = false;
  bool moved_ = false;  // the group's position
  std::vector<std::string> delivered_;
};

// Replicas take a pending entry over as it is now; one that is gone goes there too.
void propagate_claim(Call& call, std::string_view key, const StreamGroup& group,
                     const PendingEntry& entry);
void propagate_position(Call& call, std::string_view key, const StreamGroup& group);
void propagate_consumer(Call& call, std::string_view key, std::string_view group,
                        std::string_view consumer);

}  // namespace redan
