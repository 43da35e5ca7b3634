#include "clusterctl/access.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/base/parse.h"
#include "common/resp/writer.h"

namespace redan {

namespace {

constexpr size_t kAtOnce = 16;

Result<void> introduce(SyncClient& client, const std::string& user, const std::string& password) {
  if (password.empty()) return kOk;
  Result<Reply> reply =
      user.empty() ? client.call({"AUTH", password}) : client.call({"AUTH", user, password});
  if (!reply) return reply.error();
  // A server without a password needs none.
  if (reply->is_error() &&
      reply->text.find("without any password configured") == std::string::npos) {
    return Error("AUTH", to_text(client.peer()) + " refused the password: " + reply->text);
  }
  return kOk;
}

Result<SyncClient> connect(const Endpoint& at, const std::string& user, const std::string& password,
                           Millis timeout) {
  Result<SyncClient> client = SyncClient::connect(at, timeout);
  if (!client) return client;
  if (Result<void> known = introduce(*client, user, password); !known) return known.error();
  return client;
}

// What an operator can do about an error reply.
std::string hint(const std::string& answer) {
  if (answer.starts_with("NOAUTH")) return " (give the password with -a, --pass or REDISCLI_AUTH)";
  if (answer.starts_with("NOPERM")) return " (log in as a user that may: --user NAME --pass WORD)";
  if (answer.starts_with("LOADING")) return " (it still loads its data: try again when it is done)";
  if (answer.find("cluster support disabled") != std::string::npos) {
    return " (start it with 'cluster-enabled yes')";
  }
  return "";
}

}  // namespace

InfoFields read_info(const std::string& text) {
  InfoFields fields;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    const size_t colon = line.find(':');
    if (line.empty() || line[0] == '#' || colon == std::string_view::npos) continue;
    fields[std::string(line.substr(0, colon))] = line.substr(colon + 1);
  }
  return fields;
}

std::string field(const InfoFields& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

int64_t field_number(const InfoFields& fields, const std::string& name) {
  return parse_int64(field(fields, name)).value_or(0);
}

Result<SyncClient> connect_node(const Endpoint& at, const Access& access) {
  return connect(at, access.user, access.password, access.timeout);
}

Result<SyncClient> connect_sentinel(const Endpoint& at, const Access& access) {
  const bool own = !access.sentinel_password.empty();
  return connect(at, "", own ? access.sentinel_password : access.password, access.timeout);
}

Error refused(const Endpoint& at, std::string_view request, const Reply& reply) {
  std::string text = to_text(at);
  if (!request.empty()) text += " answered to " + std::string(request);
  return Error("REPLY", text + ": " + reply.text + hint(reply.text));
}

Result<Reply> ask(SyncClient& client, std::initializer_list<std::string_view> args) {
  Result<Reply> reply = client.call(args);
  if (!reply || !reply->is_error()) return reply;
  return refused(client.peer(), "", *reply);
}

Result<NodeClient> NodeClient::connect(const Endpoint& at, const Access& access) {
  Result<SyncClient> client = connect_node(at, access);
  if (!client) return client.error();
  return NodeClient(client.take());
}

void NodeClient::queue(const Words& request) {
  const std::vector<std::string_view> args(request.begin(), request.end());
  append_request(requests_, args);
  ++queued_;
}

Result<std::vector<Reply>> NodeClient::flush() {
  const ByteBuffer requests = std::exchange(requests_, ByteBuffer());
  const size_t count = std::exchange(queued_, 0);
  std::vector<Reply> replies;
  replies.reserve(count);
  if (Result<void> sent = client_.send(requests.view()); !sent) return sent.error();
  for (size_t i = 0; i < count; ++i) {
    Result<Reply> reply = client_.read();
    if (!reply) return reply.error();
    replies.push_back(reply.take());
  }
  return replies;
}

Result<Reply> NodeClient::call(const Words& request) {
  queue(request);
  Result<std::vector<Reply>> replies = flush();
  if (!replies) return replies.error();
  return std::move(replies->back());
}

Result<Reply> NodeClient::ask(const Words& request) {
  Result<Reply> reply = call(request);
  if (!reply || !reply->is_error()) return reply;
  std::string words;
  for (size_t i = 0; i < request.size() && i < 3; ++i) words += (i ? " " : "") + request[i];
  return refused(at(), words, *reply);
}

void rest(Millis span) {
  poll(nullptr, 0, static_cast<int>(span.count()));
}

void for_each_at_once(size_t count, const std::function<void(size_t)>& each) {
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < count; i = next++) each(i);
  };
  std::vector<std::jthread> threads;
  for (size_t i = 1; i < std::min(count, kAtOnce); ++i) threads.emplace_back(work);
  work();
}

}  // namespace redan
