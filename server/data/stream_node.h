// One node of a stream: entries that lie next to each other, in a listpack that is byte for byte
// Redis' own, so that RDB files and DUMP payloads hold it as it is.
//
//   node  = live deleted count field*count 0 entry*      fields: those of the node's first entry
//   entry = flags ms seq values parts                    ms, seq: the id, less the node's own
//   values = value*count                                 kSameFields: the fields are the node's
//          | n (field value)*n
//   parts  = how many elements of the listpack the entry has before this one
//
// live and deleted count the entries; a deleted one stays where it is, marked. The node's own id,
// its first entry's, is kept beside it. Source: DUMP of redis-server 7.0, taken apart.
//
// Nothing here checks the bytes: those of other origin go through validate_stream_node() first.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "server/data/listpack.h"
#include "server/data/stream_id.h"

namespace redan {

enum StreamEntryFlags : uint8_t { kEntryDeleted = 1, kEntrySameFields = 2 };

// An entry's place in its node.
struct StreamEntry {
  StreamId id;
  uint8_t flags = 0;
  uint64_t fields = 0;   // how many
  size_t at = 0;         // of its flags
  size_t values_at = 0;  // of its first value, or field
  bool deleted() const { return (flags & kEntryDeleted) != 0; }
  bool same_fields() const { return (flags & kEntrySameFields) != 0; }
};

class StreamNode {
 public:
  StreamNode() : pack_(std::string_view()) {}
  StreamNode(StreamId id, std::string_view bytes);

  StreamId id() const { return id_; }
  std::string_view bytes() const { return pack_.bytes(); }
  uint64_t live() const { return static_cast<uint64_t>(integer_at(Listpack::kHeaderBytes)); }
  uint64_t deleted() const;
  uint64_t fields() const { return fields_; }
  size_t fields_at() const { return fields_at_; }

  // Entries in their order, deleted ones as well. False: there is none (further).
  bool first(StreamEntry& entry) const { return read(entries_at_, entry); }
  bool next(StreamEntry& entry) const;
  bool last(StreamEntry& entry) const { return read_before(bytes().size() - 1, entry); }
  bool previous(StreamEntry& entry) const { return read_before(entry.at, entry); }

  // each(field, value) of an entry, as Listpack::Element.
  template <class Each>
  void for_each_field(const StreamEntry& entry, Each&& each) const {
    size_t at = entry.values_at;
    const bool same = entry.same_fields();
    size_t field_at = same ? fields_at_ : 0;
    for (uint64_t i = 0; i < entry.fields; ++i) {
      size_t& from = same ? field_at : at;
      const Listpack::Element field = pack_.at(from);
      from = pack_.end_of(from);
      each(field, pack_.at(at));
      at = pack_.end_of(at);
    }
  }

 private:
  int64_t integer_at(size_t at) const { return pack_.at(at).integer; }
  bool read(size_t at, StreamEntry& entry) const;
  bool read_before(size_t end, StreamEntry& entry) const;
  size_t skip(size_t at, uint64_t elements) const {
    for (; elements > 0; --elements) at = pack_.end_of(at);
    return at;
  }

  StreamId id_;
  Listpack pack_;
  uint64_t fields_ = 0;
  size_t fields_at_ = 0;
  size_t entries_at_ = 0;
};

// Bytes of a node that are to be written: what they will be, worked out before memory is made.
// `words` are fields and values by turns.
class StreamEntryDraft {
 public:
  // A new node that begins with this entry.
  explicit StreamEntryDraft(std::span<const std::string_view> words);
  // One more for a node.
  StreamEntryDraft(const StreamNode& node, StreamId id, std::span<const std::string_view> words);

  size_t size() const { return size_; }
  // The whole node.
  void write_node(char* to) const;
  // Behind the node's last entry; the end mark and the header are the caller's.
  void write_entry(char* to) const;
  // Elements of the listpack.
  size_t elements() const { return elements_; }

 private:
  void measure_entry();

  std::span<const std::string_view> words_;
  int64_t ms_ = 0;
  int64_t seq_ = 0;
  bool same_fields_ = false;
  size_t size_ = 0;
  size_t elements_ = 0;
};

// nullptr, or what is wrong. `last` becomes the node's last entry's id, `live` its live entries.
const char* validate_stream_node(StreamId id, std::string_view bytes, StreamId& last,
                                 uint64_t& live);

}  // namespace redan
