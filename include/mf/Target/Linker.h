// Links a library, in this process.
#ifndef MF_TARGET_LINKER_H
#define MF_TARGET_LINKER_H

#include "mf/Target/ObjectEmitter.h"

namespace mlir::mf {

/// One shared library.
struct LinkJob {
  ArrayRef<CodeBuffer> objects;
  ArrayRef<std::string> exports; ///< all other symbols stay inside
  std::string triple;
  std::string soname;
  Sanitizer sanitizer = Sanitizer::None;
};

/// Links the objects with the runtime and returns the library. Its files live in the system's temporary directory and
/// are removed on every way out. Not for two threads at once: the linker has global state.
llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> linkLibrary(const LinkJob &job);

} // namespace mlir::mf

#endif // MF_TARGET_LINKER_H
