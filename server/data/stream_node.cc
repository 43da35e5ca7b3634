#include "server/data/stream_node.h"

namespace redan {

StreamNode::StreamNode(StreamId id, std::string_view bytes) : id_(id), pack_(bytes) {
  const size_t count_at = skip(Listpack::kHeaderBytes, 2);
  fields_ = static_cast<uint64_t>(integer_at(count_at));
  fields_at_ = pack_.end_of(count_at);
  entries_at_ = skip(fields_at_, fields_ + 1);
}

uint64_t StreamNode::deleted() const {
  return static_cast<uint64_t>(integer_at(pack_.end_of(Listpack::kHeaderBytes)));
}

bool StreamNode::read(size_t at, StreamEntry& entry) const {
  if (at >= bytes().size() - 1) return false;
  entry.at = at;
  entry.flags = static_cast<uint8_t>(integer_at(at));
  at = pack_.end_of(at);
  entry.id.ms = id_.ms + static_cast<uint64_t>(integer_at(at));
  at = pack_.end_of(at);
  entry.id.seq = id_.seq + static_cast<uint64_t>(integer_at(at));
  at = pack_.end_of(at);
  entry.fields = fields_;
  if (!entry.same_fields()) {
    entry.fields = static_cast<uint64_t>(integer_at(at));
    at = pack_.end_of(at);
  }
  entry.values_at = at;
  return true;
}

bool StreamNode::next(StreamEntry& entry) const {
  const size_t parts_at = skip(entry.values_at, entry.fields * (entry.same_fields() ? 1 : 2));
  return read(pack_.end_of(parts_at), entry);
}

// The entry that ends at `end`.
bool StreamNode::read_before(size_t end, StreamEntry& entry) const {
  if (end <= entries_at_) return false;
  size_t at = pack_.previous(end);
  for (int64_t parts = integer_at(at); parts > 0; --parts) at = pack_.previous(at);
  return read(at, entry);
}

namespace {

struct Writer {
  char* at;
  void add(const PackedElement& element) {
    element.write(at);
    at += element.size();
  }
};

}  // namespace

StreamEntryDraft::StreamEntryDraft(std::span<const std::string_view> words)
    : words_(words), same_fields_(true) {
  const size_t fields = words.size() / 2;
  size_ = Listpack::kHeaderBytes + 1;
  size_ += PackedElement(int64_t{1}).size() + PackedElement(int64_t{0}).size() * 2;
  size_ += PackedElement(static_cast<int64_t>(fields)).size();
  for (size_t i = 0; i < words.size(); i += 2) size_ += PackedElement(words[i]).size();
  elements_ = 4 + fields;
  measure_entry();
}

StreamEntryDraft::StreamEntryDraft(const StreamNode& node, StreamId id,
                                   std::span<const std::string_view> words)
    : words_(words),
      ms_(static_cast<int64_t>(id.ms - node.id().ms)),
      seq_(static_cast<int64_t>(id.seq - node.id().seq)) {
  if (node.fields() == words.size() / 2) {
    const Listpack pack(node.bytes());
    size_t at = node.fields_at();
    size_t i = 0;
    for (; i < words.size() && pack.at(at) == words[i]; i += 2) at = pack.end_of(at);
    same_fields_ = i == words.size();
  }
  measure_entry();
}

void StreamEntryDraft::measure_entry() {
  const size_t fields = words_.size() / 2;
  const size_t parts = same_fields_ ? 3 + fields : 4 + fields * 2;
  size_ += 2 + PackedElement(ms_).size() + PackedElement(seq_).size();
  if (!same_fields_) size_ += PackedElement(static_cast<int64_t>(fields)).size();
  for (size_t i = same_fields_ ? 1 : 0; i < words_.size(); i += same_fields_ ? 2 : 1) {
    size_ += PackedElement(words_[i]).size();
  }
  size_ += PackedElement(static_cast<int64_t>(parts)).size();
  elements_ += parts + 1;
}

void StreamEntryDraft::write_node(char* to) const {
  Writer writer{to + Listpack::kHeaderBytes};
  writer.add(PackedElement(int64_t{1}));
  writer.add(PackedElement(int64_t{0}));
  writer.add(PackedElement(static_cast<int64_t>(words_.size() / 2)));
  for (size_t i = 0; i < words_.size(); i += 2) writer.add(PackedElement(words_[i]));
  writer.add(PackedElement(int64_t{0}));
  write_entry(writer.at);
  to[size_ - 1] = static_cast<char>(0xFF);
  const auto total = static_cast<uint32_t>(size_);
  const auto count = static_cast<uint16_t>(std::min<size_t>(elements_, Listpack::kUnknownCount));
  std::memcpy(to, &total, 4);
  std::memcpy(to + 4, &count, 2);
}

void StreamEntryDraft::write_entry(char* to) const {
  const size_t fields = words_.size() / 2;
  Writer writer{to};
  writer.add(PackedElement(int64_t{same_fields_ ? kEntrySameFields : 0}));
  writer.add(PackedElement(ms_));
  writer.add(PackedElement(seq_));
  if (!same_fields_) writer.add(PackedElement(static_cast<int64_t>(fields)));
  for (size_t i = same_fields_ ? 1 : 0; i < words_.size(); i += same_fields_ ? 2 : 1) {
    writer.add(PackedElement(words_[i]));
  }
  writer.add(PackedElement(static_cast<int64_t>(same_fields_ ? 3 + fields : 4 + fields * 2)));
}

namespace {

// Goes over elements of a listpack that is one, but of which nothing else is known.
class ElementReader {
 public:
  explicit ElementReader(std::string_view bytes) : pack_(bytes), end_(bytes.size() - 1) {}
  bool more() const { return at_ < end_; }
  bool skip(uint64_t elements) {
    for (; elements > 0; --elements) {
      if (!more()) return false;
      at_ = pack_.end_of(at_);
    }
    return true;
  }
  bool integer(int64_t& value) {
    if (!more()) return false;
    const Listpack::Element element = pack_.at(at_);
    if (!element.is_integer) return false;
    value = element.integer;
    at_ = pack_.end_of(at_);
    return true;
  }
  // A number that must not be negative.
  bool count(uint64_t& value) {
    int64_t number;
    if (!integer(number) || number < 0) return false;
    value = static_cast<uint64_t>(number);
    return true;
  }
  // Flags are changed in place: one byte.
  bool flags(uint8_t& value) {
    int64_t number;
    const size_t at = at_;
    if (!integer(number) || number < 0 || number > (kEntryDeleted | kEntrySameFields)) return false;
    value = static_cast<uint8_t>(number);
    return at_ == at + 2;
  }

 private:
  Listpack pack_;
  size_t at_ = Listpack::kHeaderBytes;
  size_t end_;
};

}  // namespace

const char* validate_stream_node(StreamId id, std::string_view bytes, StreamId& last,
                                 uint64_t& live) {
  static constexpr const char* kTorn = "a stream's node is torn";
  if (!Listpack::validate(bytes)) return "a stream's node is no listpack";
  ElementReader reader(bytes);
  uint64_t deleted, fields, zero;
  if (!reader.count(live) || !reader.count(deleted) || !reader.count(fields) ||
      !reader.skip(fields) || !reader.count(zero) || zero != 0) {
    return kTorn;
  }
  uint64_t live_seen = 0, deleted_seen = 0;
  while (reader.more()) {
    uint8_t flags;
    int64_t ms, seq;
    if (!reader.flags(flags) || !reader.integer(ms) || !reader.integer(seq)) return kTorn;
    uint64_t parts = 3 + fields;
    uint64_t values = fields;
    if ((flags & kEntrySameFields) == 0) {
      if (!reader.count(values) || values > bytes.size()) return kTorn;
      parts = 4 + values * 2;
      values *= 2;
    }
    uint64_t told;
    if (!reader.skip(values) || !reader.count(told) || told != parts) return kTorn;
    const StreamId entry{id.ms + static_cast<uint64_t>(ms), id.seq + static_cast<uint64_t>(seq)};
    const bool first = live_seen + deleted_seen == 0;
    if (first ? entry < id : entry <= last) return "a stream's ids do not rise";
    last = entry;
    ++((flags & kEntryDeleted) != 0 ? deleted_seen : live_seen);
  }
  if (live_seen != live || deleted_seen != deleted) return "a stream's node is counted wrong";
  if (live + deleted == 0) return "a stream's node is empty";
  return nullptr;
}

}  // namespace redan
