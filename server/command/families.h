// The families of commands of a data node, one by one; the table is built from them.
#pragma once

#include <vector>

#include "common/command/table.h"
#include "server/command/call.h"

namespace redan {

CommandFamily<Call> string_commands();
CommandFamily<Call> string_edit_commands();
CommandFamily<Call> hash_commands();
CommandFamily<Call> hash_all_commands();
CommandFamily<Call> hash_expiry_commands();
CommandFamily<Call> hash_ex_commands();
CommandFamily<Call> string_conditional_commands();
CommandFamily<Call> bitmap_commands();
CommandFamily<Call> bitfield_commands();
CommandFamily<Call> hyperloglog_commands();
CommandFamily<Call> geo_commands();
CommandFamily<Call> geo_search_commands();
CommandFamily<Call> sorted_set_commands();
CommandFamily<Call> sorted_set_range_commands();
CommandFamily<Call> sorted_set_pop_commands();
CommandFamily<Call> sorted_set_combine_commands();
CommandFamily<Call> list_commands();
CommandFamily<Call> list_move_commands();
CommandFamily<Call> key_commands();
CommandFamily<Call> expiry_commands();
CommandFamily<Call> scan_commands();
CommandFamily<Call> sort_commands();
CommandFamily<Call> dump_commands();
CommandFamily<Call> migrate_commands();
CommandFamily<Call> restore_asking_commands();
CommandFamily<Call> set_commands();
CommandFamily<Call> random_set_commands();
CommandFamily<Call> set_algebra_commands();
CommandFamily<Call> select_commands();
CommandFamily<Call> connection_commands();
CommandFamily<Call> client_commands();
CommandFamily<Call> transaction_commands();
CommandFamily<Call> pubsub_commands();
CommandFamily<Call> acl_commands();
CommandFamily<Call> admin_commands();
CommandFamily<Call> command_log_commands();
CommandFamily<Call> latency_commands();
CommandFamily<Call> monitor_commands();
CommandFamily<Call> module_commands();
CommandFamily<Call> lolwut_commands();
CommandFamily<Call> hotkeys_commands();
CommandFamily<Call> database_commands();
CommandFamily<Call> debug_commands();
CommandFamily<Call> memory_commands();
CommandFamily<Call> replication_commands();
CommandFamily<Call> wait_commands();
CommandFamily<Call> waitaof_commands();
CommandFamily<Call> cluster_commands();
CommandFamily<Call> cluster_session_commands();
CommandFamily<Call> stream_commands();
CommandFamily<Call> stream_read_commands();
CommandFamily<Call> stream_group_commands();
CommandFamily<Call> stream_pending_commands();
CommandFamily<Call> stream_info_commands();

// All of them.
std::vector<CommandFamily<Call>> server_families();

}  // namespace redan
