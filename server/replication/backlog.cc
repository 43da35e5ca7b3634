#include "server/replication/backlog.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/base/decimal.h"

namespace redan {

namespace {

constexpr size_t kSmallestBlock = 4 * 1024;
constexpr size_t kLargestBlock = 64 * 1024;
// "$" or "*", up to 20 digits, CR LF; and CR LF behind an argument.
constexpr size_t kMostFraming = 25;

char* write_header(char* to, char mark, uint64_t number) {
  *to++ = mark;
  if (number < 10) {
    *to++ = static_cast<char>('0' + number);
  } else {
    to = print_decimal(to, number);
  }
  *to++ = '\r';
  *to++ = '\n';
  return to;
}

}  // namespace

size_t Backlog::block_bytes() const {
  const size_t sixteenth = static_cast<size_t>(std::max<int64_t>(size_, 0)) / 16;
  return std::clamp(sixteenth, kSmallestBlock, kLargestBlock);
}

void Backlog::activate() {
  if (active_) return;
  active_ = true;
  first_byte_ = offset_ + 1;
  stream_db_ = -1;
}

void Backlog::deactivate() {
  active_ = false;
  blocks_.clear();
  used_ = 0;
  first_byte_ = offset_ + 1;
  stream_db_ = -1;
}

void Backlog::jump_to(int64_t offset) {
  REDAN_CHECK(offset >= 0);
  blocks_.clear();
  used_ = 0;
  offset_ = offset;
  first_byte_ = offset + 1;
  stream_db_ = -1;
}

void Backlog::open_block() {
  trim();
  blocks_.push_back({offset_ + 1, std::make_shared<std::string>(block_bytes(), '\0')});
  used_ = 0;
}

void Backlog::append(std::string_view bytes) {
  while (!bytes.empty()) {
    if (room() == 0) open_block();
    const size_t size = std::min(bytes.size(), room());
    std::memcpy(blocks_.back().bytes->data() + used_, bytes.data(), size);
    used_ += size;
    offset_ += static_cast<int64_t>(size);
    bytes.remove_prefix(size);
  }
}

void Backlog::append_header(char mark, uint64_t number) {
  char text[kMostFraming];
  append({text, static_cast<size_t>(write_header(text, mark, number) - text)});
}

void Backlog::append_command(std::span<const std::string_view> args) {
  size_t most = kMostFraming;
  for (std::string_view arg : args) most += arg.size() + kMostFraming;
  if (most > room()) [[unlikely]] {
    append_header('*', args.size());
    for (std::string_view arg : args) {
      append_header('$', arg.size());
      append(arg);
      append("\r\n");
    }
    return;
  }
  // The usual case: all of it fits into the open block, and one pass writes it.
  char* const begin = blocks_.back().bytes->data() + used_;
  char* to = write_header(begin, '*', args.size());
  for (std::string_view arg : args) {
    to = write_header(to, '$', arg.size());
    if (!arg.empty()) std::memcpy(to, arg.data(), arg.size());
    to += arg.size();
    *to++ = '\r';
    *to++ = '\n';
  }
  used_ += static_cast<size_t>(to - begin);
  offset_ += to - begin;
}

void Backlog::feed(int db, std::span<const std::string_view> args) {
  if (!active_) return;
  if (db != stream_db_) {
    char digits[12];
    const char* end = print_decimal(digits, int64_t{db});
    const std::string_view select[] = {"SELECT", {digits, static_cast<size_t>(end - digits)}};
    append_command(select);
    stream_db_ = db;
  }
  append_command(args);
}

void Backlog::feed_anywhere(std::span<const std::string_view> args) {
  if (active_) append_command(args);
}

void Backlog::feed_verbatim(std::string_view bytes) {
  if (!active_) {
    offset_ += static_cast<int64_t>(bytes.size());
    first_byte_ = offset_ + 1;
    return;
  }
  append(bytes);
}

StreamPiece Backlog::read(int64_t wanted) const {
  REDAN_CHECK(wanted >= first_byte_);
  REDAN_CHECK(wanted <= offset_ + 1);
  if (wanted > offset_) return {};
  auto block = std::upper_bound(blocks_.begin(), blocks_.end(), wanted,
                                [](int64_t number, const Block& b) { return number < b.first; });
  --block;
  const bool last = std::next(block) == blocks_.end();
  const size_t filled = last ? used_ : block->bytes->size();
  const size_t from = static_cast<size_t>(wanted - block->first);
  return {block->bytes, from, filled - from, filled == block->bytes->size()};
}

void Backlog::keep_from(int64_t wanted) {
  keep_from_ = wanted;
  trim();
}

void Backlog::trim() {
  while (blocks_.size() > 1) {
    const int64_t next_first = blocks_[1].first;
    if (offset_ + 1 - next_first < size_ || next_first > keep_from_) return;
    blocks_.pop_front();
    first_byte_ = next_first;
  }
}

void Backlog::check_invariants() const {
  REDAN_CHECK(first_byte_ >= 1);
  REDAN_CHECK(first_byte_ <= offset_ + 1);
  const bool holds_only_while_active = active_ || blocks_.empty();
  REDAN_CHECK(holds_only_while_active);
  if (blocks_.empty()) {
    REDAN_CHECK(first_byte_ == offset_ + 1);
    return;
  }
  REDAN_CHECK(blocks_.front().first == first_byte_);
  int64_t next = first_byte_;
  for (const Block& block : blocks_) {
    REDAN_CHECK(block.first == next);
    const bool last = &block == &blocks_.back();
    next += static_cast<int64_t>(last ? used_ : block.bytes->size());
  }
  REDAN_CHECK(next == offset_ + 1);
}

}  // namespace redan
