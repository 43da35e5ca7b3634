// A move to here: the connection to the source, what it brings, and when we are ready.
#include <algorithm>
#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "common/base/clock.h"
#include "common/log/log.h"
#include "server/cluster/route.h"
#include "server/cluster/verb.h"
#include "server/drivers/migration_tasks.h"
#include "server/session/session.h"

namespace redan {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr uint64_t kAckBytes = 32 * 1024;
constexpr Nanos kNoteGap = Seconds(1);
constexpr Millis kReplicasGap = Millis(2);
constexpr size_t kLongestAnswer = 64 * 1024;

std::string request(std::span<const std::string> words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return text;
}

std::vector<std::string> slot_words(const SlotSet& slots) {
  std::vector<std::string> words;
  for (const SlotRange& range : slots.ranges()) {
    words.push_back(std::to_string(range.first.value) + "-" + std::to_string(range.last.value));
  }
  return words;
}

}  // namespace

// The connection until the source accepts; callbacks hold it, so that it outlives being dropped.
struct MigrationDriver::In::Socket {
  explicit Socket(asio::io_context& io) : socket(io) {}
  tcp::socket socket;
  std::string outbox;
  std::string answers;
  std::array<char, 16 * 1024> buffer;
  bool open = true;
};

MigrationDriver::In::In(MigrationDriver& driver, MoveId move, NodeId source, const SlotSet& slots)
    : driver_(driver),
      move_(move),
      source_(source),
      slots_(slots),
      machine_(MigrationTarget::Limits{}) {
  facts_ = {.id = move.hex(),
            .slots = slots.text(),
            .source = source,
            .target = driver.parts_.cluster.view().myself().id,
            .importing = true,
            .created_unix_ms = unix_ms(wall_now())};
}

MigrationDriver::In::~In() {
  hang_up();
}

void MigrationDriver::In::start() {
  note("COMING");
  MigrationTarget::Out out;
  machine_.start(monotonic_now(), out);
  perform(out);
}

MigrationFacts MigrationDriver::In::facts() const {
  MigrationFacts facts = facts_;
  if (facts.state.empty()) facts.state = MigrationTarget::name(machine_.state());
  facts.keys = keys_;
  facts.bytes = applied_;
  return facts;
}

// --- the connection ---

void MigrationDriver::In::dial() {
  const ClusterNode* node = driver_.parts_.cluster.view().find(source_);
  if (node == nullptr || node->address.ip.empty()) return lost("its address is not known");
  error_code error;
  const asio::ip::address ip = asio::ip::make_address(node->address.ip, error);
  if (error || node->address.port == 0) return lost("it has no address that can be dialed");
  socket_ = std::make_shared<Socket>(driver_.parts_.loop.io());
  socket_->socket.async_connect({ip, node->address.port},
                                [this, s = socket_](const error_code& failed) {
                                  if (!s->open) return;
                                  if (failed) return lost(failed.message());
                                  error_code ignored;
                                  s->socket.set_option(tcp::no_delay(true), ignored);
                                  MigrationTarget::Out out;
                                  machine_.connected(monotonic_now(), out);
                                  perform(out);
                                });
}

void MigrationDriver::In::send_start() {
  const ServerConfig& config = driver_.parts_.config;
  std::string& outbox = socket_->outbox;
  if (!config.masterauth.empty()) {
    std::vector<std::string> auth = {"AUTH"};
    if (!config.masteruser.empty()) auth.push_back(config.masteruser);
    auth.push_back(config.masterauth);
    outbox += request(auth);
    ++answers_due_;
  }
  std::vector<std::string> words = {"CLUSTER", "SYNCSLOTS", "START", move_.hex(),
                                    driver_.parts_.cluster.view().myself().id.hex()};
  for (std::string& word : slot_words(slots_)) words.push_back(std::move(word));
  outbox += request(words);
  ++answers_due_;
  asio::async_write(socket_->socket, asio::buffer(outbox),
                    [this, s = socket_](const error_code& failed, size_t) {
                      if (!s->open) return;
                      if (failed) return lost(failed.message());
                      read_answers();
                    });
}

void MigrationDriver::In::read_answers() {
  const std::shared_ptr<Socket> s = socket_;
  s->socket.async_read_some(asio::buffer(s->buffer), [this, s](const error_code& failed, size_t n) {
    if (!s->open) return;
    if (failed) return lost(failed.message());
    s->answers.append(s->buffer.data(), n);
    while (answers_due_ > 0 && s->open) {
      const size_t end = s->answers.find("\r\n");
      if (end == std::string::npos) break;
      std::string line = s->answers.substr(0, end);
      s->answers.erase(0, end + 2);
      --answers_due_;
      answered(std::move(line));
    }
    if (!s->open) return;
    if (s->answers.size() > kLongestAnswer) return lost("it answered nonsense");
    read_answers();
  });
}

void MigrationDriver::In::answered(std::string line) {
  if (line.empty() || line[0] != '+') {
    const bool unknown = line.find("unknown subcommand") != std::string::npos;
    return lost((unknown ? "it cannot stream slots (no Redan node, or an older one): " : "") +
                (line.empty() ? line : line.substr(1)));
  }
  if (answers_due_ > 0) return;
  const std::shared_ptr<Socket> s = std::exchange(socket_, nullptr);
  s->open = false;
  error_code error;
  s->socket.non_blocking(true, error);
  const int descriptor = s->socket.release(error);
  if (error) return lost(error.message());
  MigrationTarget::Out out;
  machine_.accepted(monotonic_now(), out);
  perform(out);
  // Last: what it has sent already is executed at once, or at the next turn of the loop.
  session_ = driver_.parts_.adopt(descriptor, std::move(s->answers));
}

void MigrationDriver::In::hang_up() {
  replicas_timer_.reset();
  if (socket_ != nullptr) {
    socket_->open = false;
    error_code ignored;
    socket_->socket.close(ignored);
    socket_.reset();
  }
  if (session_ != nullptr) {
    Session* const session = std::exchange(session_, nullptr);
    session->connection->stop_reading();
    session->connection->close_soon("the move of slots is over");
  }
}

void MigrationDriver::In::connection_closed() {
  session_ = nullptr;
  lost("the connection to the source ended");
}

void MigrationDriver::In::lost(const std::string& why) {
  MigrationTarget::Out out;
  machine_.lost(monotonic_now(), "source " + source_.hex() + ": " + why, out);
  perform(out);
}

void MigrationDriver::In::fail(const std::string& why) {
  MigrationTarget::Out out;
  machine_.fail(why, out);
  perform(out);
}

void MigrationDriver::In::claimed() {
  MigrationTarget::Out out;
  machine_.claimed(out);
  perform(out);
}

void MigrationDriver::In::over(const std::string& why) {
  MigrationTarget::Out out;
  machine_.over(why, out);
  perform(out);
}

// --- the stream ---

void MigrationDriver::In::applied(size_t bytes) {
  applied_ += bytes;
}

void MigrationDriver::In::acknowledge() {
  if (session_ == nullptr || applied_ == acked_) return;
  acked_ = applied_;
  machine_.heard(monotonic_now());
  const std::string words[] = {"CLUSTER", "SYNCSLOTS", "ACK", move_.hex(), std::to_string(acked_)};
  session_->connection->send(request(words));
}

void MigrationDriver::In::acknowledge_if_due() {
  if (applied_ - acked_ >= kAckBytes) acknowledge();
}

// The word itself is applied when this returns.
void MigrationDriver::In::word(std::span<const std::string_view> args) {
  MigrationTarget::Out out;
  const Instant now = monotonic_now();
  if (args[2] == "SNAPSHOT" && args.size() == 4) {
    keys_ = std::strtoull(std::string(args[3]).c_str(), nullptr, 10);
    machine_.snapshot_sent(now, out);
  } else if (args[2] == "END" && args.size() == 3) {
    machine_.all_sent(now, out);
  } else if (args[2] == "FAIL" && args.size() == 4) {
    machine_.lost(now, "the source gave up: " + std::string(args[3]), out);
  } else {
    machine_.fail("the source says what we do not understand", out);
  }
  perform(out);
}

void MigrationDriver::In::note(std::string_view state) {
  noted_ = monotonic_now();
  const std::string move = move_.hex(), source = source_.hex();
  std::vector<std::string_view> args = {"CLUSTER", "SYNCSLOTS", "NOTE", move, source, state};
  const std::vector<std::string> slots = slot_words(slots_);
  args.insert(args.end(), slots.begin(), slots.end());
  driver_.parts_.replication.feed(0, args);
}

void MigrationDriver::In::tick(Instant now) {
  if (driver_.parts_.out_of_memory()) {
    return fail("the target is out of memory (maxmemory)");
  }
  acknowledge();
  // For replicas that come later.
  if (now - noted_ >= kNoteGap) note(is_ready() ? "READY" : "COMING");
  MigrationTarget::Out out;
  machine_.tick(now, out);
  perform(out);
}

void MigrationDriver::In::check_replicas() {
  if (machine_.state() != MigrationTarget::State::kEnding) return;
  // Those that are connected, and those that are merely not known to be dead.
  const ClusterView& view = driver_.parts_.cluster.view();
  int wanted = 0;
  for (const ClusterNode* replica : view.replicas_of(view.myself().id))
    wanted += !replica->failed();
  wanted = std::max(wanted, driver_.parts_.replica_count());
  if (driver_.parts_.replication.replicas_at(ready_offset_) < wanted) {
    replicas_timer_ = driver_.parts_.loop.after(kReplicasGap, [this] { check_replicas(); });
    return;
  }
  MigrationTarget::Out out;
  machine_.replicas_have_it(monotonic_now(), out);
  perform(out);
}

void MigrationDriver::In::send_ready() {
  const Result<void> known = driver_.parts_.cluster.perform([this](ClusterVerb& verb) {
    return verb.machine.import_ready(verb.now, move_, verb.effects);
  });
  if (!known || session_ == nullptr) return fail("the import is over");
  acked_ = applied_;
  const std::string words[] = {"CLUSTER", "SYNCSLOTS", "READY", move_.hex(),
                               std::to_string(acked_)};
  session_->connection->send(request(words));
}

// --- what the machine asks for ---

void MigrationDriver::In::perform(MigrationTarget::Out& effects) {
  using M = MigrationTarget;
  for (const M::Effect& effect : std::exchange(effects, {})) {
    if (std::holds_alternative<M::Dial>(effect)) {
      dial();
    } else if (std::holds_alternative<M::SendStart>(effect)) {
      send_start();
    } else if (std::holds_alternative<M::NoteReady>(effect)) {
      note("READY");
      ready_offset_ = driver_.parts_.replication.offset();
      driver_.parts_.replication.request_acks();
      driver_.parts_.replication.flush();
      // Not before the word that led here is counted as applied.
      replicas_timer_ = driver_.parts_.loop.after(Millis(0), [this] { check_replicas(); });
    } else if (std::holds_alternative<M::SendReady>(effect)) {
      send_ready();
    } else if (std::holds_alternative<M::AskSource>(effect)) {
      static_cast<void>(driver_.parts_.cluster
                            .perform([this](ClusterVerb& verb) -> Result<void> {
                              verb.machine.ask_about_import(verb.now, move_, verb.effects);
                              return kOk;
                            })
                            .ok());
    } else if (const auto* end = std::get_if<M::EndImport>(&effect)) {
      static_cast<void>(driver_.parts_.cluster
                            .perform([&](ClusterVerb& verb) -> Result<void> {
                              verb.machine.end_import(verb.now, move_, end->why, verb.effects);
                              return kOk;
                            })
                            .ok());
    } else if (std::holds_alternative<M::HangUp>(effect)) {
      hang_up();
    } else if (const auto* over = std::get_if<M::Finished>(&effect)) {
      facts_.state = over->moved ? "completed" : "failed";
      facts_.last_error = over->why;
      facts_.ended_unix_ms = unix_ms(wall_now());
      // Of a claim our replicas hear from the bus; until then they must be able to make it.
      if (!over->moved) {
        const std::string move = move_.hex();
        const std::string_view forget[] = {"CLUSTER", "SYNCSLOTS", "FORGET", move};
        driver_.parts_.replication.feed(0, forget);
        driver_.parts_.replication.flush();
      }
      log_notice("Slots {} from {}: {}", slots_.text(), source_.hex(),
                 over->moved ? "moved here" : "not moved: " + over->why);
    }
  }
}

}  // namespace redan
