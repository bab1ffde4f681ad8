// Numbers of the command line: lists and ranges.
#ifndef MF_TOOLS_MF_BENCH_LISTS_H
#define MF_TOOLS_MF_BENCH_LISTS_H

#include "llvm/Support/Error.h"

#include <vector>

namespace mf::bench {

/// The numbers of `text`: items separated by commas, each a number `a`, or a range `a-b`, `a-b+step`, `a-b*factor` that
/// begins at a and ends at b or before. ExitUsage, naming `option`, where the text is none or a number is not in
/// [least, 2^31).
llvm::Expected<std::vector<int64_t>> parseList(llvm::StringRef option, llvm::StringRef text, int64_t least);

} // namespace mf::bench

#endif // MF_TOOLS_MF_BENCH_LISTS_H
