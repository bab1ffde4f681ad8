// Bufferisation of the compute ops.
#ifndef MF_DIALECT_MF_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define MF_DIALECT_MF_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;

namespace mf {

/// Attaches BufferizableOpInterface to the compute ops: each becomes the same op on memrefs, its results its
/// destinations. `mf.get_parameter` has none: it is lowered with the entry points.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);

} // namespace mf
} // namespace mlir

#endif // MF_DIALECT_MF_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
