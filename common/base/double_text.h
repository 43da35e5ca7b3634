// The longer text of a double, where Redis keeps to it.
#pragma once

#include "common/base/parse.h"

namespace redan {

// Up to 17 digits, as printf's %.17g, into a buffer of kPrintedDoubleBytes; returns the end. ZSCAN
// of a large sorted set and DEBUG DIGEST write scores so; all else uses print_double().
char* print_double_17(char* to, double value);

}  // namespace redan
