// A replication machine's note, as a line of the log.
#pragma once

#include "common/log/log.h"
#include "server/replication/note.h"

namespace redan {

inline void log_note(const Note& note) {
  switch (note.level) {
    case Note::Level::kVerbose:
      return log_verbose("{}", note.text);
    case Note::Level::kNotice:
      return log_notice("{}", note.text);
    case Note::Level::kWarning:
      return log_warning("{}", note.text);
  }
}

}  // namespace redan
