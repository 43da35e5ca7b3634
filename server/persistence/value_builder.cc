#include "server/persistence/value_builder.h"

namespace redan {

std::unique_ptr<ValueBuilder> make_value_builder(RdbType type, const EncodingLimits& limits) {
  switch (type) {
    case RdbType::kSet:
    case RdbType::kSetIntset:
    case RdbType::kSetListpack:
      return build_set(limits);
    default:
      return nullptr;
  }
}

}  // namespace redan
