// What can be said of kernels for CUDA devices without one: resources, occupancy, least times.
#ifndef MF_LIB_TARGET_GPUFIGURES_H
#define MF_LIB_TARGET_GPUFIGURES_H

#include "mf/Dialect/MF/Transforms/CostModel.h"
#include "mf/Target/LibraryPlan.h"

namespace mlir::mf {

/// The resources of a kernel, as `ptxas -v` states them.
struct KernelResources {
  int64_t registers = 0;  ///< of a thread
  int64_t stackBytes = 0; ///< of a thread
  int64_t spillStoreBytes = 0, spillLoadBytes = 0;
  int64_t sharedBytes = 0; ///< of a block, without what a launch asks for
};

/// Reads what `ptxas -v` printed: resources by the name of the kernel.
llvm::StringMap<KernelResources> parseResources(StringRef messages);

/// How many blocks of a kernel a multiprocessor holds at a time.
struct Occupancy {
  int64_t blocks = 0;
  int64_t warps = 0; ///< of all these blocks
  StringRef bound;   ///< what allows no more: "registers", "workgroup memory", "warps" or "blocks"
};

/// The occupancy on the devices that `arch` is compiled for; blocks is 0 where one block has more than there is.
Occupancy getOccupancy(const KernelPlan &kernel, const KernelResources &resources, StringRef arch);
/// Warps that such a multiprocessor holds at most.
int64_t getMaxWarps(StringRef arch);

/// A device by its data sheet.
struct DeviceFigures {
  StringRef name;
  StringRef arch;            ///< whose kernels it runs
  double bytesPerSecond;     ///< of its memory
  double multiplyAdds;       ///< a second, of f32
  double tensorMultiplyAdds; ///< a second, of f16 with f32 sums, without sparsity
  double workgroupBytes;     ///< a second, of the workgroup memory of all multiprocessors
};

/// The devices that `arch` is compiled for.
SmallVector<DeviceFigures> getDevices(StringRef arch);

/// The least seconds of a call, by what memory and arithmetic of a device allow at their best: of each op the larger
/// one of the two, for ops run one after the other. Tables that many tokens share are read once from memory, and their
/// rows pass through workgroup memory. Launches and caches cost nothing here: no call can be as fast. None where a size
/// has no value.
std::optional<double> predictSeconds(const OpCost &op, const llvm::StringMap<int64_t> &sizes,
                                     const DeviceFigures &device);

} // namespace mlir::mf

#endif // MF_LIB_TARGET_GPUFIGURES_H
