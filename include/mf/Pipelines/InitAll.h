// Everything that a tool of this project can load.
#ifndef MF_PIPELINES_INITALL_H
#define MF_PIPELINES_INITALL_H

namespace mlir {
class DialectRegistry;

namespace mf {

/// Adds to `registry` the dialects of MLIR and of this project with their interfaces, and the translations to LLVM IR.
/// Registers all passes and pipelines with the global registry; call it once.
void registerAllDialectsAndPasses(DialectRegistry &registry);

} // namespace mf
} // namespace mlir

#endif // MF_PIPELINES_INITALL_H
