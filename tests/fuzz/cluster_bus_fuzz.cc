// A node of a cluster whose peers say anything: what the codec lets through is the same after
// another journey, and the node that is told does not crash; its epochs never go back, and what it
// keeps survives the way to its file.
#include <optional>
#include <string>

#include "common/base/check.h"
#include "server/bus/bus_codec.h"
#include "server/cluster/bus_machine.h"
#include "server/cluster/liveness.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

using namespace cluster;

// Node 1 has slots and knows node 2, a primary with slots, and node 3, a replica of its own.
constexpr const char* kStart =
    "0000000000000000000000000000000000000001 10.0.0.1:6379@16379 myself,master - 0 0 1 connected "
    "0-8000\n"
    "0000000000000000000000000000000000000002 10.0.0.2:6379@16379 master - 0 0 2 connected "
    "8001-16383\n"
    "0000000000000000000000000000000000000003 10.0.0.3:6379@16379 slave "
    "0000000000000000000000000000000000000001 0 0 1 connected\n"
    "vars currentEpoch 2 lastVoteEpoch 0\n";

NodesFile stored(const std::string& text) {
  Result<NodesFile> file = NodesFile::parse(text);
  REDAN_CHECK(file.ok());
  return file.take();
}

class Stage {
 public:
  Stage() : machine_({.announce = {.port = 6379, .bus_port = 16379}}, stored(kStart), 1, now_) {
    BusEffects out;
    machine_.start(now_, out);
    perform(out);
  }

  void step(Input& input) {
    now_ += Millis(10);
    BusEffects out;
    switch (input.byte() % 8) {
      case 0:
        now_ += Millis(input.word());
        [[fallthrough]];
      case 1:
        machine_.tick(now_, out);
        break;
      case 2:
        machine_.link_down(now_, NodeId(input.byte() % 8), out);
        break;
      case 3:
        if (input.byte() % 2 == 0) {
          (void)machine_.forget(now_, NodeId(input.byte() % 8), out);
        } else {
          (void)machine_.failover(now_, FailoverMode::kGraceful, out);
        }
        break;
      default:
        if (const auto envelope = message(input)) tell(*envelope, input, out);
        break;
    }
    perform(out);
    machine_.view().check_invariants();
  }

  // Asked for at any time; the file is read back.
  void look() const {
    (void)machine_.dump(now_);
    (void)stored(machine_.config_text());
  }

 private:
  static std::optional<Envelope> message(Input& input) {
    const std::string_view bytes = input.bytes(input.word() % 4096);
    bus_wire::Envelope wire;
    if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
    Result<Envelope> envelope = decode(wire);
    if (!envelope) return std::nullopt;
    bus_wire::Envelope sent;
    encode(*envelope, sent);
    bus_wire::Envelope received;
    REDAN_CHECK(received.ParseFromString(sent.SerializeAsString()));
    const Result<Envelope> again = decode(received);
    REDAN_CHECK(again.ok());
    REDAN_CHECK(*again == *envelope);
    return envelope.take();
  }

  void tell(const Envelope& envelope, Input& input, BusEffects& out) {
    const Liveness::Verdict verdict = liveness_.judge(envelope);
    if (!verdict.for_us) return;
    const uint8_t way = input.byte();
    const NodeId link = way % 4 == 0 ? NodeId() : NodeId(way % 4);
    machine_.receive(
        now_,
        {.id = envelope.from, .observed_ip = "10.0.0.9", .local_ip = "10.0.0.1", .link = link},
        envelope.message, out);
  }

  void perform(BusEffects& out) {
    for (BusEffects::Effect& effect : out.take()) {
      if (const auto* event = std::get_if<BusEvent>(&effect)) {
        if (const auto* card = std::get_if<Card>(event)) {
          liveness_.set(card->self, card->heartbeat);
        }
      } else if (const auto* persist = std::get_if<BusEffects::Persist>(&effect)) {
        const Epoch epoch = stored(persist->state).current_epoch;
        REDAN_CHECK(epoch >= epoch_);
        epoch_ = epoch;
      } else if (const auto* send = std::get_if<BusEffects::Send>(&effect)) {
        bus_wire::Envelope wire;
        encode({machine_.view().myself().id, send->to.to, send->message}, wire);
        REDAN_CHECK(decode(wire).ok());  // No peer may find nonsense in what we say.
      }
    }
  }

  Instant now_{std::chrono::hours(1)};
  ClusterMachine machine_;
  Liveness liveness_;
  Epoch epoch_{};
};

}  // namespace
}  // namespace redan::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  redan::fuzz::Input input(data, size);
  redan::fuzz::Stage stage;
  while (!input.empty()) stage.step(input);
  stage.look();
  return 0;
}
