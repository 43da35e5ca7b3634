#include "clusterctl/rdb_download.h"

#include <filesystem>
#include <fstream>

#include "common/base/parse.h"

namespace redan {

namespace {

constexpr size_t kMarkBytes = 40;
constexpr size_t kMostHeading = 4096;
// A node may save for minutes, but it sends an empty line every few seconds meanwhile.
constexpr Seconds kSilence(60);

}  // namespace

Result<void> RdbStream::read_heading() {
  const size_t start = pending_.find_first_not_of("\r\n");
  pending_.erase(0, std::min(start, pending_.size()));
  const size_t end = pending_.find('\n');
  if (end == std::string::npos) {
    if (pending_.size() > kMostHeading) return Error("a reply without end to SYNC");
    return kOk;
  }
  const std::string line(trim(std::string_view(pending_).substr(0, end)));
  pending_.erase(0, end + 1);
  if (line.starts_with("$EOF:") && line.size() == 5 + kMarkBytes) {
    mark_ = line.substr(5);
  } else if (const auto size = line.starts_with("$") ? parse_int64(line.substr(1)) : std::nullopt;
             size && *size >= 0) {
    left_ = *size;
  } else {
    return Error("answered to SYNC: " + line);
  }
  began_ = true;
  return kOk;
}

Result<void> RdbStream::feed(std::string_view bytes, std::string& file) {
  if (complete_) return kOk;
  pending_.append(bytes);
  if (!began_) {
    if (Result<void> read = read_heading(); !read || !began_) return read;
  }
  if (mark_.empty()) {
    const size_t take = std::min(pending_.size(), static_cast<size_t>(left_));
    file.append(pending_, 0, take);
    pending_.erase(0, take);
    left_ -= static_cast<int64_t>(take);
    complete_ = left_ == 0;
    return kOk;
  }
  // The last 40 bytes may be the mark, which is known when nothing follows them.
  complete_ = pending_.ends_with(mark_);
  const size_t keep = std::min(pending_.size(), kMarkBytes);
  file.append(pending_, 0, pending_.size() - keep);
  pending_.erase(0, pending_.size() - keep);
  return kOk;
}

Result<int64_t> download_rdb(const Endpoint& from, const Access& access, const std::string& path,
                             const std::function<void(int64_t)>& received) {
  Result<NodeClient> client = NodeClient::connect(from, access);
  if (!client) return client.error();
  // Who does not know these sends all the same: the file, and then the stream of writes.
  for (const Words& request :
       {Words{"REPLCONF", "capa", "eof"}, Words{"REPLCONF", "rdb-only", "1"}}) {
    if (Result<Reply> reply = client->call(request); !reply) return reply.error();
  }
  if (Result<void> sent = client->raw().send("*1\r\n$4\r\nSYNC\r\n"); !sent) return sent.error();
  const std::string part = path + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  RdbStream stream;
  int64_t size = 0;
  std::string magic;
  while (!stream.complete()) {
    Result<std::string> bytes = client->raw().read_bytes(kSilence);
    if (!bytes) return bytes.error();
    std::string file;
    if (Result<void> fed = stream.feed(*bytes, file); !fed) {
      return fed.error().with_context(to_text(from));
    }
    if (magic.size() < 5) magic += file.substr(0, 5 - magic.size());
    if (!out.write(file.data(), static_cast<std::streamsize>(file.size()))) break;
    size += static_cast<int64_t>(file.size());
    received(static_cast<int64_t>(file.size()));
  }
  out.close();
  if (!out) return Error("IOERR", "cannot write " + part + " (is the disk full?)");
  if (magic != "REDIS") return Error("REPLY", to_text(from) + " sent no RDB file");
  std::error_code error;
  std::filesystem::rename(part, path, error);
  if (error) return Error("IOERR", "cannot rename " + part + ": " + error.message());
  return size;
}

}  // namespace redan
