// Calls of lib/Runtime/GPUHost, and what they need: descriptions of kernels, arguments of launches, memory of threads.
#ifndef MF_LIB_CODEGEN_GPU_HOSTRUNTIME_H
#define MF_LIB_CODEGEN_GPU_HOSTRUNTIME_H

#include "mf/Runtime/GPUHost.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::mf {

/// A place in a kernel, mf_rt_gpu_site.
struct HostSite {
  std::string text;
  int32_t bytes = 0, alignment = 1, flags = 0;
};

/// Executions of one region, by kind.
using HostRegion = std::array<int32_t, MF_RT_GPU_KIND_COUNT>;

/// A kernel, mf_rt_gpu_kernel.
struct HostKernel {
  std::string name;
  int32_t threads = 0;
  int32_t cluster = 1; ///< blocks along y
  bool waits = false, checked = false;
  SmallVector<HostSite> sites;
  SmallVector<HostRegion> regions;
};

/// Builds into one module. Casts between values and their form in LLVM are left to `reconcile-unrealized-casts`.
class HostRuntime {
public:
  explicit HostRuntime(ModuleOp module);

  Type getPointerType() const { return pointer; }
  /// Calls `symbol`, declared where it is first called; no result where `result` is null.
  Value call(ImplicitLocOpBuilder &b, StringRef symbol, Type result, ValueRange operands);
  /// A field of 64 bits of a structure, which does not change while the kernel runs.
  Value loadField(ImplicitLocOpBuilder &b, Type type, Value structure, int64_t offset);
  /// `value` as LLVM has it, or back.
  Value toLLVM(ImplicitLocOpBuilder &b, Value value);
  Value fromLLVM(ImplicitLocOpBuilder &b, Type type, Value value);
  /// Room for a value of `type` on the stack of the function around the insertion point.
  Value allocate(ImplicitLocOpBuilder &b, Type type);
  /// The same, holding `value`.
  Value spill(ImplicitLocOpBuilder &b, Value value);
  Value load(ImplicitLocOpBuilder &b, Type type, Value address);
  /// `type`, static and compact, at `address`, without its memory space.
  Value createMemRef(ImplicitLocOpBuilder &b, MemRefType type, Value address);

  /// The address of a structure of `values` on the stack.
  Value createArguments(ImplicitLocOpBuilder &b, ValueRange values);
  /// Defines the description of a kernel whose function, `symbol`, takes `types` and a thread.
  void defineKernel(const HostKernel &kernel, StringRef symbol, TypeRange types, Location loc);
  /// The address of the description of the kernel of `symbol`.
  Value getKernel(ImplicitLocOpBuilder &b, StringRef symbol);

private:
  LLVM::LLVMStructType getStructure(TypeRange types);
  void defineThunk(ImplicitLocOpBuilder &b, StringRef symbol, TypeRange types);
  /// An internal constant; `build` gives its value.
  std::string defineConstant(ImplicitLocOpBuilder &b, StringRef name, Type type, function_ref<Value()> build);
  std::string defineText(ImplicitLocOpBuilder &b, StringRef text);
  Value buildStructure(ImplicitLocOpBuilder &b, LLVM::LLVMStructType type, ValueRange fields);
  std::string defineSites(ImplicitLocOpBuilder &b, const HostKernel &kernel, StringRef symbol);
  std::string defineRegions(ImplicitLocOpBuilder &b, const HostKernel &kernel, StringRef symbol);
  Value integer(ImplicitLocOpBuilder &b, int32_t value);
  Value addressOf(ImplicitLocOpBuilder &b, StringRef symbol);

  ModuleOp module;
  LLVMTypeConverter converter;
  Type pointer;
  int64_t numTexts = 0;
};

} // namespace mlir::mf

#endif // MF_LIB_CODEGEN_GPU_HOSTRUNTIME_H
