// Reads of the fields of `mf_rt_frame`. Nothing changes a frame while its entry point runs: all loads are invariant.
#include "Patterns.h"
#include "mf/Dialect/MF/IR/MFOps.h"
#include "mf/Runtime/Plan.h"
#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/Pattern.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace mlir::mf;

static Value loadInvariant(OpBuilder &b, Location loc, Type type, Value pointer) {
  return LLVM::LoadOp::create(b, loc, type, pointer, /*alignment=*/8, /*isVolatile=*/false, /*isNonTemporal=*/false,
                              /*isInvariant=*/true);
}

/// The 8-byte field at `offset` of a frame.
static Value loadField(OpBuilder &b, Location loc, Type type, Value frame, int32_t offset) {
  Value address = LLVM::GEPOp::create(b, loc, frame.getType(), b.getI8Type(), frame, LLVM::GEPArg(offset),
                                      LLVM::GEPNoWrapFlags::inbounds);
  return loadInvariant(b, loc, type, address);
}

/// Element `index` of the array that the field at `offset` points to; elements have 8 bytes.
static Value loadElement(OpBuilder &b, Location loc, Type type, Value frame, int32_t offset, int64_t index) {
  Value array = loadField(b, loc, frame.getType(), frame, offset);
  Value address = LLVM::GEPOp::create(b, loc, frame.getType(), b.getI64Type(), array,
                                      LLVM::GEPArg(static_cast<int32_t>(index)), LLVM::GEPNoWrapFlags::inbounds);
  return loadInvariant(b, loc, type, address);
}

static void assumeAlignment(OpBuilder &b, Location loc, Value pointer, int64_t bytes) {
  Value isTrue = LLVM::ConstantOp::create(b, loc, b.getI1Type(), b.getBoolAttr(true));
  Value alignment = LLVM::ConstantOp::create(b, loc, b.getI64Type(), b.getI64IntegerAttr(bytes));
  LLVM::AssumeOp::create(b, loc, isTrue, LLVM::AssumeAlignTag(), pointer, alignment);
}

// Parameters and the workspace lie at multiples of it.
static constexpr int64_t ownedAlignment = 64;

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

namespace {
struct FrameDimLowering : ConvertOpToLLVMPattern<FrameDimOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(FrameDimOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, loadElement(rewriter, op.getLoc(), getIndexType(), adaptor.getFrame(),
                                       offsetof(mf_rt_frame, dims), op.getIndex()));
    return success();
  }
};

struct FrameWorkersLowering : ConvertOpToLLVMPattern<FrameWorkersOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(FrameWorkersOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(
        op, loadField(rewriter, op.getLoc(), getIndexType(), adaptor.getFrame(), offsetof(mf_rt_frame, workers)));
    return success();
  }
};

struct FrameOperandLowering : ConvertOpToLLVMPattern<FrameOperandOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(FrameOperandOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<MemRefType>(op.getResult().getType());
    if (!isConvertibleAndHasIdentityMaps(type))
      return rewriter.notifyMatchFailure(op, "operands of a frame are compact");
    Value pointer = loadElement(rewriter, op.getLoc(), adaptor.getFrame().getType(), adaptor.getFrame(),
                                offsetof(mf_rt_frame, operands), op.getIndex());
    SmallVector<Value> sizes, strides;
    Value elements;
    getMemRefDescriptorSizes(op.getLoc(), type, adaptor.getSizes(), rewriter, sizes, strides, elements,
                             /*sizeInBytes=*/false);
    rewriter.replaceOp(op, {createMemRefDescriptor(op.getLoc(), type, pointer, pointer, sizes, strides, rewriter)});
    return success();
  }
};

struct FrameParameterLowering : ConvertOpToLLVMPattern<FrameParameterOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(FrameParameterOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<MemRefType>(op.getResult().getType());
    if (!isConvertibleAndHasIdentityMaps(type))
      return rewriter.notifyMatchFailure(op, "parameters are compact");
    Value pointer = loadElement(rewriter, op.getLoc(), adaptor.getFrame().getType(), adaptor.getFrame(),
                                offsetof(mf_rt_frame, parameters), op.getIndex());
    assumeAlignment(rewriter, op.getLoc(), pointer, ownedAlignment);
    rewriter.replaceOp(op,
                       {MemRefDescriptor::fromStaticShape(rewriter, op.getLoc(), *getTypeConverter(), type, pointer)});
    return success();
  }
};

struct FrameWorkspaceLowering : ConvertOpToLLVMPattern<FrameWorkspaceOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult matchAndRewrite(FrameWorkspaceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<MemRefType>(op.getResult().getType());
    if (!isConvertibleAndHasIdentityMaps(type) || type.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "the workspace is a compact memref<?xi8>");
    Value pointer = loadField(rewriter, op.getLoc(), adaptor.getFrame().getType(), adaptor.getFrame(),
                              offsetof(mf_rt_frame, workspace));
    assumeAlignment(rewriter, op.getLoc(), pointer, ownedAlignment);
    Value one = createIndexAttrConstant(rewriter, op.getLoc(), getIndexType(), 1);
    rewriter.replaceOp(
        op, {createMemRefDescriptor(op.getLoc(), type, pointer, pointer, adaptor.getBytes(), one, rewriter)});
    return success();
  }
};
} // namespace

//===----------------------------------------------------------------------===//
// Populate
//===----------------------------------------------------------------------===//

void mf::populateFrameOpsToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<FrameDimLowering, FrameOperandLowering, FrameParameterLowering, FrameWorkersLowering,
               FrameWorkspaceLowering>(converter);
}
