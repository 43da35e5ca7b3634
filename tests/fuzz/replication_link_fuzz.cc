// A primary that says anything: the replica's end of the link neither crashes nor gets stuck, and
// nothing of a snapshot is shown before its end.
#include <utility>

#include "common/base/check.h"
#include "server/replication/link_machine.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace redan;
  fuzz::Input input(data, size);
  const uint8_t flags = input.byte();
  LinkMachine machine;
  LinkOut out;
  Instant now{};
  bool transferring = false, ended = false;
  const auto settle = [&] {
    for (const LinkEffect& effect : std::exchange(out, {})) {
      if (std::holds_alternative<link_effect::BeginTransfer>(effect)) transferring = true;
      if (std::holds_alternative<link_effect::HangUp>(effect)) transferring = ended = false;
      if (std::holds_alternative<link_effect::Snapshot>(effect)) REDAN_CHECK(transferring);
      if (std::holds_alternative<link_effect::EndTransfer>(effect)) {
        REDAN_CHECK(transferring);
        ended = true;
      }
    }
  };
  std::optional<StreamPosition> position;
  if ((flags & 1) != 0) position = {.id = std::string(40, 'a'), .offset = 1000};
  machine.follow(now,
                 {.host = "h",
                  .port = 1,
                  .password = (flags & 2) != 0 ? "secret" : "",
                  .member = (flags & 8) != 0 ? std::string(40, 'b') : ""},
                 position, (flags & 4) != 0, out);
  while (!input.empty()) {
    settle();
    now += Millis(100);
    switch (input.byte() % 6) {
      case 0:
        now += Seconds(1);
        machine.tick(now, 5, -1, out);
        break;
      case 1:
        if (machine.state() == LinkMachine::State::kDialling) machine.connected(now, out);
        break;
      case 2:
        if (machine.state() > LinkMachine::State::kIdle) machine.disconnected(now, "gone", out);
        break;
      case 3:
        if (ended && machine.state() == LinkMachine::State::kLoading) {
          ended = transferring = false;
          machine.loaded(now, out);
        }
        break;
      default: {
        const std::string_view text = input.text();
        const LinkMachine::State state = machine.state();
        if (state > LinkMachine::State::kDialling && state < LinkMachine::State::kLoading) {
          machine.receive(now, text, out);
        }
      }
    }
  }
  settle();
  machine.stop(out);
  REDAN_CHECK(machine.state() == LinkMachine::State::kOff);
  return 0;
}
