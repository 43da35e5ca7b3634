// Tells a stream as RDB stores it, piece by piece, as it was when the walk began:
//   number of nodes, nodes, state, number of groups; for each group its name, position, pending
//   entries, number of consumers; for each consumer its name, time and pending ids.
//
// Lists are frozen when it begins (the nodes) or when it or a change comes to them (what groups and
// consumers hold: keep() is told before they change). With the stream's heap in its snapshot, the
// stream may change between the steps. A step is one node, or one chunk of pending entries, or
// less.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "server/data/large_stream.h"

namespace redan {

class StreamWalk final : public GroupKeeper {
 public:
  StreamWalk(const LargeStream& stream, PieceSink& sink);

  // Hands over one piece or some small ones; false once there are no more.
  bool step();

  void keep(const StreamGroup& group) override;
  void keep(const StreamConsumer& consumer) override;

 private:
  enum class Stage : uint8_t { kHead, kNodes, kState, kGroup, kPending, kConsumer, kIds, kDone };

  struct GroupImage {
    std::string name;
    StreamId last_id;
    int64_t entries_read = 0;
    PendingEntries::Frozen pending;
    std::vector<const StreamConsumer*> consumers;
  };
  struct ConsumerImage {
    std::string name;
    int64_t seen_ms = 0;
    PendingIds::Frozen pending;
  };
  static GroupImage image_of(const StreamGroup& group);
  static ConsumerImage image_of(const StreamConsumer& consumer);

  void tell_node();
  void tell_state();
  void tell_group();
  void tell_pending();
  void tell_consumer();
  void tell_ids();
  void tell(ValuePiece::Kind kind, std::string_view bytes) { sink_.piece({kind, bytes}); }
  void tell_lengths(std::initializer_list<uint64_t> lengths);

  PieceSink& sink_;
  Stage stage_ = Stage::kHead;
  StreamState state_;
  StreamNodes::Frozen nodes_;
  size_t chunk_ = 0;  // of the list that is being told
  size_t item_ = 0;
  std::vector<const StreamGroup*> groups_;
  size_t group_ = 0;
  GroupImage group_image_;  // of the group that is being told
  size_t consumer_ = 0;
  ConsumerImage consumer_image_;
  std::unordered_map<const StreamGroup*, GroupImage> kept_groups_;
  std::unordered_map<const StreamConsumer*, ConsumerImage> kept_consumers_;
  std::string scratch_;
};

}  // namespace redan
