// Parallel loops to kernels that run a range of the linearised iterations.
#include "mf/Codegen/Common/Passes.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::mf {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

//===----------------------------------------------------------------------===//
// Iterations
//===----------------------------------------------------------------------===//

/// Iterations of each dimension of `loop`, computed in front of it.
static SmallVector<Value> createTripCounts(OpBuilder &b, scf::ForallOp loop) {
  SmallVector<Value> counts;
  AffineExpr lower = b.getAffineSymbolExpr(0), upper = b.getAffineSymbolExpr(1), step = b.getAffineSymbolExpr(2);
  for (auto [lb, ub, st] : llvm::zip_equal(loop.getMixedLowerBound(), loop.getMixedUpperBound(), loop.getMixedStep())) {
    OpFoldResult count =
        affine::makeComposedFoldedAffineApply(b, loop.getLoc(), (upper - lower).ceilDiv(step), {lb, ub, st});
    counts.push_back(getValueOrCreateConstantIndexOp(b, loop.getLoc(), count));
  }
  return counts;
}

/// The induction variables of linearised iteration `number`, the last dimension fastest.
static SmallVector<Value> createInductionVars(OpBuilder &b, scf::ForallOp loop, Value number, ArrayRef<Value> counts,
                                              const IRMapping &mapping) {
  Location loc = loop.getLoc();
  int64_t rank = counts.size();
  SmallVector<Value> variables(rank);
  AffineExpr index = b.getAffineDimExpr(0), lower = b.getAffineSymbolExpr(0), step = b.getAffineSymbolExpr(1);
  auto mapped = [&](OpFoldResult bound) {
    auto value = dyn_cast<Value>(bound);
    return value ? OpFoldResult(mapping.lookupOrDefault(value)) : bound;
  };
  for (int64_t dim = rank - 1; dim >= 0; --dim) {
    Value position = number;
    if (dim > 0) {
      Value count = mapping.lookupOrDefault(counts[dim]);
      position = arith::RemUIOp::create(b, loc, number, count);
      number = arith::DivUIOp::create(b, loc, number, count);
    }
    OpFoldResult variable = affine::makeComposedFoldedAffineApply(
        b, loc, lower + index * step,
        {position, mapped(loop.getMixedLowerBound()[dim]), mapped(loop.getMixedStep()[dim])});
    variables[dim] = getValueOrCreateConstantIndexOp(b, loc, variable);
  }
  return variables;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// What the kernel of `loop` needs from outside, in order of first use. Iterations of the outermost dimension are not
/// counted in the kernel.
static llvm::SetVector<Value> getOutsideValues(scf::ForallOp loop, ArrayRef<Value> counts) {
  llvm::SetVector<Value> values;
  getUsedValuesDefinedAbove(loop.getRegion(), values);
  values.insert_range(loop.getDynamicLowerBound());
  values.insert_range(loop.getDynamicStep());
  values.insert_range(counts.drop_front());
  return values;
}

/// A function (begin, end, worker, captures) with the loop over [begin, end).
static func::FuncOp createKernel(OpBuilder &b, scf::ForallOp loop, StringRef name, ArrayRef<Value> counts,
                                 ArrayRef<Value> captures, ArrayRef<Value> constants) {
  OpBuilder::InsertionGuard guard(b);
  Location loc = loop.getLoc();
  SmallVector<Type> types(3, b.getIndexType());
  llvm::append_range(types, TypeRange(ValueRange(captures)));
  auto kernel = func::FuncOp::create(b, loc, name, b.getFunctionType(types, {}));
  kernel.setPrivate();
  Block *entry = kernel.addEntryBlock();
  b.setInsertionPointToStart(entry);
  IRMapping mapping;
  mapping.map(captures, entry->getArguments().drop_front(3));
  for (Value constant : constants)
    b.clone(*constant.getDefiningOp(), mapping);
  auto range = scf::ForOp::create(b, loc, entry->getArgument(0), entry->getArgument(1),
                                  arith::ConstantIndexOp::create(b, loc, 1));
  func::ReturnOp::create(b, loc);

  b.setInsertionPointToStart(range.getBody());
  SmallVector<Value> variables = createInductionVars(b, loop, range.getInductionVar(), counts, mapping);
  mapping.map(loop.getInductionVars(), variables);
  for (Operation &op : loop.getBody()->without_terminator())
    b.clone(op, mapping);
  kernel.walk([&](WorkerIndexOp op) {
    op.replaceAllUsesWith(entry->getArgument(2));
    op.erase();
  });
  return kernel;
}

static LogicalResult makeInnerLoopsSequential(scf::ForallOp loop, IRRewriter &rewriter) {
  SmallVector<scf::ForallOp> inner;
  loop.getBody()->walk([&](scf::ForallOp nested) { inner.push_back(nested); });
  for (scf::ForallOp nested : inner) {
    if (nested.getNumResults())
      return nested.emitOpError() << "expects a bufferised loop, found results";
    rewriter.setInsertionPoint(nested);
    if (failed(scf::forallToForLoop(rewriter, nested)))
      return failure();
  }
  return success();
}

namespace {
struct OutlineKernelsPass : public mf::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  void runOnOperation() override;

private:
  LogicalResult outline(scf::ForallOp loop, Value frame, StringRef name, SymbolTable &symbols);
};
} // namespace

LogicalResult OutlineKernelsPass::outline(scf::ForallOp loop, Value frame, StringRef name, SymbolTable &symbols) {
  IRRewriter rewriter(&getContext());
  if (loop.getNumResults())
    return loop.emitOpError() << "expects a bufferised loop, found results";
  if (failed(makeInnerLoopsSequential(loop, rewriter)))
    return failure();
  rewriter.setInsertionPoint(loop);
  SmallVector<Value> counts = createTripCounts(rewriter, loop);
  SmallVector<Value> captures, constants;
  for (Value value : getOutsideValues(loop, counts))
    (matchPattern(value, m_Constant()) ? constants : captures).push_back(value);

  // A builder of its own: the symbol table inserts the kernel.
  OpBuilder kernelBuilder(&getContext());
  func::FuncOp kernel = createKernel(kernelBuilder, loop, name, counts, captures, constants);
  StringAttr symbol = symbols.insert(kernel);

  Value count = counts.front();
  for (Value other : ArrayRef(counts).drop_front())
    count = rewriter.createOrFold<arith::MulIOp>(loop.getLoc(), count, other);
  ParallelForOp::create(rewriter, loop.getLoc(), FlatSymbolRefAttr::get(symbol), frame, count, captures);
  rewriter.eraseOp(loop);
  ++numKernels;
  return success();
}

void OutlineKernelsPass::runOnOperation() {
  SymbolTable symbols(getOperation());
  for (func::FuncOp func : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
    SmallVector<scf::ForallOp> loops;
    func.walk<WalkOrder::PreOrder>([&](scf::ForallOp loop) {
      loops.push_back(loop);
      return WalkResult::skip();
    });
    if (loops.empty())
      continue;
    auto *frame = llvm::find_if(func.getArguments(), [](Value arg) { return isa<FrameType>(arg.getType()); });
    if (frame == func.getArguments().end()) {
      loops.front().emitOpError() << "expects a function that takes a frame around a parallel loop";
      return signalPassFailure();
    }
    for (auto [number, loop] : llvm::enumerate(loops)) {
      std::string name = (func.getName() + "_kernel_" + Twine(number)).str();
      if (failed(outline(loop, *frame, name, symbols)))
        return signalPassFailure();
    }
  }
}
