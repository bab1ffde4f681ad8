// Runs what may abort in a child process.
#ifndef MF_TARGET_CONTAINED_H
#define MF_TARGET_CONTAINED_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"
#include <string>

namespace llvm {
class raw_ostream;
}

namespace mlir::mf {

/// What `run(output)` writes to `output`, run in a child process; an error, with what the child printed on standard
/// error, where it returns false, exits or dies. The child is a copy of this thread alone: `run` relies on no other
/// thread and on no lock that one may hold.
llvm::Expected<std::string> runContained(llvm::function_ref<bool(llvm::raw_ostream &output)> run);

} // namespace mlir::mf

#endif // MF_TARGET_CONTAINED_H
