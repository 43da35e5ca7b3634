// On which CPUs a thread may run: server-cpulist and its like.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace redan {

// "0,2,3", "0-3", "0-7:2" (every second one) and mixtures, as taskset reads them; nullopt where it
// is none of these or names a CPU beyond what the kernel can count.
std::optional<std::vector<int>> parse_cpu_list(std::string_view text);

// Binds the calling thread, and the threads that it will start, to the list; an empty text leaves
// it where it is. A list that cannot be used is logged with `directive`, and is no reason not to
// serve.
void bind_this_thread(std::string_view directive, std::string_view list);

}  // namespace redan
