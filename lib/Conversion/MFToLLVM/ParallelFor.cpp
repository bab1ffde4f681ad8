// Parallel loops: captures go through a structure on the caller's stack to a thunk, which calls the kernel.
#include "Patterns.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::mf;

static constexpr StringLiteral parallelForName = "mf_rt_parallel_for";

/// The runtime's function, declared when it is first called.
static LLVM::LLVMFuncOp getParallelFor(ModuleOp module, OpBuilder &b) {
  if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(parallelForName))
    return function;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type =
      LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, pointer, pointer, b.getI64Type()});
  return LLVM::LLVMFuncOp::create(b, module.getLoc(), parallelForName, type);
}

static Value getField(OpBuilder &b, Location loc, Type closureType, Value closure, int32_t field) {
  return LLVM::GEPOp::create(b, loc, closure.getType(), closureType, closure, ArrayRef<LLVM::GEPArg>{0, field},
                             LLVM::GEPNoWrapFlags::inbounds);
}

/// `void (ptr closure, i64 begin, i64 end, i64 worker)`: calls `kernel` with the bounds and the fields of the closure.
/// One a kernel: all its loops capture the same types.
static LLVM::LLVMFuncOp getThunk(ModuleOp module, OpBuilder &b, Location loc, StringRef kernel,
                                 LLVM::LLVMStructType closureType) {
  std::string name = (kernel + ".thunk").str();
  if (auto function = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return function;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToEnd(module.getBody());
  Type index = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {LLVM::LLVMPointerType::get(b.getContext()), index, index, index});
  auto thunk = LLVM::LLVMFuncOp::create(b, loc, name, type, LLVM::Linkage::Internal);
  Block *entry = thunk.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  SmallVector<Value> arguments(entry->getArguments().drop_front());
  for (auto [i, fieldType] : llvm::enumerate(closureType.getBody())) {
    Value address = getField(b, loc, closureType, entry->getArgument(0), i);
    arguments.push_back(LLVM::LoadOp::create(b, loc, fieldType, address));
  }
  LLVM::CallOp::create(b, loc, TypeRange(), kernel, arguments);
  LLVM::ReturnOp::create(b, loc, ValueRange());
  return thunk;
}

/// Room for a closure in the entry block of the function around `op`: loops do not let the stack grow.
static Value allocateClosure(Operation *op, OpBuilder &b, LLVM::LLVMStructType closureType) {
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&op->getParentOfType<FunctionOpInterface>().getFunctionBody().front());
  Value one = LLVM::ConstantOp::create(b, op->getLoc(), b.getI64Type(), b.getI64IntegerAttr(1));
  return LLVM::AllocaOp::create(b, op->getLoc(), LLVM::LLVMPointerType::get(b.getContext()), closureType, one);
}

namespace {
struct ParallelForLowering : ConvertOpToLLVMPattern<ParallelForOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;

  LogicalResult matchAndRewrite(ParallelForOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto module = op->getParentOfType<ModuleOp>();
    // As a call passes them: the fields of descriptors one by one.
    SmallVector<Value> captures =
        getTypeConverter()->promoteOperands(loc, op.getCaptures(), adaptor.getCaptures(), rewriter);
    auto closureType =
        LLVM::LLVMStructType::getLiteral(rewriter.getContext(), llvm::to_vector(ValueRange(captures).getTypes()));
    Value closure = allocateClosure(op, rewriter, closureType);
    LLVM::LifetimeStartOp::create(rewriter, loc, closure);
    for (auto [i, capture] : llvm::enumerate(captures))
      LLVM::StoreOp::create(rewriter, loc, capture, getField(rewriter, loc, closureType, closure, i));
    LLVM::LLVMFuncOp thunk = getThunk(module, rewriter, loc, op.getKernel(), closureType);
    Value thunkAddress = LLVM::AddressOfOp::create(rewriter, loc, thunk);
    LLVM::CallOp::create(rewriter, loc, getParallelFor(module, rewriter),
                         ValueRange{adaptor.getFrame(), thunkAddress, closure, adaptor.getCount()});
    LLVM::LifetimeEndOp::create(rewriter, loc, closure);
    rewriter.eraseOp(op);
    return success();
  }
};
} // namespace

void mf::populateParallelForToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<ParallelForLowering>(converter);
}
