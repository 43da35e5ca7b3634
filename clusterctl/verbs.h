// The verbs of clusterctl; verbs.cc declares their options, help and examples.
#pragma once

#include <span>

#include "clusterctl/command_line.h"

namespace redan {

std::span<const VerbSpec> all_verbs();
std::span<const OptionSpec> common_options();

// verb_look.cc
int run_info(const CommandLine& line);
int run_check(const CommandLine& line);
int run_nodes(const CommandLine& line);
int run_completion(const CommandLine& line);
int run_help(const CommandLine& line);

// verb_create.cc
int run_create(const CommandLine& line);

// verb_move.cc
int run_reshard(const CommandLine& line);
int run_rebalance(const CommandLine& line);

// verb_member.cc
int run_add_node(const CommandLine& line);
int run_del_node(const CommandLine& line);

// verb_call.cc
int run_call(const CommandLine& line);
int run_set_timeout(const CommandLine& line);

// verb_fix.cc
int run_fix(const CommandLine& line);

// verb_import.cc
int run_import(const CommandLine& line);

// verb_backup.cc
int run_backup(const CommandLine& line);

// verb_failover.cc
int run_failover(const CommandLine& line);

}  // namespace redan
