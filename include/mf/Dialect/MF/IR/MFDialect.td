// The dialect `mf`: what a model with memory layers computes, on tensors or on memrefs, and how it will be computed.
#ifndef MF_DIALECT_MF_IR_MFDIALECT_TD
#define MF_DIALECT_MF_IR_MFDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/DialectBase.td"

def MF_Dialect : Dialect {
  let name = "mf";
  let cppNamespace = "::mlir::mf";
  let summary = "Models whose fully connected layers are hashed table lookups";
  let description = [{
    Compute ops are in destination-passing style and take ranked tensors or memrefs. On tensors they have no side effects
    and return one result per destination; on memrefs they read their inputs, write their destinations and return nothing.
    The operands of one op are all tensors or all memrefs.

    The token dimension comes first everywhere and may be dynamic; features are static.

    Attributes of functions and their arguments:

    | attribute | on | meaning |
    |---|---|---|
    | `mf.name` | argument, result | the operand's name in the library's interface |
    | `mf.dims` | argument, result | a name per dimension, `""` for a static one; equal names are equal extents |
    | `mf.state` | argument, result | sequence state, kept by the session between calls and updated in place: a unit, or the layout of a cache of keys (`#mf.cache_layout`) |
    | `mf.language_model` | module | `#mf.language_model`, what sessions need to know |
    | `mf.config` | module | text of the configuration, copied into the library's information |
    | `mf.entry` | function | `#mf.entry`, the interface of an entry point once it takes a frame |
    | `mf.target` | module | `#mf.cpu_target`, the variant that is being compiled |
    | `mf.block` | parameter | the part of the model that it belongs to, `"layers.0"`: what `mf-report-cost` sums up by |
    | `mf.gpu_target` | module | `#mf.gpu_target`, the GPU that kernels are made for |
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
    void registerTypes();
  }];
  let hasOperationAttrVerify = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect", "::mlir::tensor::TensorDialect"];
}

#endif // MF_DIALECT_MF_IR_MFDIALECT_TD
