// The clients' connections of a data node: accept, read, parse, execute, reply, close.
//
// All client sockets stand in the epoll descriptor that the data loop waits on, in which Asio's own
// is just one more (architecture 2 has the measurements). A wake-up handles every ready socket: its
// bytes are read into one shared arena, each whole request is executed at once, and the replies of
// a client leave in one write at the end of the batch, after RequestHandler::batch_done(). Only an
// incomplete request is copied to its client, so an idle connection costs less than 1 KB.
// Everything here runs on the data thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/resp/request_parser.h"
#include "common/resp/writer.h"
#include "server/drivers/data_loop.h"
#include "server/session/session.h"

namespace redan {

enum class Executed : uint8_t {
  kDone,
  // Not now: the connection stops reading, and after resume_reading() the same request comes again.
  kLater,
};

// What is done with requests; the dispatcher implements it.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  virtual void opened(Session& session) = 0;
  // `raw` is the request as it came, byte for byte.
  virtual Executed execute(Session& session, std::span<const std::string_view> args,
                           std::string_view raw, ReplyWriter& reply) = 0;
  virtual RequestLimits limits(const Session& session) const = 0;
  // The client sent what is no request; it has been told and will be closed.
  virtual void malformed(Session& session, std::string_view why) = 0;
  // Around the requests of one wake-up; batch_done comes before the replies are written.
  virtual void batch_begins() = 0;
  // Bytes of one client have been read and will now be executed.
  virtual void input_begins() = 0;
  virtual void batch_done() = 0;
  virtual void closed(Session& session) = 0;
};

// Soft and hard bounds of what may wait for a client that does not read; zero: none.
struct OutputLimit {
  uint64_t hard_bytes = 0;
  uint64_t soft_bytes = 0;
  int64_t soft_s = 0;
};

struct ClientIoOptions {
  int64_t max_clients = 10000;
  int64_t keepalive_s = 300;
  int64_t idle_timeout_s = 0;
  int64_t backlog = 511;
  bool refuse_strangers = false;  // protected mode applies: only loopback and unix clients
  std::array<OutputLimit, 3> output_limits = {};  // normal, replica, pubsub
  size_t query_buffer_limit = 1024UL * 1024 * 1024;
};

// Totals for INFO.
struct ClientIoStats {
  uint64_t connections = 0;
  uint64_t rejected = 0;
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;
  uint64_t reads = 0;
  uint64_t writes = 0;
  uint64_t wake_ups = 0;
  uint64_t output_limit_disconnections = 0;
  uint64_t query_buffer_disconnections = 0;
};

class ClientIo final : private EventSink {
 public:
  ClientIo(DataLoop& loop, RequestHandler& handler);
  ~ClientIo() override;
  ClientIo(const ClientIo&) = delete;
  ClientIo& operator=(const ClientIo&) = delete;

  void configure(const ClientIoOptions& options);

  // Opens a listening socket on each address ("*" and "-::*" as in `bind`; a leading '-' makes an
  // address that does not exist here no error). All or nothing.
  Result<void> listen(std::span<const std::string> addresses, int port);
  Result<void> listen_unix(const std::string& path, unsigned mode);
  void stop_listening();

  // Takes over a connected socket whose stream begins with `leftover`.
  Session* adopt(int descriptor, ClientKind kind, std::string_view leftover);

  // All sessions by id, oldest first. Closing one inside the loop is safe: it happens later.
  const std::map<uint64_t, Session*>& sessions() const { return sessions_; }
  Session* find(uint64_t id) const;
  size_t count() const { return sessions_.size(); }
  const ClientIoStats& stats() const { return stats_; }
  void reset_stats() { stats_ = {}; }
  // What CLIENT LIST tells about a connection's buffers.
  struct Buffers {
    size_t query = 0;
    size_t query_free = 0;
    size_t output = 0;        // bytes in the buffer being filled
    size_t output_list = 0;   // blocks behind it
    size_t output_bytes = 0;  // all bytes that wait
    size_t memory = 0;
  };
  Buffers buffers(const Session& session) const;

  // Writes what is pending where the kernel takes it at once, then closes everything.
  void shut_down();

 private:
  struct State;
  class Client;
  struct Listener;
  friend class Client;

  void ready(epoll_event* events, int count) override;
  void finish_batch();
  void close_listed();
  void accept(Listener& listener);
  Client& add(int descriptor, bool unix_socket);
  void watch(std::unique_ptr<Listener> listener);

  std::unique_ptr<State> state_;
  std::map<uint64_t, Session*> sessions_;
  ClientIoStats stats_;
};

}  // namespace redan
