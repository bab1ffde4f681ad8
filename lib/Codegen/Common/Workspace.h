// Places in the workspace of a call: lifetimes of buffers, and sizes that depend on the frame alone.
#ifndef MF_LIB_CODEGEN_COMMON_WORKSPACE_H
#define MF_LIB_CODEGEN_COMMON_WORKSPACE_H

#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"

namespace mlir::mf {

/// Alignment of every place, in bytes.
inline constexpr int64_t kWorkspaceAlignment = 64;

/// First and last op of a block that touch a buffer, by their number in the block.
struct Lifetime {
  int64_t first;
  int64_t last;

  bool overlaps(const Lifetime &other) const { return first <= other.last && other.first <= last; }
};

/// Lifetimes of the buffers that are allocated in a block or in regions of its ops.
class Lifetimes {
public:
  Lifetimes(Block &block, const BufferViewFlowAnalysis &aliases);

  /// Fails, after a message, where the buffer is carried from one iteration of a sequential loop to the next: it would
  /// need a place per iteration.
  FailureOr<Lifetime> get(memref::AllocOp alloc) const;

private:
  Block &block;
  const BufferViewFlowAnalysis &aliases;
  DenseMap<Operation *, int64_t> numbers;
};

/// `factor` times the values of `dims`, in bytes.
struct SymbolicSize {
  int64_t factor;
  SmallVector<Value> dims;

  bool hasDimsOf(const SymbolicSize &other) const;
};

/// Bytes of an allocation. Fails, after a message, on elements without a size in memory and on layouts.
FailureOr<SymbolicSize> getSize(memref::AllocOp alloc);

/// Bytes that hold an allocation whatever its dynamic sizes are, where a bound is known.
std::optional<int64_t> getConstantBound(const SymbolicSize &size);

/// Computes values again from another frame.
class FrameValueCloner {
public:
  FrameValueCloner(OpBuilder &builder, Value frame) : builder(builder), frame(frame) {}

  /// `value` computed by ops at the builder's place. Fails where it is not made of the frame's dimensions and constants
  /// by ops that never shrink when an operand grows.
  FailureOr<Value> clone(Value value);

private:
  OpBuilder &builder;
  Value frame;
  IRMapping mapping;
};

} // namespace mlir::mf

#endif // MF_LIB_CODEGEN_COMMON_WORKSPACE_H
