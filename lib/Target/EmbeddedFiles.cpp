// Finds the files that EmbeddedFiles.S.in put into the binary.
#include "mf/Target/EmbeddedFiles.h"
#include "mf/Target/CompileError.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::mf;

// X(name): a file of lib/Target/CMakeLists.txt.
#define MF_EMBEDDED_FILES(X)                                                                                           \
  X(model_h)                                                                                                           \
  X(runtime_x86_64)                                                                                                    \
  X(runtime_x86_64_asan)                                                                                               \
  X(runtime_x86_64_tsan)                                                                                               \
  X(runtime_aarch64)                                                                                                   \
  X(stub_x86_64_libc)                                                                                                  \
  X(stub_x86_64_libdl) X(stub_x86_64_libm) X(stub_x86_64_libpthread) X(stub_x86_64_ld) X(stub_aarch64_libc)            \
      X(stub_aarch64_libdl) X(stub_aarch64_libm) X(stub_aarch64_libpthread)

#define MF_DECLARE(name) extern "C" const char mf_embedded_##name[], mf_embedded_##name##_end[];
MF_EMBEDDED_FILES(MF_DECLARE)
#undef MF_DECLARE

#define MF_FILE(name) StringRef(mf_embedded_##name, mf_embedded_##name##_end - mf_embedded_##name)

StringRef mlir::mf::getModelHeader() { return MF_FILE(model_h); }

llvm::Expected<RuntimeFiles> mlir::mf::getRuntimeFiles(const llvm::Triple &triple, Sanitizer sanitizer) {
  if (triple.getArch() == llvm::Triple::x86_64) {
    StringRef object = sanitizer == Sanitizer::Address  ? MF_FILE(runtime_x86_64_asan)
                       : sanitizer == Sanitizer::Thread ? MF_FILE(runtime_x86_64_tsan)
                                                        : MF_FILE(runtime_x86_64);
    return RuntimeFiles{object,
                        {MF_FILE(stub_x86_64_libc), MF_FILE(stub_x86_64_libdl), MF_FILE(stub_x86_64_libm),
                         MF_FILE(stub_x86_64_libpthread), MF_FILE(stub_x86_64_ld)}};
  }
  if (triple.getArch() == llvm::Triple::aarch64 && sanitizer == Sanitizer::None)
    return RuntimeFiles{MF_FILE(runtime_aarch64),
                        {MF_FILE(stub_aarch64_libc), MF_FILE(stub_aarch64_libdl), MF_FILE(stub_aarch64_libm),
                         MF_FILE(stub_aarch64_libpthread)}};
  return makeError(ErrorKind::CommandLine, "there is no runtime " +
                                               Twine(sanitizer == Sanitizer::None ? "" : "with this sanitizer ") +
                                               "for '" + triple.str() + "'");
}
