// PFSELFTEST: whether HyperLogLogs work as built, on this processor.
#pragma once

#include <optional>
#include <string>

namespace redan::hll {

// What is wrong; nullopt: nothing.
std::optional<std::string> self_test();

}  // namespace redan::hll
