#include "server/drivers/snapshot_check.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "server/persistence/rdb_reader.h"

namespace redan {

namespace {

class Checker : public RdbHandler {
 public:
  explicit Checker(std::FILE* out) : out_(out) {}
  void set_reader(const RdbReader& reader) { reader_ = &reader; }

  Result<void> aux(std::string_view name, std::string_view value) override {
    fmt::print(out_, "[offset {}] AUX FIELD {} = '{}'\n", reader_->offset(), name, value);
    return kOk;
  }
  Result<void> select_db(uint64_t db) override {
    fmt::print(out_, "[offset {}] Selecting DB ID {}\n", reader_->offset(), db);
    return kOk;
  }
  Result<void> string_key(std::string_view, const RdbKeyFacts& facts, std::string_view) override {
    return count(facts);
  }
  Result<void> integer_key(std::string_view, const RdbKeyFacts& facts, int64_t) override {
    return count(facts);
  }
  Result<void> other_key(std::string_view, const RdbKeyFacts& facts, RdbType) override {
    return count(facts);
  }
  Result<void> function_library(std::string_view) override { return kOk; }
  Result<void> module_data(uint64_t id) override {
    fmt::print(out_, "[offset {}] MODULE AUX for: {}\n", reader_->offset(), module_name(id));
    return kOk;
  }

  void print_counts() const {
    fmt::print(out_, "[info] {} keys read\n[info] {} expires\n[info] {} already expired\n", keys_,
               expiring_, expired_);
  }

 private:
  Result<void> count(const RdbKeyFacts& facts) {
    ++keys_;
    if (facts.expires_unix_ms >= 0) {
      ++expiring_;
      if (facts.expires_unix_ms < now_ms_) ++expired_;
    }
    return kOk;
  }
  // Nine characters of six bits each stand above ten bits of version.
  static std::string module_name(uint64_t id) {
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string name(9, ' ');
    id >>= 10;
    for (size_t i = name.size(); i-- > 0; id >>= 6) name[i] = kAlphabet[id & 63];
    return name;
  }

  std::FILE* out_;
  const RdbReader* reader_ = nullptr;
  int64_t now_ms_ = unix_ms(wall_now());
  uint64_t keys_ = 0;
  uint64_t expiring_ = 0;
  uint64_t expired_ = 0;
};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

// kOk once the whole file is read and right.
Result<void> read_all(std::FILE* file, RdbReader& reader) {
  std::vector<char> piece(1 << 20);
  while (!reader.done()) {
    const size_t size = std::fread(piece.data(), 1, piece.size(), file);
    if (size == 0) {
      if (std::ferror(file) != 0) return Error(std::string("cannot read: ") + std::strerror(errno));
      break;
    }
    const Result<size_t> taken = reader.feed({piece.data(), size});
    if (!taken) return taken.error();
  }
  return reader.finish();
}

}  // namespace

int check_rdb_main(std::span<const std::string_view> args, std::FILE* out, std::FILE* errors) {
  if (args.size() != 1) {
    fmt::print(errors, "Usage: redis-check-rdb <rdb-file-name>\n");
    return 1;
  }
  if (args[0] == "-v" || args[0] == "--version") {
    fmt::print(out, "redis-check-rdb {}\n", REDAN_VERSION);
    return 0;
  }
  const std::string path(args[0]);
  fmt::print(out, "[offset 0] Checking RDB file {}\n", path);
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) {
    fmt::print(errors, "Cannot open {}: {}\n", path, std::strerror(errno));
    return 1;
  }
  uint64_t size = UINT64_MAX;  // of a pipe
  if (std::fseek(file.get(), 0, SEEK_END) == 0) {
    size = static_cast<uint64_t>(std::ftell(file.get()));
    std::rewind(file.get());
  }
  Checker checker(out);
  RdbReader reader(checker, {.total_bytes = size});
  checker.set_reader(reader);

  const Result<void> read = read_all(file.get(), reader);
  if (!read) {
    fmt::print(out, "--- RDB ERROR DETECTED ---\n[offset {}] {}\n", reader.failure_offset(),
               reader.failure_reason().empty() ? read.error().message() : reader.failure_reason());
    fmt::print(out, "[additional info] While doing: {}\n", reader.doing());
    if (reader.type() >= 0) {
      if (!reader.key().empty()) {
        fmt::print(out, "[additional info] Reading key {}\n", quote_word(reader.key()));
      }
      fmt::print(out, "[additional info] Reading type {} ({})\n", reader.type(),
                 rdb_type_name(static_cast<RdbType>(reader.type())));
    }
    checker.print_counts();
    return 1;
  }
  fmt::print(out, "[offset {}] {}\n", reader.offset(),
             reader.has_checksum() ? "Checksum OK"
                                   : "The file was saved without a checksum: no check performed");
  fmt::print(out, "[offset {}] \\o/ RDB looks OK! \\o/\n", reader.offset());
  if (size != UINT64_MAX && size > reader.offset()) {
    fmt::print(out, "[info] {} bytes follow the snapshot and are ignored\n",
               size - reader.offset());
  }
  checker.print_counts();
  return 0;
}

}  // namespace redan
