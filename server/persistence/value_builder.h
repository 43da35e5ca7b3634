// From the pieces of a value in RDB, in any of the encodings of Redis 2.8 to 7.4, to a Value in the
// form that its size asks for today. What the pieces say is checked: compact encodings to their
// last byte, duplicates, counts. The bytes may come from a client (RESTORE).
//
// Each type has a file of its own, build_*.cc; make_value_builder() in value_builder.cc lists them.
#pragma once

#include <memory>

#include "server/data/limits.h"
#include "server/data/value.h"
#include "server/persistence/rdb_format.h"
#include "server/persistence/rdb_shape.h"

namespace redan {

class ValueBuilder : public RdbPieces {
 public:
  // All pieces were heard: nullptr, or what is wrong with the whole.
  virtual const char* finish() { return nullptr; }
  // After finish(). A value without elements is none: old versions of Redis could write such.
  virtual bool empty() const = 0;
  virtual StoredValue take() = 0;
};

std::unique_ptr<ValueBuilder> build_list(const EncodingLimits& limits);
std::unique_ptr<ValueBuilder> build_set(const EncodingLimits& limits);
std::unique_ptr<ValueBuilder> build_hash(RdbType type, const EncodingLimits& limits);
std::unique_ptr<ValueBuilder> build_sorted_set(RdbType type, const EncodingLimits& limits);

// nullptr: values of this type are not kept (strings have a way of their own).
std::unique_ptr<ValueBuilder> make_value_builder(RdbType type, const EncodingLimits& limits);
std::unique_ptr<ValueBuilder> build_stream(int version);  // of the form: 1 to 3

}  // namespace redan
