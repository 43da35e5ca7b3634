// Goes over the entries of a stream between two ids, both included, in either direction. Deleted
// ones are left out. Good until the stream changes.
#pragma once

#include "server/data/large_stream.h"

namespace redan {

class StreamCursor {
 public:
  enum class Direction : uint8_t { kForwards, kBackwards };

  StreamCursor(const LargeStream& stream, StreamId low, StreamId high,
               Direction direction = Direction::kForwards);

  // To the next entry; false: there is none.
  bool next();

  const StreamEntry& entry() const { return entry_; }
  StreamId id() const { return entry_.id; }
  // The entry's node, and where that is.
  const StreamNode& node() const { return node_; }
  StreamNodes::Position position() const { return position_; }
  template <class Each>
  void for_each_field(Each&& each) const {
    node_.for_each_field(entry_, each);
  }

 private:
  bool step();

  const StreamNodes& nodes_;
  StreamId low_;
  StreamId high_;
  bool backwards_;
  bool in_node_ = false;
  StreamNodes::Position position_;
  StreamNode node_;
  StreamEntry entry_;
};

}  // namespace redan
