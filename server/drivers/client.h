// One client's connection: reads and executes its requests, keeps what cannot be executed or
// written yet, and closes itself where a limit is passed.
//
// A request that is whole in the shared arena is executed there; only an incomplete one is copied
// to its client, and replies are gathered in a buffer borrowed from a pool, so an idle connection
// costs less than 1 KB. A client never writes or closes in the middle of a batch: it puts itself on
// a list, which ClientIo goes through at the end. Everything here runs on the data thread.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "common/resp/buffer.h"
#include "common/resp/request_parser.h"
#include "server/drivers/data_loop.h"
#include "server/drivers/request_handler.h"
#include "server/session/client_memory.h"
#include "server/session/session.h"

namespace redan {

// Soft and hard bounds of what may wait for a client that does not read; zero: none.
struct OutputLimit {
  uint64_t hard_bytes = 0;
  uint64_t soft_bytes = 0;
  int64_t soft_s = 0;
};

struct ClientLimits {
  int64_t idle_timeout_s = 0;
  std::array<OutputLimit, 3> output = {};  // normal, replica, pubsub
  size_t query_buffer = 1024UL * 1024 * 1024;
  size_t memory = 0;  // of all clients together (maxmemory-clients); 0: any
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
  uint64_t evicted = 0;  // for maxmemory-clients
};

// What CLIENT LIST tells about a connection's buffers.
struct ClientBuffers {
  size_t query = 0;
  size_t query_free = 0;
  size_t output = 0;        // bytes in the buffer being filled
  size_t output_list = 0;   // blocks behind it
  size_t output_bytes = 0;  // all bytes that wait
  size_t memory = 0;
};

// Behind every epoll event stands one of these.
struct Pollable {
  explicit Pollable(bool is_listener) : listener(is_listener) {}
  const bool listener;
};

class Client;

// What all clients of one ClientIo share.
struct ClientShared {
  static constexpr size_t kArenaBytes = 64 * 1024;

  ClientShared(DataLoop& data_loop, RequestHandler& request_handler,
               std::function<void()> finish_batch);

  DataLoop& loop;
  RequestHandler& handler;
  const int epoll;  // the loop's
  ClientLimits limits;
  ClientIoStats stats;
  ClientMemory memory;  // kept only while limits.memory is set
  std::unique_ptr<char[]> arena{new char[kArenaBytes]};
  RequestParser parser;  // for requests that are whole in the arena
  RequestsAhead ahead;   // of the client whose requests are executed

  bool in_batch = false;
  std::vector<Client*> to_write;   // have new output since the last flush
  std::vector<Client*> to_resume;  // may go on with input that waits
  std::vector<Client*> to_close;
  // Outside of a batch nobody would look at the lists: makes the loop do it.
  void post_flush();
  // maxmemory-clients: closes those who hold the most, until the others may stay.
  void evict_clients();

  ByteBuffer take_buffer();
  void give_buffer(ByteBuffer buffer);

 private:
  std::function<void()> finish_batch_;
  bool flush_posted_ = false;
  std::vector<ByteBuffer> pool_;  // buffers of clients that have nothing to say
};

class Client final : public Connection, public Pollable, public ClientMemory::Share {
 public:
  // Owns `descriptor` and puts it into the epoll descriptor.
  Client(ClientShared& shared, int descriptor, uint64_t id, bool unix_socket);
  ~Client() override;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  Session session;

  // Connection
  void send(std::string_view bytes) override;
  void send_shared(std::shared_ptr<const std::string> block, size_t from) override;
  size_t pending_bytes() const override {
    return out_.size() + (waiting_ == nullptr ? 0 : waiting_->bytes);
  }
  void when_drained(std::function<void()> callback) override;
  void close_after_replies() override;
  void close_soon(std::string_view why) override;
  void stop_reading() override;
  void resume_reading() override;
  void gather_packets() override;
  std::string peer_address() const override;
  std::string local_address() const override;
  int descriptor() const override { return descriptor_; }

  // Input that came with an adopted socket, or that waits for resume_reading().
  void keep_input(std::string_view bytes);
  void readable();
  // The other end sends no more, while we do not read: nobody waits for what a blocked client gets.
  void peer_gone();
  // Executes what has been read already.
  void resume();
  // Hands output to the kernel. Keeps what it does not take and waits for EPOLLOUT.
  void write();
  // Seconds of the soft limit's clock and the idle clock; called now and then.
  void housekeeping(Instant now);
  ClientBuffers buffers() const;
  // Where there is a limit for the memory of all clients: says what this one holds now. It may be
  // closed for it, as may others.
  void count_memory();
  // Closed for its memory, which is given back before the batch ends.
  void evict();

 private:
  struct Block {
    std::shared_ptr<const std::string> shared;
    ByteBuffer own;
    size_t from = 0;
    std::string_view rest() const {
      return shared != nullptr ? std::string_view(*shared).substr(from) : own.view(from);
    }
    // Memory that it takes beside the bytes that wait.
    size_t spare() const { return shared != nullptr ? 0 : own.capacity() - rest().size(); }
  };
  // What the kernel would not take yet, oldest first; out_ stands behind it.
  struct Waiting {
    std::deque<Block> blocks;
    size_t bytes = 0;
    size_t spare = 0;

    void push(Block block);
    void taken(size_t count);  // by the kernel, from the front
    std::function<void()> drained;
    Instant over_soft_since{};
    bool over_soft = false;
  };
  struct Input {
    ByteBuffer bytes;
    size_t start = 0;  // consumed before this
    RequestParser parser;
  };

  ByteBuffer& out() {
    if (out_.capacity() == 0) out_ = shared_.take_buffer();
    return out_;
  }
  Waiting& need_waiting() {
    if (waiting_ == nullptr) waiting_ = std::make_unique<Waiting>();
    return *waiting_;
  }

  void end_turn();
  void drop_buffers();
  void read_into_arena();
  void read_into_own_buffer();
  void execute_own_buffer();
  bool received(ssize_t got);
  size_t execute(std::string_view input, RequestParser& parser);

  void added_output();
  void seal_output(Waiting& waiting);
  bool write_directly();
  bool write_waiting();
  bool failed_write(ssize_t sent);
  void enforce_output_limit(Instant now);
  void update_interest();

  ClientShared& shared_;
  int descriptor_;
  uint32_t interest_ = 0;
  bool reading_ = true;
  bool closing_ = false;
  bool close_after_replies_ = false;
  bool write_listed_ = false;
  bool resuming_ = false;
  bool in_turn_ = false;  // its requests are being read and executed: the buffers are in use
  ByteBuffer out_;
  std::unique_ptr<Waiting> waiting_;
  std::unique_ptr<Input> input_;
  // Of both ends, once somebody has asked; CLIENT LIST would ask the kernel for each client.
  struct Addresses {
    std::string peer;
    std::string local;
  };
  const Addresses& addresses() const;
  mutable std::unique_ptr<const Addresses> addresses_;
};

}  // namespace redan
