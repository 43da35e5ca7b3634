// A whole sentinel: reads its configuration, owns every part, builds them in order and stops them
// in reverse. See main.cc for the program.
#pragma once

#include <span>
#include <string>

namespace redan {

// Runs until it is told to stop; the exit code of the process. `argv` as main() got it.
int run_sentinel(std::span<const std::string> argv);

}  // namespace redan
