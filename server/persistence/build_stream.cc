#include <cstring>

#include "server/data/large_stream.h"
#include "server/data/stream_progress.h"
#include "server/persistence/value_builder.h"

namespace redan {
namespace {

// Hears a stream's pieces in their order; `expect_` says what the next one is. The shape is the
// walk's business (rdb_shape.cc), what it says this one's: ids rise, nodes are sound, lengths are
// true, and the consumers' pending entries are the group's.
class StreamBuilder final : public ValueBuilder {
 public:
  explicit StreamBuilder(int version) : version_(version) {}

  const char* piece(Kind kind, std::string_view bytes, uint64_t number) override {
    static_cast<void>(kind);
    switch (expect_) {
      case Expect::kNodes:
        nodes_left_ = number;
        expect_ = nodes_left_ > 0 ? Expect::kNodeId : Expect::kState;
        return nullptr;
      case Expect::kNodeId:
        if (bytes.size() != StreamId::kBytes) return "a stream's node has no proper id";
        node_id_ = StreamId::load(bytes.data());
        expect_ = Expect::kNode;
        return nullptr;
      case Expect::kNode:
        return node(bytes);
      case Expect::kState:
        return state(number);
      case Expect::kGroups:
        groups_left_ = number;
        return next_group();
      case Expect::kGroupName:
        group_name_ = bytes;
        numbers_ = 0;
        expect_ = Expect::kGroupPosition;
        return nullptr;
      case Expect::kGroupPosition:
        return group_position(number);
      case Expect::kPending:
        pending_left_ = number;
        expect_ = pending_left_ > 0 ? Expect::kPendingId : Expect::kConsumers;
        return nullptr;
      case Expect::kPendingId:
        pending_ = {.id = StreamId::load(bytes.data())};
        expect_ = Expect::kPendingTime;
        return nullptr;
      case Expect::kPendingTime:
        pending_.delivered_ms = le64(bytes);
        expect_ = Expect::kPendingCount;
        return nullptr;
      case Expect::kPendingCount:
        return pending(number);
      case Expect::kConsumers:
        consumers_left_ = number;
        return next_consumer();
      case Expect::kConsumerName:
        consumer_ = groups().create_consumer(*group_, bytes, 0);
        if (consumer_ == nullptr) return "a consumer is there twice";
        expect_ = Expect::kSeen;
        return nullptr;
      case Expect::kSeen:
        groups().set_times(*consumer_, le64(bytes), le64(bytes));
        expect_ = version_ >= 3 ? Expect::kActive : Expect::kIds;
        return nullptr;
      case Expect::kActive:
        groups().set_times(*consumer_, consumer_->seen_ms(), le64(bytes));
        expect_ = Expect::kIds;
        return nullptr;
      case Expect::kIds:
        ids_left_ = number;
        return ids_left_ > 0 ? want(Expect::kOwnedId) : next_consumer();
      case Expect::kOwnedId:
        return owned(StreamId::load(bytes.data()));
      case Expect::kNothing:
        break;
    }
    return "a stream has more than it should";
  }
  const char* finish() override {
    return expect_ == Expect::kNothing ? nullptr : "a stream is not complete";
  }
  bool empty() const override { return false; }  // Streams stay without entries.
  StoredValue take() override {
    return StoredValue::of_large(ValueType::kStream, std::move(stream_));
  }

 private:
  enum class Expect : uint8_t {
    kNodes,
    kNodeId,
    kNode,
    kState,
    kGroups,
    kGroupName,
    kGroupPosition,
    kPending,
    kPendingId,
    kPendingTime,
    kPendingCount,
    kConsumers,
    kConsumerName,
    kSeen,
    kActive,
    kIds,
    kOwnedId,
    kNothing,
  };

  static int64_t le64(std::string_view bytes) {
    int64_t value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  const char* want(Expect next) {
    expect_ = next;
    return nullptr;
  }
  StreamGroups& groups() { return stream_->change_groups(); }

  const char* node(std::string_view bytes) {
    uint64_t live = 0;
    if (node_id_ <= last_entry_) return "a stream's nodes do not follow each other";
    if (const char* wrong = validate_stream_node(node_id_, bytes, last_entry_, live)) return wrong;
    stream_->load_node(node_id_, bytes);
    entries_ += live;
    return want(--nodes_left_ > 0 ? Expect::kNodeId : Expect::kState);
  }

  const char* state(uint64_t number) {
    uint64_t* const numbers[] = {&state_.length,
                                 &state_.last_id.ms,
                                 &state_.last_id.seq,
                                 &state_.first_id.ms,
                                 &state_.first_id.seq,
                                 &state_.max_deleted_id.ms,
                                 &state_.max_deleted_id.seq,
                                 &state_.entries_added};
    *numbers[numbers_++] = number;
    if (numbers_ < (version_ == 1 ? 3 : 8)) return nullptr;
    if (state_.length != entries_) return "a stream's length is wrong";
    if (state_.last_id < last_entry_) return "a stream's last id is below an entry's";
    if (version_ == 1) {
      state_.first_id = stream_->find_first();
      state_.entries_added = state_.length;
    }
    stream_->load_state(state_);
    return want(Expect::kGroups);
  }

  const char* next_group() {
    return want(groups_left_-- > 0 ? Expect::kGroupName : Expect::kNothing);
  }

  const char* group_position(uint64_t number) {
    position_[numbers_++] = number;
    if (numbers_ < (version_ == 1 ? 2 : 3)) return nullptr;
    const StreamId last_id{position_[0], position_[1]};
    const int64_t read =
        version_ == 1 ? entries_up_to(state_, last_id) : static_cast<int64_t>(position_[2]);
    group_ = groups().create(group_name_, last_id, read);
    if (group_ == nullptr) return "a group is there twice";
    return want(Expect::kPending);
  }

  const char* pending(uint64_t deliveries) {
    pending_.deliveries = deliveries;
    if (!groups().load_pending(*group_, pending_)) return "a pending entry is there twice";
    return want(--pending_left_ > 0 ? Expect::kPendingId : Expect::kConsumers);
  }

  const char* next_consumer() {
    if (consumers_left_-- > 0) return want(Expect::kConsumerName);
    if (!groups().all_owned(*group_)) return "a pending entry has no consumer";
    return next_group();
  }

  const char* owned(StreamId id) {
    if (!groups().load_owner(*group_, id, *consumer_)) {
      return "a consumer's pending entry is not its group's, or another's as well";
    }
    return --ids_left_ > 0 ? nullptr : next_consumer();
  }

  int version_;
  Expect expect_ = Expect::kNodes;
  std::unique_ptr<LargeStream> stream_ = std::make_unique<LargeStream>();
  StreamState state_;
  int numbers_ = 0;  // read so far, of the state or of a position
  uint64_t nodes_left_ = 0;
  StreamId node_id_;
  StreamId last_entry_;
  uint64_t entries_ = 0;
  uint64_t groups_left_ = 0;
  std::string group_name_;
  uint64_t position_[3] = {};
  StreamGroup* group_ = nullptr;
  uint64_t pending_left_ = 0;
  PendingEntry pending_;
  uint64_t consumers_left_ = 0;
  StreamConsumer* consumer_ = nullptr;
  uint64_t ids_left_ = 0;
};

}  // namespace

std::unique_ptr<ValueBuilder> build_stream(int version) {
  return std::make_unique<StreamBuilder>(version);
}

}  // namespace redan
