// Ops that are computed together, tile by tile of their tokens, in one parallel loop.
#ifndef MF_LIB_CODEGEN_COMMON_TOKENLOOP_H
#define MF_LIB_CODEGEN_COMMON_TOKENLOOP_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/SetVector.h"

namespace mlir::mf {

/// The members of a loop to be built: consecutive ops of one block whose results have one extent, their tokens, in
/// dimension 0, all other dimensions static.
class TokenLoop {
public:
  explicit TokenLoop(int64_t tile) : tile(tile) {}

  int64_t getTile() const { return tile; }
  bool empty() const { return members.empty(); }
  ArrayRef<Operation *> getMembers() const { return members.getArrayRef(); }

  /// Whether `op`, or an op in its regions, uses a member's result.
  bool isUsedBy(Operation *op) const;

  /// Adds `op` if it can be computed on tiles of the members' results: a compute op of this tile, an elementwise linalg
  /// op or a reshape that keeps dimension 0 apart. Returns whether it could.
  bool join(Operation *op);

  /// Replaces the members by the loop, at the place of the last one. Fails, after a message, where a member cannot be
  /// cut.
  FailureOr<scf::ForallOp> build(RewriterBase &rewriter);

private:
  bool hasTokenExtent(Value value) const;
  bool readsTiles(TilingInterface op) const;
  SmallVector<OpResult> getExports() const;
  SmallVector<Value> createDestinations(RewriterBase &rewriter, ArrayRef<OpResult> exports, OpFoldResult extent) const;
  LogicalResult buildBody(RewriterBase &rewriter, scf::ForallOp loop, ArrayRef<OpResult> exports,
                          OpFoldResult extent) const;

  /// Tokens of a tile.
  int64_t tile;
  /// In the order of the block.
  llvm::SmallSetVector<Operation *, 16> members;
};

} // namespace mlir::mf

#endif // MF_LIB_CODEGEN_COMMON_TOKENLOOP_H
