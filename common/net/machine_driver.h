// Runs a pure machine (style.md, section 3): takes one input at a time, and finishes the effects of
// one before it takes the next, so that no message overtakes the persist it relies on.
//
//   MachineDriver<Input, Effect> driver(step, perform);
//   driver.submit(input);
//
// `step` gives the input to the machine and returns its effects. `perform` does one effect and
// calls `done` when it is finished, at once or later (a write to disk), on the same loop. Inputs
// that come meanwhile wait in the inbox. An effect that cannot be done must not call `done`: its
// owner stops the process, since a promise that cannot be kept must not be made.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/check.h"

namespace redan {

template <class Input, class Effect>
class MachineDriver {
 public:
  using Done = std::function<void()>;
  using Step = std::function<std::vector<Effect>(Input& input)>;
  using Perform = std::function<void(Effect& effect, Done done)>;

  // Inputs are small and a machine is quick; so many waiting ones mean that a persist hangs.
  static constexpr size_t kMaxInbox = 100'000;

  MachineDriver(Step step, Perform perform)
      : state_(std::make_shared<State>(std::move(step), std::move(perform))) {}
  MachineDriver(const MachineDriver&) = delete;
  MachineDriver& operator=(const MachineDriver&) = delete;
  // Effects under way may still finish; nothing follows them.
  ~MachineDriver() { state_->stopped = true; }

  // False where the inbox is full; the input is dropped, as a network would.
  bool submit(Input input) {
    if (state_->inbox.size() >= kMaxInbox) return false;
    state_->inbox.push_back(std::move(input));
    state_->run();
    return true;
  }

  // Nothing waits and no effect is under way.
  bool idle() const {
    return state_->inbox.empty() && state_->effects.empty() && !state_->under_way;
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    State(Step step_, Perform perform_) : step(std::move(step_)), perform(std::move(perform_)) {}

    // A loop rather than recursion: an effect that is done at once returns here.
    void run() {
      if (running) return;
      running = true;
      const auto keep = this->shared_from_this();
      while (!stopped && !under_way) {
        if (effects.empty()) {
          if (inbox.empty()) break;
          Input input = std::move(inbox.front());
          inbox.pop_front();
          for (Effect& effect : step(input)) effects.push_back(std::move(effect));
          continue;
        }
        current.emplace(std::move(effects.front()));
        effects.pop_front();
        under_way = true;
        const uint64_t number = ++performed;
        perform(*current, [self = keep, number] { self->finish(number); });
      }
      running = false;
    }

    void finish(uint64_t number) {
      REDAN_CHECK(number == performed);
      REDAN_CHECK(under_way);
      under_way = false;
      run();
    }

    Step step;
    Perform perform;
    std::deque<Input> inbox;
    std::deque<Effect> effects;
    std::optional<Effect> current;  // in place until the next effect begins
    uint64_t performed = 0;
    bool under_way = false;
    bool running = false;
    bool stopped = false;
  };
  std::shared_ptr<State> state_;
};

}  // namespace redan
