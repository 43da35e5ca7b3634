#include "tests/unit/server/drivers/replication_node.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/metrics/info_writer.h"
#include "server/drivers/client_io.h"
#include "server/drivers/replication_driver.h"
#include "server/keyspace/keyspace.h"

namespace redan {

namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

std::string temporary_dir() {
  char path[] = "/tmp/redan-repl-XXXXXX";
  return ::mkdtemp(path);
}

std::string field_of(const std::string& text, std::string_view field) {
  const std::string name = "\n" + std::string(field) + ":";
  const size_t at = ("\n" + text).find(name);
  if (at == std::string::npos) return "";
  const size_t from = at + name.size() - 1;
  return text.substr(from, text.find('\r', from) - from);
}

}  // namespace

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) std::abort();
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  ::close(fd);
  return ntohs(address.sin_port);
}

TestClient::TestClient(int port) {
  const sockaddr_in address = loopback(port);
  const bool connected = eventually([&] {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
      return true;
    ::close(std::exchange(fd_, -1));
    return false;
  });
  if (!connected) return;  // Every call then answers "connection lost".
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}
TestClient::~TestClient() {
  if (fd_ >= 0) ::close(fd_);
}

void TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

std::string TestClient::receive() {
  char bytes[65536];
  const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
  return got <= 0 ? std::string() : std::string(bytes, static_cast<size_t>(got));
}

Reply TestClient::call(std::vector<std::string> args) {
  ByteBuffer request;
  append_request(request, std::vector<std::string_view>(args.begin(), args.end()));
  send(request.view());
  for (;;) {
    Result<std::optional<Reply>> reply = parser_.next();
    if (!reply) return {.kind = Reply::Kind::kError, .text = reply.error().text()};
    if (reply->has_value()) return **reply;
    const std::string bytes = receive();
    if (bytes.empty()) return {.kind = Reply::Kind::kError, .text = "connection lost"};
    parser_.feed(bytes);
  }
}

struct TestNode::Inside final : RequestHandler {
  explicit Inside(ServerConfig c)
      : config(std::move(c)),
        keyspace(keyspace_options(1)),
        snapshots({.loop = loop,
                   .keyspace = keyspace,
                   .config = config,
                   .origin = [this] { return replication.origin(); }}),
        io(loop, *this),
        replication(
            {.loop = loop,
             .config = config,
             .snapshots = snapshots,
             .fresh_keyspace = [this] { return std::make_unique<Keyspace>(keyspace_options(2)); },
             .install_keyspace =
                 [this](std::unique_ptr<Keyspace> fresh) { keyspace.swap_data(*fresh); },
             .adopt_primary =
                 [this](int fd, std::string leftover) {
                   return io.adopt(fd, ClientKind::kPrimary, leftover);
                 },
             .role_changed = [this](std::string_view host,
                                    int) { keyspace.set_replica(!host.empty()); },
             .pause_writes = [this](bool on) { paused = on; },
             .key_count = [this] { return keyspace.total_size(); }}) {}

  KeyspaceOptions keyspace_options(uint64_t seed) const {
    const bool slots = config.cluster_enabled;
    return {.databases = slots ? 1 : 16, .seed = seed, .slots = slots};
  }

  void opened(Session&) override {}
  RequestLimits limits(const Session&) const override { return {}; }
  void input_begins() override {}
  void input_ends() override {}
  void malformed(Session&, std::string_view) override {}
  void batch_begins() override { keyspace.set_now(wall_now()); }
  void batch_done() override { replication.flush(); }
  void closed(Session& session) override { replication.session_closed(session); }

  Executed execute(Session& session, std::span<const std::string_view> args, std::string_view raw,
                   ReplyWriter& reply) override {
    if (session.kind == ClientKind::kPrimary) {
      ByteBuffer ignored;
      ReplyWriter nobody(ignored, Resp::k2);
      run(session, args, nobody);
      replication.applied(session, raw);
    } else {
      run(session, args, reply);
    }
    return Executed::kDone;
  }

  void run(Session& session, std::span<const std::string_view> args, ReplyWriter& reply) {
    const std::string name = to_upper(args[0]);
    if (name == "MULTI") {
      session.transaction = std::make_unique<Transaction>();
      session.transaction->open = true;
      return reply.ok();
    }
    if (name == "EXEC") {
      const auto queue = std::move(session.transaction->queue);
      session.transaction.reset();
      replication.feed(session.db, std::vector<std::string_view>{"MULTI"});
      reply.array(queue.size());
      for (const QueuedCommand& command : queue) {
        run(session, std::vector<std::string_view>(command.args.begin(), command.args.end()),
            reply);
      }
      replication.feed(session.db, std::vector<std::string_view>{"EXEC"});
      return;
    }
    if (session.in_multi()) {
      session.transaction->queue.push_back({{args.begin(), args.end()}});
      return reply.simple("QUEUED");
    }
    const bool write = name == "SET" || name == "DEL" || name == "BULK" || name == "FLUSHALL";
    if (write && session.kind != ClientKind::kPrimary) {
      if (replication.is_replica()) return reply.error_text("READONLY", "You can't write");
      if (paused) return reply.error_text("PAUSED", "try later");
    }
    if (name == "PING") {
      reply.simple("PONG");
    } else if (name == "SET") {
      keyspace.set_string(session.db, args[1], args[2]);
      replication.feed(session.db, args);
      reply.ok();
    } else if (name == "DEL") {
      keyspace.erase(session.db, args[1]);
      replication.feed(session.db, args);
      reply.ok();
    } else if (name == "FLUSHALL") {
      keyspace.flush(-1, Keyspace::Free::kNow);
      reply.ok();
    } else if (name == "BULK") {
      for (int64_t i = 0; i < *parse_int64(args[1]); ++i) {
        const std::string key = "bulk:" + std::to_string(i);
        keyspace.set_string(session.db, key, key + "=" + std::string(20, 'v'));
        replication.feed(session.db, std::vector<std::string_view>{
                                         "SET", key, key + "=" + std::string(20, 'v')});
      }
      reply.ok();
    } else if (name == "GET") {
      const Entry* entry = keyspace.read(session.db, args[1]);
      Entry::Scratch scratch;
      entry == nullptr ? reply.null() : reply.bulk(entry->string(scratch));
    } else if (name == "SELECT") {
      // With slots there is one database, and stories that change it are told on that.
      session.db = static_cast<int>(*parse_int64(args[1])) % keyspace.databases();
      reply.ok();
    } else if (name == "INFO") {
      InfoWriter info;
      replication.write_info(info);
      replication.write_stats(info);
      reply.bulk(info.text());
    } else if (name == "ROLE") {
      replication.write_role(reply);
    } else if (name == "REPLCONF") {
      replication.replconf(session, args, reply);
    } else if (name == "PSYNC" || name == "SYNC") {
      replication.psync(session, args, reply);
    } else if (name == "REPLICAOF") {
      const bool nobody = args[1] == "NO";
      (void)replication.replicate_from(nobody ? "" : args[1],
                                       nobody ? 0 : static_cast<int>(*parse_int64(args[2])));
      reply.ok();
    } else if (name == "FAILOVER") {
      const Result<void> result = replication.failover(args);
      result ? reply.ok() : reply.error(result.error());
    } else if (name == "STILL") {
      replication.keep_still(args[1] == "yes");
      reply.ok();
    } else if (name == "CONTACT") {
      const std::optional<Instant> contact = replication.contact();
      reply.bulk(!contact ? "never" : *contact <= monotonic_now() ? "past" : "future");
    } else if (name == "ACKED") {
      replication.request_acks();
      reply.integer(replication.replicas_at(*parse_int64(args[1])));
    } else if (name == "CUT") {
      for (const auto& [id, other] : io.sessions()) {
        if (other->kind == ClientKind::kReplica || other->kind == ClientKind::kPrimary) {
          other->connection->close_soon("cut");
        }
      }
      reply.ok();
    } else if (name == "CONTENT") {
      reply.bulk(content());
    } else {
      reply.error_text("ERR", "unknown command");
    }
  }

  std::string content() {
    std::vector<std::string> lines;
    Entry::Scratch scratch;
    for (int db = 0; db < keyspace.databases(); ++db) {
      keyspace.for_each(db, [&](const Entry& entry) {
        lines.push_back(std::to_string(db) + " " + std::string(entry.key()) + " " +
                        std::string(entry.is_integer() ? std::to_string(entry.integer())
                                                       : std::string(entry.string(scratch))));
      });
    }
    std::sort(lines.begin(), lines.end());
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }

  DataLoop loop;
  ServerConfig config;
  Keyspace keyspace;
  bool paused = false;
  SnapshotDriver snapshots;
  ClientIo io;
  ReplicationDriver replication;
};

TestNode::TestNode(ServerConfig config) : port_(free_port()) {
  config.port = port_;
  config.dir = temporary_dir();
  inside_ = std::make_unique<Inside>(std::move(config));
  const std::string address[] = {"127.0.0.1"};
  if (!inside_->io.listen(address, port_)) std::abort();
  inside_->replication.start({});
  thread_ = std::thread([this] { inside_->loop.run(); });
  client_ = std::make_unique<TestClient>(port_);
}

TestNode::~TestNode() {
  client_.reset();
  inside_->loop.post([this] {
    inside_->replication.stop();
    inside_->io.shut_down();
    inside_->loop.stop();
  });
  thread_.join();
  std::filesystem::remove_all(inside_->config.dir);
}

Reply TestNode::call(std::vector<std::string> args) {
  return client_->call(std::move(args));
}
std::string TestNode::info(std::string_view field) {
  return field_of(call({"INFO"}).text, field);
}

RedisServer::RedisServer(std::vector<std::string> options)
    : port_(free_port()), dir_(temporary_dir()) {
  std::vector<std::string> args = {
      "redis-server", "--port", std::to_string(port_),        "--bind", "127.0.0.1", "--dir", dir_,
      "--save",       "",       "--repl-diskless-sync-delay", "0"};
  args.insert(args.end(), options.begin(), options.end());
  std::vector<char*> argv;
  for (std::string& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  const std::string log = dir_ + "/log";
  pid_ = ::fork();
  if (pid_ == 0) {
    const int out = ::open(log.c_str(), O_CREAT | O_WRONLY, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execvp(argv[0], argv.data());
    ::_exit(127);
  }
  client_ = std::make_unique<TestClient>(port_);
}

RedisServer::~RedisServer() {
  client_.reset();
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  std::filesystem::remove_all(dir_);
}

Reply RedisServer::call(std::vector<std::string> args) {
  return client_->call(std::move(args));
}
std::string RedisServer::info(std::string_view field) {
  return field_of(call({"INFO"}).text, field);
}

std::string RedisServer::content() {
  std::vector<std::string> lines;
  for (int db = 0; db < 16; ++db) {
    call({"SELECT", std::to_string(db)});
    for (const Reply& key : call({"KEYS", "*"}).elements) {
      lines.push_back(std::to_string(db) + " " + key.text + " " + call({"GET", key.text}).text);
    }
  }
  call({"SELECT", "0"});
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace redan
