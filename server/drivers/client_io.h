// The clients' connections of a data node: accepts them, tells them when to read, and ends a batch.
//
// All client sockets stand in the epoll descriptor that the data loop waits on, in which Asio's own
// is just one more (architecture 2 has the measurements). A wake-up handles every ready socket: its
// bytes are read, each whole request is executed at once (client.h), and the replies of a client
// leave in one write at the end of the batch, after RequestHandler::batch_done().
// Everything here runs on the data thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "server/drivers/client.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/request_handler.h"
#include "server/session/session.h"

namespace redan {

struct ClientIoOptions {
  int64_t max_clients = 10000;
  int64_t keepalive_s = 300;
  int64_t backlog = 511;
  int64_t accepts_per_turn = 10;
  uint32_t socket_mark = 0;       // of listening sockets; zero: none
  bool refuse_strangers = false;  // protected mode applies: only loopback and unix clients
  ClientLimits limits = {};
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
  const ClientIoStats& stats() const { return shared_.stats; }
  void reset_stats() { shared_.stats = {}; }
  ClientBuffers buffers(const Session& session) const;

  // Writes what is pending where the kernel takes it at once, then closes everything.
  void shut_down();

 private:
  struct Listener;

  void ready(epoll_event* events, int count) override;
  void finish_batch();
  void close_listed();
  void accept(Listener& listener);
  Client& add(int descriptor, bool unix_socket);
  void watch(std::unique_ptr<Listener> listener);

  ClientShared shared_;
  ClientIoOptions options_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::map<uint64_t, std::unique_ptr<Client>> clients_;
  std::map<uint64_t, Session*> sessions_;
  uint64_t next_id_ = 1;
  DataLoop::Timer housekeeping_;
};

}  // namespace redan
