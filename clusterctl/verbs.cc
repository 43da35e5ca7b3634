#include "clusterctl/verbs.h"

namespace redan {

namespace {

constexpr OptionSpec kCommon[] = {
    {"host", "HOST", "the node to ask, instead of HOST:PORT as a word (127.0.0.1)", "h"},
    {"port", "PORT", "its port (6379)", "p"},
    {"uri", "URI", "both, and who logs in: redis://user:password@host:port", "u"},
    {"yes", "", "apply the plan without asking (as REDISCLI_CLUSTER_YES=1)", "y"},
    {"dry-run", "", "show the plan, change nothing", ""},
    {"json", "", "print one JSON document instead of text", ""},
    {"user", "NAME", "log in to the nodes as this user", ""},
    {"pass", "WORD", "password of the nodes (default: $REDISCLI_AUTH)", "password a"},
    {"askpass", "", "ask for the password", ""},
    {"no-auth-warning", "", "accepted for redis-cli's sake: there is no such warning", ""},
    {"sentinel-password", "WORD", "password of sentinels, where it is another one", ""},
    {"connect-timeout", "MS", "how long to wait for a node's answer (2000)", ""},
    {"help", "", "show help, of a verb when one is given (-h without a HOST, too)", ""},
    {"version", "", "show the version", ""},
};

constexpr OptionSpec kCreateOptions[] = {
    {"replicas", "N", "replicas of each primary (0)", ""},
    {"timeout", "SECONDS", "how long the nodes may take to agree (60)", ""},
};

constexpr OptionSpec kCheckOptions[] = {
    {"search-multiple-owners", "", "accepted for redis-cli's sake: it is always done", ""},
};

constexpr OptionSpec kReshardOptions[] = {
    {"from", "NODE[,NODE]|all", "who gives slots, by id, beginning of an id, or address (all)", ""},
    {"to", "NODE", "who gets them", ""},
    {"slots", "N", "how many, together", ""},
    {"timeout", "MS", "of each MIGRATE (60000)", ""},
    {"pipeline", "N", "keys of each MIGRATE (as many as take a few milliseconds)", ""},
    {"replace", "", "overwrite keys that the target has already", ""},
    {"legacy", "", "move key by key (SETSLOT, MIGRATE), also where nodes can stream slots", ""},
};

constexpr OptionSpec kRebalanceOptions[] = {
    {"weight", "NODE=W ...", "share of a primary (1); 0 takes all its slots away", "", true},
    {"threshold", "PERCENT", "imbalance that is let be (2)", ""},
    {"use-empty-masters", "", "give slots to primaries without any", "use-empty-primaries"},
    {"simulate", "", "show the plan, change nothing (as --dry-run)", ""},
    {"timeout", "MS", "of each MIGRATE (60000)", ""},
    {"pipeline", "N", "keys of each MIGRATE (as many as take a few milliseconds)", ""},
    {"replace", "", "overwrite keys that the target has already", ""},
    {"legacy", "", "move key by key (SETSLOT, MIGRATE), also where nodes can stream slots", ""},
};

constexpr OptionSpec kAddNodeOptions[] = {
    {"slave", "", "it becomes a replica", "replica"},
    {"master-id", "NODE", "whom it follows (the primary with the fewest replicas)",
     "primary-id primaries-id"},
};

constexpr OptionSpec kCallOptions[] = {
    {"only-masters", "", "only to primaries", "only-primaries"},
    {"only-replicas", "", "only to replicas", ""},
};

constexpr OptionSpec kFixOptions[] = {
    {"fix-with-unreachable-masters", "",
     "give away the slots of primaries that do not answer; their data is lost",
     "fix-with-unreachable-primaries"},
    {"search-multiple-owners", "", "accepted for redis-cli's sake: it is always done", ""},
    {"timeout", "MS", "of each MIGRATE (60000)", ""},
    {"pipeline", "N", "keys of each MIGRATE (as many as take a few milliseconds)", ""},
    {"replace", "", "where two nodes hold different values of a key, the owner's is overwritten",
     ""},
    {"legacy", "", "move key by key (SETSLOT, MIGRATE), also where nodes can stream slots", ""},
};

constexpr OptionSpec kImportOptions[] = {
    {"from", "HOST:PORT", "the standalone server to read", ""},
    {"from-user", "NAME", "log in to it as this user", ""},
    {"from-pass", "WORD", "its password", ""},
    {"from-askpass", "", "ask for its password", ""},
    {"copy", "", "leave the keys where they are, too", ""},
    {"replace", "", "overwrite keys that the cluster has already", ""},
};

constexpr OptionSpec kFailoverOptions[] = {
    {"force", "", "cluster: do not wait for the primary (CLUSTER FAILOVER FORCE)", ""},
    {"takeover", "", "cluster: do without the other primaries' votes", ""},
    {"timeout", "SECONDS", "how long a hand-over may take (30)", ""},
    {"no-probe", "",
     "sentinel: do not measure the write gap (it writes the key redan:clusterctl:probe,\n"
     "                                which expires after a minute)",
     ""},
};

constexpr std::string_view kFailoverExamples[] = {"failover 127.0.0.1:26379 mymaster",
                                                  "failover 127.0.0.1:7003",
                                                  "failover 127.0.0.1:7000 3f2a90c1 --force"};
constexpr std::string_view kCreateExamples[] = {
    "create 10.0.0.1:6379 10.0.0.2:6379 10.0.0.3:6379",
    "create 10.0.0.{1,2,3}:{6379,6380} --replicas 1 --yes"};
constexpr std::string_view kReshardExamples[] = {
    "reshard 127.0.0.1:7000 --from all --to 127.0.0.1:7006 --slots 4096 --yes",
    "reshard 127.0.0.1:7000 --from 3f2a90c1,88ab01ff --to 07c37dfe --slots 100 --dry-run"};
constexpr std::string_view kRebalanceExamples[] = {
    "rebalance 127.0.0.1:7000 --use-empty-primaries",
    "rebalance 127.0.0.1:7000 --weight 3f2a90c1=2 88ab01ff=0 --simulate"};
constexpr std::string_view kAddNodeExamples[] = {
    "add-node 127.0.0.1:7006 127.0.0.1:7000",
    "add-node 127.0.0.1:7007 127.0.0.1:7000 --replica --primary-id 3f2a90c1"};
constexpr std::string_view kDelNodeExamples[] = {"del-node 127.0.0.1:7000 3f2a90c1",
                                                 "del-node 127.0.0.1:7000 127.0.0.1:7006"};
constexpr std::string_view kCallExamples[] = {"call 127.0.0.1:7000 CONFIG GET maxmemory",
                                              "call 127.0.0.1:7000 DBSIZE --only-primaries"};
constexpr std::string_view kSetTimeoutExamples[] = {"set-timeout 127.0.0.1:7000 5000"};
constexpr std::string_view kFixExamples[] = {
    "fix 127.0.0.1:7000 --dry-run", "fix 127.0.0.1:7000 --fix-with-unreachable-primaries --yes"};
constexpr std::string_view kImportExamples[] = {
    "import 127.0.0.1:7000 --from 127.0.0.1:6379 --copy",
    "import 127.0.0.1:7000 --from 10.0.0.9:6379 --from-pass secret --replace"};
constexpr std::string_view kBackupExamples[] = {"backup 127.0.0.1:7000 /var/backups/today"};
constexpr std::string_view kInfoExamples[] = {"info 127.0.0.1:26379", "info 127.0.0.1:7000 --json"};
constexpr std::string_view kCheckExamples[] = {
    "check 127.0.0.1:7000", "check 127.0.0.1 7000 --json", "check -h 10.0.0.1 -p 7000 -a secret"};
constexpr std::string_view kNodesExamples[] = {"nodes 127.0.0.1:7000"};
constexpr std::string_view kCompletionExamples[] = {
    "completion bash > /etc/bash_completion.d/clusterctl", "completion zsh > ~/.zfunc/_clusterctl"};
constexpr std::string_view kHelpExamples[] = {"help", "help reshard"};

constexpr VerbSpec kVerbs[] = {
    {.name = "create",
     .arguments = "HOST:PORT HOST:PORT HOST:PORT ...",
     .summary = "make a cluster of empty nodes",
     .text =
         "Divides the 16384 slots among primaries on as many hosts as there are, puts replicas\n"
         "on other hosts than their primary, introduces the nodes to each other and waits until\n"
         "all agree and serve. Refuses nodes that hold keys or belong to a cluster. The same\n"
         "command again finishes what was cut off.",
     .at_least = 1,
     .at_most = 2000,
     .options = kCreateOptions,
     .examples = kCreateExamples,
     .run = run_create,
     .node_word = -1},
    {.name = "info",
     .arguments = "HOST:PORT",
     .summary = "primaries, replicas and sentinels with keys, slots, lag and links",
     .text =
         "Shows what stands behind an address. A node of a cluster: every primary with its keys,\n"
         "slots and replicas. A sentinel: primary, replicas (offset, lag, link) and sentinels\n"
         "with their quorum check. A data node: its primary and replicas.",
     .at_least = 1,
     .at_most = 1,
     .options = {},
     .examples = kInfoExamples,
     .run = run_info},
    {.name = "check",
     .arguments = "HOST:PORT",
     .summary = "look for what is wrong with a cluster",
     .text =
         "Asks every node and reports slots without owner, with several owners or on the move,\n"
         "nodes that do not answer or disagree, replicas out of sync, primaries without a\n"
         "replica on another host. Exit code 3 when there is a fault; warnings are none.",
     .at_least = 1,
     .at_most = 1,
     .options = kCheckOptions,
     .examples = kCheckExamples,
     .run = run_check},
    {.name = "nodes",
     .arguments = "HOST:PORT",
     .summary = "every node of a cluster with id, state, epoch and slots",
     .text = "Lists every node that any node of the cluster knows.",
     .at_least = 1,
     .at_most = 1,
     .options = {},
     .examples = kNodesExamples,
     .run = run_nodes},
    {.name = "fix",
     .arguments = "HOST:PORT",
     .summary = "mend slots that are open, without an owner or with several",
     .text =
         "Finishes moves that were cut off, gives slots without an owner to a primary (to the one\n"
         "that holds their keys, else to the one with the fewest slots), and leaves one owner to\n"
         "slots that several claim. Keys are brought to the owner, none is deleted.",
     .at_least = 1,
     .at_most = 1,
     .options = kFixOptions,
     .examples = kFixExamples,
     .run = run_fix},
    {.name = "reshard",
     .arguments = "HOST:PORT",
     .summary = "move slots with their keys to a primary, while clients work",
     .text =
         "Takes slots from primaries in proportion to what they have and gives them to another.\n"
         "What --slots, --to and --from do not say is asked for. Ctrl-C ends where no slot is\n"
         "open; the same command again moves what is left, also after a kill.",
     .at_least = 1,
     .at_most = 1,
     .options = kReshardOptions,
     .examples = kReshardExamples,
     .run = run_reshard},
    {.name = "rebalance",
     .arguments = "HOST:PORT",
     .summary = "give every primary its share of slots",
     .text =
         "Moves as few slots as possible until every primary has its share, by weight. The same\n"
         "command again goes on after a cut.",
     .at_least = 1,
     .at_most = 1,
     .options = kRebalanceOptions,
     .examples = kRebalanceExamples,
     .run = run_rebalance},
    {.name = "add-node",
     .arguments = "NEW_HOST:PORT HOST:PORT",
     .summary = "add an empty node to a cluster, as a primary or a replica",
     .text = "The first address is the new node, the second any node of the cluster.",
     .at_least = 2,
     .at_most = 3,
     .options = kAddNodeOptions,
     .examples = kAddNodeExamples,
     .run = run_add_node,
     .node_word = 1},
    {.name = "del-node",
     .arguments = "HOST:PORT NODE",
     .summary = "remove a node without slots from a cluster",
     .text =
         "NODE is an id, the beginning of one, or an address. All others forget it, its replicas\n"
         "follow others, and it is reset. A node with slots is refused: move them away first.",
     .at_least = 2,
     .at_most = 2,
     .options = {},
     .examples = kDelNodeExamples,
     .run = run_del_node},
    {.name = "failover",
     .arguments = "HOST:PORT [NAME|NODE]",
     .summary = "hand a primary's role to a replica, without losing a write",
     .text = "In a cluster HOST:PORT is the replica that takes over (or any node, and NODE the\n"
             "replica, by id or address). In a sentinel deployment it is a sentinel and NAME the\n"
             "watched primary; each step and the write gap are shown.",
     .at_least = 1,
     .at_most = 2,
     .options = kFailoverOptions,
     .examples = kFailoverExamples,
     .run = run_failover},
    {.name = "call",
     .arguments = "HOST:PORT COMMAND [ARGUMENT ...]",
     .summary = "send a command to every node of a cluster",
     .text =
         "Exit code 1 where a node does not answer or answers with an error. What stands behind\n"
         "the command goes to the nodes as it is, except the options of this verb; all words\n"
         "behind -- do.",
     .at_least = 2,
     .at_most = 10000,
     .options = kCallOptions,
     .examples = kCallExamples,
     .run = run_call,
     .verbatim = true},
    {.name = "set-timeout",
     .arguments = "HOST:PORT MILLISECONDS",
     .summary = "set cluster-node-timeout on every node",
     .text = "Sets it at runtime and in each node's configuration file, where it has one.",
     .at_least = 2,
     .at_most = 2,
     .options = {},
     .examples = kSetTimeoutExamples,
     .run = run_set_timeout},
    {.name = "import",
     .arguments = "HOST:PORT",
     .summary = "bring the keys of a standalone server into a cluster",
     .text =
         "The server sends its keys itself, each to the node that owns its slot, and they are\n"
         "gone from it unless --copy is given. Keys that the cluster has with another value are\n"
         "left alone and named. The same command again goes on after a cut.",
     .at_least = 1,
     .at_most = 1,
     .options = kImportOptions,
     .examples = kImportExamples,
     .run = run_import},
    {.name = "backup",
     .arguments = "HOST:PORT FOLDER",
     .summary = "an RDB file of every primary, and the slot map",
     .text = "Reads each primary as a replica would. FOLDER gets redis-node-HOST-PORT-ID.rdb files "
             "and\n"
             "nodes.json. Exit code 1 where a node failed or the cluster is not sound.",
     .at_least = 2,
     .at_most = 2,
     .options = {},
     .examples = kBackupExamples,
     .run = run_backup},
    {.name = "completion",
     .arguments = "bash|zsh",
     .summary = "print a shell's completion script",
     .text = "Prints a script that completes verbs and options.",
     .at_least = 1,
     .at_most = 1,
     .options = {},
     .examples = kCompletionExamples,
     .run = run_completion,
     .node_word = -1},
    {.name = "help",
     .arguments = "[VERB]",
     .summary = "show this, or a verb's help",
     .text = "Shows help.",
     .at_least = 0,
     .at_most = 1,
     .options = {},
     .examples = kHelpExamples,
     .run = run_help,
     .node_word = -1},
};

}  // namespace

std::span<const VerbSpec> all_verbs() {
  return kVerbs;
}

std::span<const OptionSpec> common_options() {
  return kCommon;
}

}  // namespace redan
