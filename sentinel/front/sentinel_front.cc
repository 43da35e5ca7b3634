#include "sentinel/front/sentinel_front.h"

#include <sys/socket.h>
#include <unistd.h>

#include "common/base/glob.h"
#include "common/base/parse.h"
#include "common/net/endpoint.h"
#include "common/net/event_loop.h"
#include "sentinel/command/families.h"

namespace redan {

namespace {

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr std::string_view kProtectedMode =
    "-DENIED Redan is running in protected mode because protected mode is enabled and no password "
    "is set for the default user. In this mode connections are only accepted from the loopback "
    "interface. To connect from elsewhere set 'requirepass' in sentinel.conf, or 'protected-mode "
    "no' if the network is trusted, and restart the sentinel.\r\n";

void refuse(const AcceptedSocket& socket, std::string_view why) {
  [[maybe_unused]] const ssize_t sent =
      ::send(socket.fd, why.data(), why.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::close(socket.fd);
}

const SentinelFamilies& families() {
  static const SentinelFamilies all = sentinel_families();
  return all;
}

// Its answers are pushes, which come whatever CLIENT REPLY says.
bool answers_by_push(std::string_view command) {
  return command == "subscribe" || command == "psubscribe" || command == "unsubscribe" ||
         command == "punsubscribe";
}

// Takes back what was written behind `from`. Less than that: it left already, with a message.
void take_back(ByteBuffer& out, size_t from) {
  if (out.size() > from) out.truncate(from);
}

// ---- Gates, in order: each lets the call through or says why not.

Result<void> known(const SentinelCall& call, const SentinelTable::Entry* entry) {
  if (entry != nullptr && entry->handler != nullptr) return kOk;
  const CommandEntry* container = call.commands.find(call.arg(0));
  if (container == nullptr) return unknown_command(call.args);
  if (call.args.size() < 2) return wrong_arity(container->full_name);
  return Error("unknown subcommand '" + call.word(1).substr(0, 128) + "'. Try " +
               to_upper(container->full_name) + " HELP.");
}

Result<void> right_arity(const SentinelCall& call, const SentinelTable::Entry* entry) {
  if (entry->accepts(call.args.size())) return kOk;
  return wrong_arity(entry->full_name);
}

Result<void> authenticated(const SentinelCall& call, const SentinelTable::Entry* entry) {
  if (call.client.authenticated || entry->has(kNoAuth)) return kOk;
  return Error("NOAUTH", "Authentication required.");
}

Result<void> allowed_while_subscribed(const SentinelCall& call, const SentinelTable::Entry* entry) {
  if (!call.client.subscribed() || call.client.protocol == Resp::k3) return kOk;
  for (const std::string_view allowed :
       {"ping", "subscribe", "psubscribe", "unsubscribe", "punsubscribe", "quit", "reset"}) {
    if (entry->full_name == allowed) return kOk;
  }
  return Error(
      "Can't execute '" + entry->full_name +
      "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this "
      "context");
}

using Gate = Result<void> (*)(const SentinelCall&, const SentinelTable::Entry*);
constexpr Gate kGates[] = {known, right_arity, authenticated, allowed_while_subscribed};

}  // namespace

std::string_view refusal(const SentinelConfig& config, size_t clients, std::string_view peer) {
  if (clients >= static_cast<size_t>(config.maxclients)) return kTooManyClients;
  const bool open_to_all = config.protected_mode && config.requirepass.empty();
  return open_to_all && !is_loopback(peer) ? kProtectedMode : std::string_view{};
}

Result<std::unique_ptr<SentinelFront>> SentinelFront::open(EventLoop& loop,
                                                           SentinelService& sentinel,
                                                           std::string run_id) {
  std::unique_ptr<SentinelFront> front(new SentinelFront(loop, sentinel, std::move(run_id)));
  const SentinelConfig& config = sentinel.config();
  auto listener = Listener::open(
      loop.io(),
      {.bind = config.bind,
       .port = static_cast<int>(config.port),
       .backlog = static_cast<int>(config.tcp_backlog)},
      [raw = front.get()](AcceptedSocket socket) { raw->accept(std::move(socket)); });
  if (!listener) return listener.error();
  front->listener_ = listener.take();
  return front;
}

SentinelFront::SentinelFront(EventLoop& loop, SentinelService& sentinel, std::string run_id)
    : loop_(loop), sentinel_(sentinel), commands_(families()) {
  traffic_.started = sentinel.now();
  traffic_.run_id = std::move(run_id);
  idle_timer_ = loop.every(Seconds(1), [this] { close_idle(); });
}

SentinelFront::~SentinelFront() {
  close_all();
}

void SentinelFront::close_all() {
  listener_.reset();
  while (!members_.empty()) {
    const auto connection = members_.begin()->second->connection;
    connection->close();
  }
}

void SentinelFront::accept(AcceptedSocket socket) {
  ++traffic_.connections;
  const SentinelConfig& config = sentinel_.config();
  const std::string_view why_not = refusal(config, members_.size(), socket.peer.host);
  if (!why_not.empty()) {
    ++traffic_.rejected;
    return refuse(socket, why_not);
  }
  auto member = std::make_shared<Member>();
  SentinelClient& client = member->client;
  client.id = ++last_id_;
  client.fd = socket.fd;
  client.address = to_text(socket.peer);
  client.local_address = to_text(socket.local);
  client.connected = client.last_request = sentinel_.now();
  client.authenticated = config.requirepass.empty();
  RespConnection::Limits limits;
  limits.requests.authenticated = client.authenticated;
  limits.requests.max_bulk_bytes = 64 * 1024 * 1024;
  limits.max_query_bytes = 128UL * 1024 * 1024;
  limits.max_output_bytes = 32UL * 1024 * 1024;
  member->connection = RespConnection::start(loop_.io(), std::move(socket), limits, *this);
  members_.emplace(member->connection.get(), member);
}

void SentinelFront::on_closed(RespConnection& connection) {
  members_.erase(&connection);
}

void SentinelFront::on_request(RespConnection& connection, std::span<const std::string_view> args) {
  const auto found = members_.find(&connection);
  if (found == members_.end()) return;
  const std::shared_ptr<Member> member = found->second;
  SentinelClient& client = member->client;
  client.last_request = sentinel_.now();
  client.query_bytes = connection.query_bytes();
  if (client.last_request < paused_until_) return postpone(member, args);
  execute(member, args);
}

bool SentinelFront::execute(const std::shared_ptr<Member>& member,
                            std::span<const std::string_view> args) {
  RespConnection& connection = *member->connection;
  SentinelClient& client = member->client;
  ++traffic_.commands;
  bool taken = false;
  const size_t before = connection.out().size();
  SentinelCall call{.args = args,
                    .reply = ReplyWriter(connection.out(), client.protocol),
                    .client = client,
                    .port = *this,
                    .sentinel = sentinel_,
                    .commands = commands_,
                    .later = [this, &member, &taken] {
                      taken = true;
                      return take_over(member);
                    }};
  const Result<void> done = dispatch(call);
  if (!done) {
    ++traffic_.errors;
    call.reply.error(done.error());
  }
  const bool pushed = done && answers_by_push(client.last_command);
  if (client.replies.silent() && !pushed) take_back(connection.out(), before);
  client.replies.end_of_request();
  connection.limits().requests.authenticated = client.authenticated;
  return taken;
}

void SentinelFront::pause(Millis span) {
  paused_until_ = sentinel_.now() + span;
  pause_timer_ = loop_.after(span, [this] { end_pause(); });
}

void SentinelFront::postpone(const std::shared_ptr<Member>& member,
                             std::span<const std::string_view> args) {
  member->connection->hold();
  postponed_.push_back({member, {args.begin(), args.end()}});
}

// One of them may pause anew: those behind it wait on.
void SentinelFront::end_pause() {
  std::vector<Postponed> waiting = std::exchange(postponed_, {});
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (sentinel_.now() < paused_until_) {
      postponed_.insert(postponed_.begin(), waiting.begin() + static_cast<ptrdiff_t>(i),
                        waiting.end());
      return;
    }
    const auto member = waiting[i].member.lock();
    if (!member) continue;
    const std::vector<std::string_view> args(waiting[i].words.begin(), waiting[i].words.end());
    if (!execute(member, args)) member->connection->release();
  }
}

Result<void> SentinelFront::dispatch(SentinelCall& call) {
  const SentinelTable::Entry* entry = commands_.resolve(call.args);
  for (const Gate gate : kGates) {
    if (Result<void> passed = gate(call, entry); !passed) return passed;
  }
  call.client.last_command = entry->full_name;
  return entry->handler(call);
}

SentinelCall::Finish SentinelFront::take_over(const std::shared_ptr<Member>& member) {
  member->connection->hold();
  return [weak = std::weak_ptr(member), silent = member->client.replies.silent()](
             const std::function<void(ReplyWriter&)>& write) {
    const auto still = weak.lock();
    if (!still) return;
    ByteBuffer& out = still->connection->out();
    const size_t before = out.size();
    ReplyWriter reply(out, still->client.protocol);
    write(reply);
    if (silent) take_back(out, before);
    still->connection->release();
  };
}

std::vector<SentinelClient*> SentinelFront::clients() {
  std::map<int64_t, SentinelClient*> by_id;
  for (const auto& [connection, member] : members_) {
    member->client.output_bytes = connection->unread_bytes();
    by_id[member->client.id] = &member->client;
  }
  std::vector<SentinelClient*> all;
  for (const auto& [id, client] : by_id) all.push_back(client);
  return all;
}

void SentinelFront::disconnect(SentinelClient& client) {
  for (const auto& [raw, member] : members_) {
    if (&member->client != &client) continue;
    const auto connection = member->connection;
    return connection->close_after_reply();  // May change members_.
  }
}

void SentinelFront::publish(const std::string& channel, const std::string& text) {
  std::vector<std::shared_ptr<Member>> all;  // A full output ends a connection on the way.
  for (const auto& [raw, member] : members_) all.push_back(member);
  for (const auto& member : all) {
    SentinelClient& client = member->client;
    ReplyWriter message(member->connection->out(), client.protocol);
    if (client.channels.contains(channel)) {
      message.push(3);
      message.bulk("message");
      message.bulk(channel);
      message.bulk(text);
    }
    for (const std::string& pattern : client.patterns) {
      if (!glob_match(pattern, channel)) continue;
      message.push(4);
      message.bulk("pmessage");
      message.bulk(pattern);
      message.bulk(channel);
      message.bulk(text);
    }
    member->connection->flush();
  }
}

size_t SentinelFront::receivers(const std::string& channel) {
  size_t count = 0;
  for (const auto& [raw, member] : members_) {
    if (member->client.channels.contains(channel)) ++count;
    for (const std::string& pattern : member->client.patterns) {
      if (glob_match(pattern, channel)) ++count;
    }
  }
  return count;
}

void SentinelFront::close_idle() {
  const int64_t timeout_s = sentinel_.config().timeout;
  if (timeout_s == 0) return;
  std::vector<std::shared_ptr<Member>> idle;
  for (const auto& [raw, member] : members_) {
    const bool old = sentinel_.now() - member->client.last_request > Seconds(timeout_s);
    if (old && !member->client.subscribed()) idle.push_back(member);
  }
  for (const auto& member : idle) member->connection->close();
}

}  // namespace redan
