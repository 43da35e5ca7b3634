// Types of values by their names, as TYPE answers and SCAN filters them.
#pragma once

#include <string_view>

#include "server/keyspace/entry.h"

namespace redan {

inline std::string_view name_of(ValueType type) {
  switch (type) {
    case ValueType::kString:
      return "string";
    case ValueType::kList:
      return "list";
    case ValueType::kSet:
      return "set";
    case ValueType::kSortedSet:
      return "zset";
    case ValueType::kHash:
      return "hash";
    case ValueType::kStream:
      return "stream";
  }
  return "unknown";
}

}  // namespace redan
