// Recorded by record_transcripts.py from two redis-server 7.0.15: what the replica ('R') and the
// primary ('P') said to each other.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace redan {

using Transcript = std::vector<std::pair<char, std::string>>;

// Full sync without disk, then one write.
inline const Transcript kFullSyncWithEndMark = {
    {'R', std::string("*1\r\n$4\r\nPING\r\n", 14)},
    {'P', std::string("+PONG\r\n", 7)},
    {'R', std::string("*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$5\r\n55957\r\n", 50)},
    {'P', std::string("+OK\r\n", 5)},
    {'R',
     std::string(
         "*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n", 59)},
    {'P', std::string("+OK\r\n", 5)},
    {'R', std::string(
              "*3\r\n$5\r\nPSYNC\r\n$40\r\n1b3ef54310df42eabe63ba02f4169739db6ad0e8\r\n$1\r\n1\r\n",
              69)},
    {'P',
     std::string("+FULLRESYNC 504c23bb9c9100e1ae0183606a03abcb5a813500 "
                 "0\r\n$EOF:3d044c2f9342386b8db65007b703f2050689d718\r\nREDIS0010\372\011redis-"
                 "ver\0067.0.15\372\nredis-bits\300@\372\005ctime\302V\004\006k\372\010used-"
                 "mem\302\240\266\016\000\372\016repl-stream-db\300\000\372\007repl-id("
                 "504c23bb9c9100e1ae0183606a03abcb5a813500\372\013repl-offset\300\000\372\010aof-"
                 "base\300\000\377=<\327w=\324\363\3703d044c2f9342386b8db65007b703f2050689d718",
                 315)},
    {'R', std::string("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n", 34)},
    {'P',
     std::string("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 50)},
};

// Full sync from a file on disk.
inline const Transcript kFullSyncFromFile = {
    {'R', std::string("*1\r\n$4\r\nPING\r\n", 14)},
    {'P', std::string("+PONG\r\n", 7)},
    {'R', std::string("*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$5\r\n40169\r\n", 50)},
    {'P', std::string("+OK\r\n", 5)},
    {'R',
     std::string(
         "*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n", 59)},
    {'P', std::string("+OK\r\n", 5)},
    {'R', std::string(
              "*3\r\n$5\r\nPSYNC\r\n$40\r\n539516c0f205f73cd100ad6abb8e2c48ee58a5b8\r\n$1\r\n1\r\n",
              69)},
    {'P',
     std::string("+FULLRESYNC 79b3a13a15d68f644a03ec851d93ae8bf0695674 "
                 "0\r\n$172\r\nREDIS0010\372\011redis-ver\0067.0.15\372\nredis-bits\300@"
                 "\372\005ctime\302V\004\006k\372\010used-mem\302P\266\016\000\372\016repl-stream-"
                 "db\300\000\372\007repl-id(79b3a13a15d68f644a03ec851d93ae8bf0695674\372\013repl-"
                 "offset\300\000\372\010aof-base\300\000\377b\037\343\026\361\271\324\356*2\r\n$"
                 "6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n",
                 284)},
};

// The link was cut after a full sync and one write; the replica goes on.
inline const Transcript kResumed = {
    {'R', std::string("*1\r\n$4\r\nPING\r\n", 14)},
    {'P', std::string("+PONG\r\n", 7)},
    {'R', std::string("*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$5\r\n41935\r\n", 50)},
    {'P', std::string("+OK\r\n", 5)},
    {'R',
     std::string(
         "*5\r\n$8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n", 59)},
    {'P', std::string("+OK\r\n", 5)},
    {'R',
     std::string(
         "*3\r\n$5\r\nPSYNC\r\n$40\r\nf7045c02871a0d24fa0d6e361ebbae638a1e6f25\r\n$2\r\n51\r\n",
         70)},
    {'P', std::string("+CONTINUE f7045c02871a0d24fa0d6e361ebbae638a1e6f25\r\n", 52)},
};

// The replica authenticates first.
inline const Transcript kWithPassword = {
    {'R', std::string("*1\r\n$4\r\nPING\r\n", 14)},
    {'P', std::string("+PONG\r\n", 7)},
    {'R', std::string("*3\r\n$4\r\nAUTH\r\n$3\r\nrep\r\n$6\r\nsecret\r\n", 35)},
    {'P', std::string("+OK\r\n", 5)},
    {'R', std::string("*3\r\n$8\r\nREPLCONF\r\n$14\r\nlistening-port\r\n$5\r\n51183\r\n*5\r\n$"
                      "8\r\nREPLCONF\r\n$4\r\ncapa\r\n$3\r\neof\r\n$4\r\ncapa\r\n$6\r\npsync2\r\n",
                      109)},
    {'P', std::string("+OK\r\n+OK\r\n", 10)},
    {'R', std::string(
              "*3\r\n$5\r\nPSYNC\r\n$40\r\nbe6d5f286ea7f5724d1fe45a67171b3d218d9ba4\r\n$1\r\n1\r\n",
              69)},
    {'P',
     std::string("+FULLRESYNC b28727f6999c31b748d21f540fbac8650c39ae8c "
                 "0\r\n$EOF:58749d69ecb9087f1e232b8022aca393ff046c4f\r\nREDIS0010\372\011redis-"
                 "ver\0067.0.15\372\nredis-bits\300@\372\005ctime\302W\004\006k\372\010used-"
                 "mem\302\350y\017\000\372\016repl-stream-db\300\000\372\007repl-id("
                 "b28727f6999c31b748d21f540fbac8650c39ae8c\372\013repl-offset\300\000\372\010aof-"
                 "base\300\000\377\364~j\352\271b\236\21558749d69ecb9087f1e232b8022aca393ff046c4f",
                 315)},
    {'R', std::string("*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n", 34)},
    {'P',
     std::string("*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n", 50)},
};

// The primary refuses the password.
inline const Transcript kWrongPassword = {
    {'R', std::string("*1\r\n$4\r\nPING\r\n", 14)},
    {'P', std::string("+PONG\r\n", 7)},
    {'R', std::string("*3\r\n$4\r\nAUTH\r\n$3\r\nrep\r\n$5\r\nwrong\r\n", 34)},
    {'P', std::string("-WRONGPASS invalid username-password pair or user is disabled.\r\n", 64)},
};

}  // namespace redan
