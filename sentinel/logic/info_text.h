// INFO of a data node, as far as sentinels read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sentinel/logic/address.h"

namespace redan {

struct InfoText {
  std::string run_id;
  std::optional<bool> is_primary;  // role:
  std::vector<Address> replicas;   // slaveN:, of a primary.
  int64_t primary_offset = 0;      // master_repl_offset
  // Of a replica:
  std::string primary_host;
  uint16_t primary_port = 0;
  bool link_up = false;
  bool refuses_sync = false;       // master_full_sync_refused: its primary came back empty.
  int64_t link_down_seconds = -1;  // master_link_down_since_seconds; -1: not told.
  int64_t priority = 100;
  int64_t replica_offset = 0;  // slave_repl_offset
  bool announced = true;       // replica_announced
};

// Unknown lines and nonsense are skipped; at most 1024 replicas are read.
InfoText parse_info(std::string_view text);

}  // namespace redan
