// Files that the compiler carries: the C header, the runtime and the stub libraries of each architecture.
#ifndef MF_TARGET_EMBEDDEDFILES_H
#define MF_TARGET_EMBEDDEDFILES_H

#include "mf/Target/ObjectEmitter.h"

namespace mlir::mf {

/// The text of mf-c/model.h.
StringRef getModelHeader();

/// What is linked into every library of one architecture and kind.
struct RuntimeFiles {
  StringRef object;
  SmallVector<StringRef> stubs; ///< shared libraries
};

/// An error where there is no runtime of that kind.
llvm::Expected<RuntimeFiles> getRuntimeFiles(const llvm::Triple &triple, Sanitizer sanitizer);

} // namespace mlir::mf

#endif // MF_TARGET_EMBEDDEDFILES_H
