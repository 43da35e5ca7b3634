// redis-check-rdb: reads an RDB file to its end, with values of any type, and says whether a server
// would load it.
#pragma once

#include <cstdio>
#include <span>
#include <string_view>

namespace redan {

// `args` without the program's name. The exit code: 0 for a file that is whole, else 1.
int check_rdb_main(std::span<const std::string_view> args, std::FILE* out, std::FILE* errors);

}  // namespace redan
