// The replication stream of this node: the bytes that every replica gets, in shared blocks.
//
// Bytes are numbered from 1 as in Redis: offset() is the number of the last byte that exists
// (master_repl_offset), and a replica that holds everything up to byte n asks for n + 1. The blocks
// hold the bytes from first_byte() to offset(): at least size() of them once that many were fed,
// and everything that a slow replica has still to get (keep_from()). Whole blocks are dropped, so
// up to one block more than needed stays. A block is sealed when it is full; from then on it never
// changes and may be given to any number of connections without a copy.
//
// Without replicas there is no backlog (active() is false) and feeding costs nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace redan {

// A run of stream bytes inside one block. Only valid until the next feed unless `sealed`.
struct StreamPiece {
  std::shared_ptr<const std::string> block;
  size_t from = 0;
  size_t size = 0;
  bool sealed = false;
  std::string_view bytes() const { return {block->data() + from, size}; }
};

class Backlog {
 public:
  explicit Backlog(int64_t size_bytes) : size_(size_bytes) {}

  // repl-backlog-size; takes effect at the next feed.
  void resize(int64_t size_bytes) { size_ = size_bytes; }
  int64_t size() const { return size_; }

  bool active() const { return active_; }
  // From here on bytes are kept; the first of them will be offset() + 1.
  void activate();
  // Forgets the bytes and stops keeping new ones; the offset stays.
  void deactivate();
  // Another history: the last byte that exists is number `offset`, and none of it is held here.
  void jump_to(int64_t offset);

  // A command of this node as a primary, with SELECT before it where the database changed.
  void feed(int db, std::span<const std::string_view> args);
  // A command that means the same in every database (PING, REPLCONF GETACK).
  void feed_anywhere(std::span<const std::string_view> args);
  // Bytes of our own primary's stream, passed on as they came. Moves the offset even if inactive.
  void feed_verbatim(std::string_view bytes);
  // The next command gets a SELECT whatever came before: a replica joins that has no database yet.
  void forget_db() { stream_db_ = -1; }
  // The database that the stream's reader is in, -1 if a SELECT comes first.
  int stream_db() const { return stream_db_; }

  int64_t offset() const { return offset_; }
  int64_t first_byte() const { return first_byte_; }
  int64_t held_bytes() const { return active_ ? offset_ + 1 - first_byte_ : 0; }
  // True if a replica may go on with byte `wanted`: it and all behind it are here, or it is the
  // very next one.
  bool can_resume_at(int64_t wanted) const {
    return active_ && wanted >= first_byte_ && wanted <= offset_ + 1;
  }
  // The bytes from `wanted` to the end of their block; size 0 at the end of the stream.
  StreamPiece read(int64_t wanted) const;

  // The first byte that a connected replica has still to get; kNobody without replicas.
  static constexpr int64_t kNobody = INT64_MAX;
  void keep_from(int64_t wanted);

  size_t memory_bytes() const { return blocks_.size() * (block_bytes() + sizeof(Block)); }
  void check_invariants() const;

 private:
  struct Block {
    int64_t first;  // number of its first byte
    std::shared_ptr<std::string> bytes;
  };
  size_t block_bytes() const;
  size_t room() const { return blocks_.empty() ? 0 : blocks_.back().bytes->size() - used_; }
  void open_block();
  void append(std::string_view bytes);
  void append_header(char mark, uint64_t number);
  void append_command(std::span<const std::string_view> args);
  void trim();

  bool active_ = false;
  int64_t size_;
  int64_t offset_ = 0;
  int64_t first_byte_ = 1;
  int64_t keep_from_ = kNobody;
  int stream_db_ = -1;
  std::deque<Block> blocks_;
  size_t used_ = 0;  // bytes of the last block that are written; all others are full
};

}  // namespace redan
