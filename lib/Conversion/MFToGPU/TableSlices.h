// Slices of tables in workgroup memory, which pass while the threads of a block keep the sums of their tokens.
#ifndef MF_LIB_CONVERSION_MFTOGPU_TABLESLICES_H
#define MF_LIB_CONVERSION_MFTOGPU_TABLESLICES_H

#include "KernelModule.h"
#include "mf/Codegen/GPU/KernelBuilder.h"
#include "mf/Dialect/MF/IR/MFOps.h"

namespace mlir::mf {

/// What a block of a kernel with table slices has. Elements are those that tables are stored as.
struct SliceShape {
  SliceShape(LookupOp op, GPUTableTileAttr strategy);

  int64_t width;       ///< elements of a thread: 16 bytes
  int64_t strips;      ///< adjacent ones of a slice
  int64_t rowElements; ///< of a row of a strip
  int64_t cuts;        ///< blocks that share the rows of a strip
  int64_t stripLanes;  ///< threads of a row of a strip
  int64_t lanes;       ///< threads of a row
  int64_t groups;      ///< tokens at a time
  int64_t tokens;      ///< of a block
  int64_t parts;       ///< slices of a table
  int64_t steps;       ///< slices that pass
  int64_t sides;       ///< tables beside each other in the banks
  int64_t buffers;
  int64_t sliceBytes;    ///< of a buffer
  int64_t bytes;         ///< of workgroup memory
  int64_t columnBlocks;  ///< the grid's x
  int64_t clusterBlocks; ///< of a cluster, along the grid's y
};

/// Whether a kernel of `strategy` can take the tables of `op`; a message where not.
LogicalResult verifyTableTile(LookupOp op, GPUTableTileAttr strategy);

/// The launch of such a kernel. Blocks without tokens fill the last cluster.
LaunchShape getTableTileShape(KernelModule &kernels, LookupOp op, GPUTableTileAttr strategy);

/// Lets the slices of a set pass, by asynchronous copies of all threads or by bulk copies that a cluster shares.
class TableSlices {
public:
  TableSlices(LookupOp op, GPUTableTileAttr strategy, GPUKernelBuilder &k);

  const SliceShape &getShape() const { return shape; }
  /// The rows of codes and scores of the thread's tokens, behind the last one that one again, as i32: where they begin
  /// in what getCodes and getScores give. The grid's y counts blocks of tokens.
  ArrayRef<Value> getRows() const { return rows; }
  Value getCodes() const { return codes; }
  Value getScores() const { return scores; }
  /// store(i, token) for those of them that are there.
  void forEachToken(Value init, function_ref<void(size_t, Value)> store);
  /// The thread's strip, and its first element there.
  Value getStrip() const { return strip; }
  Value getElement() const { return element; }
  /// Which one of the tables beside each other the thread reads first.
  Value getSide() const { return side; }

  /// Carries values through all steps, from `initial` on: step s has slice s % parts of the tables from
  /// s / parts * tables on.
  SmallVector<Value> forEachStep(unsigned set, ValueRange initial,
                                 function_ref<SmallVector<Value>(Value, ValueRange)> body);
  /// The thread's 16 bytes of a row of one of the step's tables.
  Value load(Value step, Value table, Value row);

private:
  SmallVector<Value> getPlace(Value step, Value table, Value stripOfSlice, Value row, Value at);
  Value getTable(Value step, Value table);
  Value getStripOf(Value stripOfSlice);
  void copyByThreads(Value tables, Value step);
  void copyByBlocks(Value tables, Value step);
  SmallVector<Value> passByThreads(Value tables, ValueRange initial,
                                   function_ref<SmallVector<Value>(Value, ValueRange)> body);
  SmallVector<Value> passByBlocks(Value tables, ValueRange initial,
                                  function_ref<SmallVector<Value>(Value, ValueRange)> body);

  LookupOp op;
  GPUTableTileAttr strategy;
  GPUKernelBuilder &k;
  SliceShape shape;
  Value slices, barriers;
  Value thread, strip, element, side, firstStrip, firstElement;
  Value codes, scores; ///< in one dimension
  SmallVector<Value> rows;
};

} // namespace mlir::mf

#endif // MF_LIB_CONVERSION_MFTOGPU_TABLESLICES_H
