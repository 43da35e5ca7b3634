#include "server/persistence/value_builder.h"

namespace redan {

std::unique_ptr<ValueBuilder> make_value_builder(RdbType type, const EncodingLimits& limits) {
  static_cast<void>(limits);
  switch (type) {
    default:
      return nullptr;
  }
}

}  // namespace redan
