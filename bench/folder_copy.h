// workload/folder_copy: the documents' folder copier on a real folder: one task a file, progress as they end, and the copy
// compared with the folder byte for byte.
#ifndef REGATTA_BENCH_FOLDER_COPY_H_
#define REGATTA_BENCH_FOLDER_COPY_H_

#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"

namespace regatta::bench {

void AddFolderCopy(const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_FOLDER_COPY_H_
