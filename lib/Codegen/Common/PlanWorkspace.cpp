// Allocations to places in the workspace of the call.
#include "Workspace.h"
#include "mf/Codegen/Common/Passes.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::mf {
#define GEN_PASS_DEF_PLANWORKSPACEPASS
#include "mf/Codegen/Common/Passes.h.inc"
} // namespace mlir::mf

using namespace mlir;
using namespace mlir::mf;

namespace {
/// A buffer whose size is a function of the dimensions.
struct SizedBuffer {
  memref::AllocOp alloc;
  Lifetime lifetime;
  SymbolicSize size;
  /// The parallel loop that the lifetime counts the ops of; null for the function itself.
  Operation *loop = nullptr;

  bool overlaps(const SizedBuffer &other) const { return loop == other.loop && lifetime.overlaps(other.lifetime); }
};

/// Space that buffers use one after the other.
struct Place {
  SmallVector<SizedBuffer> buffers;

  bool isFreeFor(const SizedBuffer &buffer) const {
    return llvm::none_of(buffers, [&](const SizedBuffer &b) { return b.overlaps(buffer); });
  }
};

/// A buffer of a parallel loop whose size has a constant bound: bytes [offset, offset + bytes) of the worker's scratch.
struct ScratchBuffer {
  memref::AllocOp alloc;
  Lifetime lifetime;
  int64_t bytes;
  int64_t offset;
};

/// The workspace of one function.
class WorkspacePlan {
public:
  explicit WorkspacePlan(func::FuncOp func) : func(func), aliases(func) {}

  /// Finds the places of all buffers.
  LogicalResult plan();
  /// Replaces the allocations by views. Fails on sizes that do not grow with the dimensions.
  LogicalResult apply();
  /// Builds the function that computes the size.
  LogicalResult buildSizeFunction(StringRef name);

  int64_t getNumBuffers() const { return numBuffers; }
  int64_t getNumPlaces() const { return places.size() + workerPlaces.size(); }

private:
  /// The values of one evaluation of the plan.
  struct Evaluation {
    SmallVector<Value> offsets;       // of the places
    Value scratch;                    // offset of the first worker's scratch
    SmallVector<Value> workerOffsets; // of the places in a worker's scratch
    Value workerBytes;                // of one worker's scratch
    Value total;
  };

  void addTo(SmallVector<Place> &places, SizedBuffer buffer);
  LogicalResult planScratch(scf::ForallOp loop, ArrayRef<memref::AllocOp> allocs);
  FailureOr<Value> evaluateSize(OpBuilder &b, Place &place, FrameValueCloner &cloner);
  FailureOr<Evaluation> evaluate(OpBuilder &b, Value frame);
  FailureOr<Value> evaluatePlaces(OpBuilder &b, SmallVector<Place> &places, Value end, SmallVector<Value> &offsets,
                                  FrameValueCloner &cloner);
  void placeScratch(scf::ForallOp loop, Value workspace, const Evaluation &evaluation);

  func::FuncOp func;
  BufferViewFlowAnalysis aliases;
  SmallVector<Place> places;
  llvm::MapVector<Operation *, SmallVector<ScratchBuffer>> scratchOfLoops;
  /// Bytes of the buffers with a constant bound in one worker's scratch.
  int64_t scratchBytes = 0;
  /// Behind them, what grows with the dimensions.
  SmallVector<Place> workerPlaces;
  int64_t numBuffers = 0;
};
} // namespace

//===----------------------------------------------------------------------===//
// Plan
//===----------------------------------------------------------------------===//

/// The outermost parallel loop around `op`.
static scf::ForallOp getParallelLoop(Operation *op) {
  scf::ForallOp outermost;
  for (auto loop = op->getParentOfType<scf::ForallOp>(); loop; loop = loop->getParentOfType<scf::ForallOp>())
    outermost = loop;
  return outermost;
}

/// Takes the free place whose size changes least; one of other dimensions only where there is no other.
void WorkspacePlan::addTo(SmallVector<Place> &places, SizedBuffer buffer) {
  Place *best = nullptr;
  std::pair<bool, int64_t> bestCost;
  for (Place &place : places) {
    if (!place.isFreeFor(buffer))
      continue;
    std::pair<bool, int64_t> cost{true, 0};
    for (const SizedBuffer &other : place.buffers)
      if (other.size.hasDimsOf(buffer.size))
        cost = std::min(cost, {false, std::abs(other.size.factor - buffer.size.factor)});
    if (!best || cost < bestCost) {
      best = &place;
      bestCost = cost;
    }
  }
  if (!best)
    best = &places.emplace_back();
  best->buffers.push_back(std::move(buffer));
}

/// Constant bounds: first fit in the order of the block. Others: places of their own behind them.
LogicalResult WorkspacePlan::planScratch(scf::ForallOp loop, ArrayRef<memref::AllocOp> allocs) {
  Lifetimes lifetimes(*loop.getBody(), aliases);
  SmallVector<ScratchBuffer> &placed = scratchOfLoops[loop];
  for (memref::AllocOp alloc : allocs) {
    FailureOr<Lifetime> lifetime = lifetimes.get(alloc);
    FailureOr<SymbolicSize> size = getSize(alloc);
    if (failed(lifetime) || failed(size))
      return failure();
    std::optional<int64_t> bytes = getConstantBound(*size);
    if (!bytes) {
      addTo(workerPlaces, {alloc, *lifetime, *size, loop});
      continue;
    }
    ScratchBuffer buffer{alloc, *lifetime, static_cast<int64_t>(llvm::alignTo(*bytes, kWorkspaceAlignment)), 0};
    // `placed` is sorted by offset.
    for (const ScratchBuffer &other : placed)
      if (other.lifetime.overlaps(buffer.lifetime) && other.offset < buffer.offset + buffer.bytes &&
          buffer.offset < other.offset + other.bytes)
        buffer.offset = other.offset + other.bytes;
    scratchBytes = std::max(scratchBytes, buffer.offset + buffer.bytes);
    placed.insert(llvm::upper_bound(placed, buffer,
                                    [](const ScratchBuffer &a, const ScratchBuffer &b) { return a.offset < b.offset; }),
                  buffer);
  }
  return success();
}

LogicalResult WorkspacePlan::plan() {
  Lifetimes lifetimes(func.getBody().front(), aliases);
  SmallVector<SizedBuffer> shared; // sorted by their first use
  llvm::MapVector<Operation *, SmallVector<memref::AllocOp>> allocsOfLoops;
  WalkResult result = func.walk([&](memref::AllocOp alloc) {
    ++numBuffers;
    if (scf::ForallOp loop = getParallelLoop(alloc)) {
      allocsOfLoops[loop].push_back(alloc);
      return WalkResult::advance();
    }
    FailureOr<Lifetime> lifetime = lifetimes.get(alloc);
    FailureOr<SymbolicSize> size = getSize(alloc);
    if (failed(lifetime) || failed(size))
      return WalkResult::interrupt();
    shared.insert(llvm::upper_bound(shared, *lifetime,
                                    [](const Lifetime &a, const SizedBuffer &b) { return a.first < b.lifetime.first; }),
                  {alloc, *lifetime, *size});
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  for (SizedBuffer &buffer : shared)
    addTo(places, std::move(buffer));
  for (auto &[loop, allocs] : allocsOfLoops)
    if (failed(planScratch(cast<scf::ForallOp>(loop), allocs)))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// The largest size of a place's buffers, rounded up to the alignment.
FailureOr<Value> WorkspacePlan::evaluateSize(OpBuilder &b, Place &place, FrameValueCloner &cloner) {
  SmallVector<SymbolicSize> sizes; // one per set of dimensions
  for (const SizedBuffer &buffer : place.buffers) {
    auto *it = llvm::find_if(sizes, [&](const SymbolicSize &size) { return size.hasDimsOf(buffer.size); });
    if (it == sizes.end())
      sizes.push_back(buffer.size);
    else
      it->factor = std::max(it->factor, buffer.size.factor);
  }
  Location loc = func.getLoc();
  Value largest;
  for (const SymbolicSize &size : sizes) {
    Value bytes = arith::ConstantIndexOp::create(b, loc, size.factor);
    for (Value dim : size.dims) {
      FailureOr<Value> extent = cloner.clone(dim);
      if (failed(extent))
        return place.buffers.front().alloc.emitOpError()
               << "cannot have a place in the workspace: expects sizes that grow with the dimensions of the entry "
                  "point and depend on nothing else";
      bytes = b.createOrFold<arith::MulIOp>(loc, bytes, *extent);
    }
    largest = largest ? b.createOrFold<arith::MaxUIOp>(loc, largest, bytes) : bytes;
  }
  if (llvm::all_of(sizes, [](const SymbolicSize &size) { return size.factor % kWorkspaceAlignment == 0; }))
    return largest;
  Value rounded =
      b.createOrFold<arith::AddIOp>(loc, largest, arith::ConstantIndexOp::create(b, loc, kWorkspaceAlignment - 1));
  return b.createOrFold<arith::AndIOp>(loc, rounded, arith::ConstantIndexOp::create(b, loc, -kWorkspaceAlignment));
}

/// The offsets of places from `end` on. Returns the new end.
FailureOr<Value> WorkspacePlan::evaluatePlaces(OpBuilder &b, SmallVector<Place> &places, Value end,
                                               SmallVector<Value> &offsets, FrameValueCloner &cloner) {
  for (Place &place : places) {
    FailureOr<Value> bytes = evaluateSize(b, place, cloner);
    if (failed(bytes))
      return failure();
    offsets.push_back(end);
    end = b.createOrFold<arith::AddIOp>(func.getLoc(), end, *bytes);
  }
  return end;
}

FailureOr<WorkspacePlan::Evaluation> WorkspacePlan::evaluate(OpBuilder &b, Value frame) {
  Location loc = func.getLoc();
  FrameValueCloner cloner(b, frame);
  Evaluation evaluation;
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  FailureOr<Value> end = evaluatePlaces(b, places, zero, evaluation.offsets, cloner);
  if (failed(end))
    return failure();
  evaluation.scratch = *end;
  if (scratchBytes > 0 || !workerPlaces.empty()) {
    Value constantBytes = arith::ConstantIndexOp::create(b, loc, scratchBytes);
    FailureOr<Value> bytes = evaluatePlaces(b, workerPlaces, constantBytes, evaluation.workerOffsets, cloner);
    if (failed(bytes))
      return failure();
    evaluation.workerBytes = *bytes;
    Value workers = FrameWorkersOp::create(b, loc, b.getIndexType(), frame);
    end = b.createOrFold<arith::AddIOp>(loc, *end, b.createOrFold<arith::MulIOp>(loc, workers, *bytes));
  }
  evaluation.total = *end;
  return evaluation;
}

static void replaceByView(memref::AllocOp alloc, Value workspace, Value offset) {
  OpBuilder b(alloc);
  Value view = memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(), workspace, offset, alloc.getDynamicSizes());
  alloc.replaceAllUsesWith(view);
  alloc.erase();
}

void WorkspacePlan::placeScratch(scf::ForallOp loop, Value workspace, const Evaluation &evaluation) {
  Location loc = loop.getLoc();
  OpBuilder b = OpBuilder::atBlockBegin(loop.getBody());
  Value worker = WorkerIndexOp::create(b, loc, b.getIndexType());
  Value base = arith::MulIOp::create(b, loc, worker, evaluation.workerBytes);
  base = b.createOrFold<arith::AddIOp>(loc, base, evaluation.scratch);
  for (const ScratchBuffer &buffer : scratchOfLoops[loop]) {
    Value offset = arith::ConstantIndexOp::create(b, loc, buffer.offset);
    replaceByView(buffer.alloc, workspace, b.createOrFold<arith::AddIOp>(loc, base, offset));
  }
  for (auto [place, offset] : llvm::zip_equal(workerPlaces, evaluation.workerOffsets))
    for (const SizedBuffer &buffer : place.buffers)
      if (buffer.loop == loop)
        replaceByView(buffer.alloc, workspace, b.createOrFold<arith::AddIOp>(loc, base, offset));
}

LogicalResult WorkspacePlan::apply() {
  if (numBuffers == 0)
    return success();
  OpBuilder b = OpBuilder::atBlockBegin(&func.getBody().front());
  Value frame = func.getArgument(0);
  FailureOr<Evaluation> evaluation = evaluate(b, frame);
  if (failed(evaluation))
    return failure();
  auto bytesType = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  Value workspace = FrameWorkspaceOp::create(b, func.getLoc(), bytesType, frame, evaluation->total);
  for (auto [place, offset] : llvm::zip_equal(places, evaluation->offsets))
    for (const SizedBuffer &buffer : place.buffers)
      replaceByView(buffer.alloc, workspace, offset);
  for (auto &[loop, buffers] : scratchOfLoops)
    placeScratch(cast<scf::ForallOp>(loop), workspace, *evaluation);
  return success();
}

LogicalResult WorkspacePlan::buildSizeFunction(StringRef name) {
  OpBuilder b(func);
  b.setInsertionPointAfter(func);
  auto type = b.getFunctionType({func.getArgument(0).getType()}, {b.getI64Type()});
  auto sizeFunc = func::FuncOp::create(b, func.getLoc(), name, type);
  b.setInsertionPointToStart(sizeFunc.addEntryBlock());
  FailureOr<Evaluation> evaluation = evaluate(b, sizeFunc.getArgument(0));
  if (failed(evaluation))
    return failure();
  Value total = arith::IndexCastOp::create(b, func.getLoc(), b.getI64Type(), evaluation->total);
  func::ReturnOp::create(b, func.getLoc(), total);
  return success();
}

//===----------------------------------------------------------------------===//
// Pass
//===----------------------------------------------------------------------===//

namespace {
struct PlanWorkspacePass : public mf::impl::PlanWorkspacePassBase<PlanWorkspacePass> {
  void runOnOperation() override;
};
} // namespace

static bool takesFrame(func::FuncOp func) {
  return !func.isExternal() && func.getNumArguments() == 1 && isa<FrameType>(func.getArgumentTypes().front()) &&
         func.getNumResults() == 0;
}

void PlanWorkspacePass::runOnOperation() {
  ModuleOp module = getOperation();
  for (func::FuncOp func : llvm::to_vector(llvm::make_filter_range(module.getOps<func::FuncOp>(), takesFrame))) {
    std::string name = (func.getName() + ".workspace").str();
    if (module.lookupSymbol(name)) {
      func.emitOpError() << "expects no function '" << name << "', which the pass builds";
      return signalPassFailure();
    }
    // The size function is built from the allocations' sizes, so it comes before they go.
    WorkspacePlan plan(func);
    if (failed(plan.plan()) || failed(plan.buildSizeFunction(name)) || failed(plan.apply()))
      return signalPassFailure();
    numBuffers += plan.getNumBuffers();
    numPlaces += plan.getNumPlaces();
  }
}
