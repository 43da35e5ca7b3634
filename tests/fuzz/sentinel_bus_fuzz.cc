// A sentinel among peers and data nodes that say anything, over the bus and over RESP: it does not
// crash, its epochs never go back, and what it keeps survives the way to its file.
#include <deque>
#include <string>

#include "common/base/check.h"
#include "sentinel/drivers/bus_codec.h"
#include "sentinel/drivers/sentinel_conf.h"
#include "sentinel/logic/machine.h"
#include "tests/fuzz/input.h"

namespace redan::fuzz {
namespace {

class Stage {
 public:
  Stage()
      : machine_({}, DurableState{.id = NodeId(1), .primaries = {}}, 1, now_),
        primary_({.ip = "10.0.0.1", .port = 6379}) {
    SentinelEffects out;
    machine_.start(now_, out);
    REDAN_CHECK(machine_.monitor(now_, "mymaster", primary_, 2, out).ok());
    perform(out);
  }

  void step(Input& input) {
    now_ += Millis(10);
    SentinelEffects out;
    switch (input.byte() % 10) {
      case 0:
        now_ += Millis(input.word());
        [[fallthrough]];
      case 1:
        machine_.tick(now_, out);
        break;
      case 2:
        if (const auto question = message<wire::PrimaryDownQuestion, AskPrimaryDown>(input)) {
          machine_.receive(now_, PeerQuestion{++token_, *question}, out);
        }
        break;
      case 3:
        if (const auto hello = message<wire::Hello, Hello>(input)) {
          machine_.receive(now_, HelloHeard{std::nullopt, format_hello(*hello)}, out);
        }
        break;
      case 4:
        machine_.receive(now_, HelloHeard{any_link(input), std::string(input.text())}, out);
        break;
      case 5:
        if (const auto reply = message<wire::PrimaryDownAnswer, PrimaryDownReply>(input)) {
          answer(*reply, input, out);
        }
        break;
      case 6:
      case 7:
        answer(NodeReply{(input.byte() & 1) != 0, std::string(input.text())}, input, out);
        break;
      case 8:
        if (!opened_.empty()) {
          const OpenLink open = opened_[input.byte() % opened_.size()];
          machine_.receive(now_, LinkDown{open.link, open.part, open.attempt, "gone"}, out);
        }
        break;
      case 9:
        (void)machine_.failover(now_, "mymaster", out);
        break;
    }
    perform(out);
  }

  // Views are asked for at any time.
  void look() {
    (void)machine_.primary_fields(now_, "mymaster");
    (void)machine_.replica_fields(now_, "mymaster");
    (void)machine_.peer_fields(now_, "mymaster");
    (void)machine_.dry_run(now_, "mymaster");
    (void)machine_.info_section(now_, 0, 0);
    const SentinelConf conf{.state = machine_.durable(),
                            .options = machine_.options(),
                            .sentinel_user = {},
                            .sentinel_pass = {}};
    REDAN_CHECK(!rewrite_conf("", conf).empty());
  }

 private:
  template <class Wire, class Value>
  static std::optional<Value> message(Input& input) {
    const std::string_view bytes = input.text();
    Wire wire;
    if (!wire.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
    Result<Value> value = decode(wire);
    if (!value) return std::nullopt;
    return value.take();
  }

  std::optional<LinkId> any_link(Input& input) {
    if (opened_.empty()) return std::nullopt;
    return opened_[input.byte() % opened_.size()].link;
  }

  void answer(std::variant<NodeReply, PrimaryDownReply> reply, Input& input, SentinelEffects& out) {
    if (sent_.empty()) return;
    const size_t which = input.byte() % sent_.size();
    const Send send = sent_[which];
    sent_.erase(sent_.begin() + static_cast<std::ptrdiff_t>(which));
    // The driver answers each request with what belongs to it.
    const bool asked_peer = std::holds_alternative<AskPrimaryDown>(send.message);
    if (asked_peer != std::holds_alternative<PrimaryDownReply>(reply)) return;
    machine_.receive(now_, Answer{send.link, send.request, std::move(reply)}, out);
  }

  void perform(SentinelEffects& out) {
    for (SentinelEffect& effect : out.take()) {
      if (const auto* open = std::get_if<OpenLink>(&effect)) {
        opened_.push_back(*open);
        if (opened_.size() > 32) opened_.pop_front();
        SentinelEffects more;
        machine_.receive(now_, LinkUp{open->link, open->part, open->attempt, "10.0.0.9"}, more);
        perform(more);
      } else if (const auto* send = std::get_if<Send>(&effect)) {
        sent_.push_back(*send);
        if (sent_.size() > 32) sent_.pop_front();
      } else if (const auto* persist = std::get_if<Persist>(&effect)) {
        REDAN_CHECK(persist->state.current_epoch >= epoch_);
        epoch_ = persist->state.current_epoch;
        REDAN_CHECK(epoch_ <= kLargestEpoch);
      } else if (const auto* peer = std::get_if<AnswerPeer>(&effect)) {
        REDAN_CHECK(peer->token <= token_);
        REDAN_CHECK(peer->token > 0U);
      }
    }
  }

  Instant now_{std::chrono::hours(1)};
  SentinelMachine machine_;
  Address primary_;
  std::deque<OpenLink> opened_;
  std::deque<Send> sent_;
  uint64_t token_ = 0;
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
