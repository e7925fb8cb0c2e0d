// Availability: whether a peer can be raced on this machine. An absent one is reported, with the reason, never left out
// silently.
#ifndef REGATTA_BENCH_PEERS_AVAILABILITY_H_
#define REGATTA_BENCH_PEERS_AVAILABILITY_H_

#include <string>

namespace regatta::bench {

struct Availability {
  std::string system;
  bool present = false;
  std::string version;
  std::string reason;  // Why absent, and the way out.
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_AVAILABILITY_H_
