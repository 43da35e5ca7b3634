#include "server/command/families.h"

namespace redan {

std::vector<CommandFamily<Call>> server_families() {
  // One to a line, so that families which are added at the same time do not meet.
  // clang-format off
  return {
      string_commands(),
      string_edit_commands(),
      key_commands(),
      expiry_commands(),
      scan_commands(),
      sort_commands(),
      dump_commands(),
      restore_asking_commands(),
      select_commands(),
      database_commands(),
      connection_commands(),
      client_commands(),
      transaction_commands(),
      pubsub_commands(),
      acl_commands(),
      admin_commands(),
      debug_commands(),
      replication_commands(),
      wait_commands(),
      waitaof_commands(),
      migrate_commands(),
      cluster_commands(),
      cluster_session_commands(),
      set_commands(),
      random_set_commands(),
      set_algebra_commands(),
      sorted_set_commands(),
      sorted_set_range_commands(),
      sorted_set_pop_commands(),
      sorted_set_combine_commands(),
      hash_commands(),
      hash_all_commands(),
      hash_expiry_commands(),
      hash_ex_commands(),
      string_conditional_commands(),
      bitmap_commands(),
      bitfield_commands(),
      hyperloglog_commands(),
      geo_commands(),
      geo_search_commands(),
      command_log_commands(),
      monitor_commands(),
      module_commands(),
      lolwut_commands(),
      latency_commands(),
      hotkeys_commands(),
      memory_commands(),
      list_commands(),
      list_move_commands(),
      stream_commands(),
      stream_read_commands(),
      stream_group_commands(),
      stream_pending_commands(),
      stream_info_commands(),
  };
  // clang-format on
}

}  // namespace redan
