#include "server/persistence/value_builder.h"

namespace redan {

std::unique_ptr<ValueBuilder> make_value_builder(RdbType type, const EncodingLimits& limits) {
  switch (type) {
    case RdbType::kSet:
    case RdbType::kSetIntset:
    case RdbType::kSetListpack:
      return build_set(limits);
    case RdbType::kHash:
    case RdbType::kHashZipmap:
    case RdbType::kHashZiplist:
    case RdbType::kHashListpack:
    case RdbType::kHashExpiringPreRelease:
    case RdbType::kHashListpackExpiringPreRelease:
    case RdbType::kHashExpiring:
    case RdbType::kHashListpackExpiring:
      return build_hash(type, limits);
    case RdbType::kSortedSetText:
    case RdbType::kSortedSet:
    case RdbType::kSortedSetZiplist:
    case RdbType::kSortedSetListpack:
      return build_sorted_set(type, limits);
    case RdbType::kList:
    case RdbType::kListZiplist:
    case RdbType::kListQuicklist:
    case RdbType::kListQuicklist2:
      return build_list(limits);
    case RdbType::kStream:
      return build_stream(1);
    case RdbType::kStream2:
      return build_stream(2);
    case RdbType::kStream3:
      return build_stream(3);
    default:
      return nullptr;
  }
}

}  // namespace redan
