// Base classes, operand kinds and shared texts of the ops of the dialect `mf`.
#ifndef MF_DIALECT_MF_IR_MFOPBASE_TD
#define MF_DIALECT_MF_IR_MFOPBASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "mlir/Interfaces/TilingInterface.td"
include "mf/Dialect/MF/IR/MFAttributes.td"
include "mf/Dialect/MF/IR/MFCostInterface.td"
include "mf/Dialect/MF/IR/MFDialect.td"
include "mf/Dialect/MF/IR/MFInterfaces.td"
include "mf/Dialect/MF/IR/MFTypes.td"

class MF_Op<string mnemonic, list<Trait> traits = []> : Op<MF_Dialect, mnemonic, traits>;

// A ranked tensor or memref of the given rank and element types.
class MF_Shaped<int rank, list<Type> elements> : AnyTypeOf<[TensorRankOf<elements, [rank]>,
                                                            MemRefRankOf<elements, [rank]>]>;
class MF_AnyShaped<list<Type> elements> : AnyTypeOf<[RankedTensorOf<elements>, MemRefOf<elements>]>;

defvar MF_StoredFloats = [F32, F16, BF16];
// Quantised elements are i4 while a parameter has no layout yet, pairs of them as i8 from then on.
defvar MF_StoredElements = [F32, F16, BF16, I8, I<4>];
defvar MF_CodeTypes = [I8, I16, I32];
defvar MF_IndexTypes = [I32, I64];

// An op that says what it costs, beside its verifier.
defvar MF_StatesCost = DeclareOpInterfaceMethods<MF_CostOpInterface>;

def MF_OptionalStrategy : OptionalAttr<MF_StrategyAttrInterface>;

// An op in destination-passing style on tensors or memrefs. What follows from that and from ComputeOpInterface is the same
// for all of them and lives in MFComputeOp.h; an op defines its verifier, its loops and its slices.
class MF_ComputeOp<string mnemonic, list<Trait> traits = []>
    : MF_Op<mnemonic, !listconcat([
          DestinationStyleOpInterface, DeclareOpInterfaceMethods<MF_ComputeOpInterface>,
          DeclareOpInterfaceMethods<MemoryEffectsOpInterface>, DeclareOpInterfaceMethods<ConditionallySpeculatable>,
          DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, ["reifyResultShapes"]>,
          DeclareOpInterfaceMethods<TilingInterface, ["getLoopIteratorTypes", "getIterationDomain",
                                                      "getTiledImplementation", "getResultTilePosition",
                                                      "generateResultTileValue",
                                                      "getIterationDomainTileFromResultTile"]>], traits)> {
  let hasVerifier = 1;
  let hasFolder = 1;
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::fold(FoldAdaptor,
                                          ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &) {
      return ::mlir::mf::detail::foldMemRefCasts(getOperation());
    }
    void $cppClass::getEffects(
        ::llvm::SmallVectorImpl<::mlir::SideEffects::EffectInstance<::mlir::MemoryEffects::Effect>> &effects) {
      ::mlir::mf::detail::getEffects(*this, effects);
    }
    ::mlir::Speculation::Speculatability $cppClass::getSpeculatability() {
      return ::mlir::mf::detail::getSpeculatability(*this);
    }
    ::llvm::LogicalResult $cppClass::reifyResultShapes(::mlir::OpBuilder &b,
                                                       ::mlir::ReifiedRankedShapedTypeDims &shapes) {
      return ::mlir::mf::detail::reifyResultShapes(*this, b, shapes);
    }
    ::llvm::SmallVector<::mlir::utils::IteratorType> $cppClass::getLoopIteratorTypes() {
      return ::llvm::SmallVector<::mlir::utils::IteratorType>(getLoopDims().size(),
                                                              ::mlir::utils::IteratorType::parallel);
    }
    ::llvm::SmallVector<::mlir::Range> $cppClass::getIterationDomain(::mlir::OpBuilder &b) {
      return ::mlir::mf::detail::getIterationDomain(*this, b);
    }
    ::llvm::FailureOr<::mlir::TilingResult>
    $cppClass::getTiledImplementation(::mlir::OpBuilder &b, ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
                                      ::llvm::ArrayRef<::mlir::OpFoldResult> sizes) {
      return ::mlir::mf::detail::getTiledImplementation(*this, b, offsets, sizes);
    }
    ::llvm::LogicalResult $cppClass::getResultTilePosition(
        ::mlir::OpBuilder &b, unsigned resultNumber, ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
        ::llvm::ArrayRef<::mlir::OpFoldResult> sizes, ::llvm::SmallVector<::mlir::OpFoldResult> &resultOffsets,
        ::llvm::SmallVector<::mlir::OpFoldResult> &resultSizes) {
      return ::mlir::mf::detail::getResultTilePosition(*this, b, resultNumber, offsets, sizes, resultOffsets,
                                                       resultSizes);
    }
    ::llvm::FailureOr<::mlir::TilingResult>
    $cppClass::generateResultTileValue(::mlir::OpBuilder &b, unsigned resultNumber,
                                       ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
                                       ::llvm::ArrayRef<::mlir::OpFoldResult> sizes) {
      return ::mlir::mf::detail::generateResultTileValue(*this, b, resultNumber, offsets, sizes);
    }
    ::llvm::LogicalResult $cppClass::getIterationDomainTileFromResultTile(
        ::mlir::OpBuilder &b, unsigned resultNumber, ::llvm::ArrayRef<::mlir::OpFoldResult> offsets,
        ::llvm::ArrayRef<::mlir::OpFoldResult> sizes, ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &loopOffsets,
        ::llvm::SmallVectorImpl<::mlir::OpFoldResult> &loopSizes) {
      return ::mlir::mf::detail::getLoopTileFromResultTile(*this, resultNumber, offsets, sizes, loopOffsets,
                                                           loopSizes);
    }
  }];
}

#endif // MF_DIALECT_MF_IR_MFOPBASE_TD
