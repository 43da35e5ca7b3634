// Signals as tasks of the data loop.
#pragma once

#include <functional>
#include <memory>

#include "server/drivers/data_loop.h"

namespace redan {

class Signals {
 public:
  // `on_stop(signal)` for SIGINT and SIGTERM, on the data thread. SIGPIPE and SIGHUP are ignored.
  Signals(DataLoop& loop, std::function<void(int)> on_stop);
  ~Signals();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace redan
