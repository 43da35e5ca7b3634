#include "server/data/stream_cursor.h"

namespace redan {

// Begins with the last node that does not lie behind the end it comes from.
StreamCursor::StreamCursor(const LargeStream& stream, StreamId low, StreamId high,
                           Direction direction)
    : nodes_(stream.nodes()),
      low_(low),
      high_(high),
      backwards_(direction == Direction::kBackwards),
      position_(nodes_.end()) {
  if (nodes_.empty() || low > high) return;
  // Who has read all that there is asks again and again, and the last node need not be searched.
  if (!backwards_ && low > stream.state().last_id) return;
  const StreamId from = backwards_ ? high : low;
  if (from >= nodes_.at(nodes_.last()).id) {
    position_ = nodes_.last();
    return;
  }
  position_ = nodes_.lower_bound(from);
  if (nodes_.at(position_).id == from) return;
  if (position_ != nodes_.first()) {
    position_ = nodes_.previous(position_);
  } else if (backwards_) {
    position_ = nodes_.end();
  }
}

// To the next entry of any kind, in this node or in the one behind it.
bool StreamCursor::step() {
  if (in_node_ && (backwards_ ? node_.previous(entry_) : node_.next(entry_))) return true;
  if (in_node_) position_ = backwards_ ? nodes_.previous(position_) : nodes_.next(position_);
  in_node_ = nodes_.is_item(position_);
  if (!in_node_) return false;
  node_ = nodes_.at(position_).node();
  return backwards_ ? node_.last(entry_) : node_.first(entry_);
}

bool StreamCursor::next() {
  while (step()) {
    if (backwards_ ? entry_.id < low_ : entry_.id > high_) {
      position_ = nodes_.end();
      in_node_ = false;
      return false;
    }
    if (entry_.deleted() || (backwards_ ? entry_.id > high_ : entry_.id < low_)) continue;
    return true;
  }
  return false;
}

}  // namespace redan
