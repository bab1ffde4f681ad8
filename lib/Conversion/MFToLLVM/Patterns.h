// The patterns of `convert-mf-to-llvm` that are not upstream's.
#ifndef MF_CONVERSION_MFTOLLVM_PATTERNS_H
#define MF_CONVERSION_MFTOLLVM_PATTERNS_H

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::mf {

/// Reads of the fields of a frame.
void populateFrameOpsToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns);

/// `mf.parallel_for`. Adds its thunks to the module of the op.
void populateParallelForToLLVMPatterns(const LLVMTypeConverter &converter, RewritePatternSet &patterns);

} // namespace mlir::mf

#endif // MF_CONVERSION_MFTOLLVM_PATTERNS_H
