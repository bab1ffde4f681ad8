// Resources, occupancy and least times of kernels.
#include "GPUFigures.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace mlir::mf;

namespace {

/// As ptxas of CUDA 13 prints them.
constexpr const char *kMessages =
    "ptxas info    : 0 bytes gmem\n"
    "ptxas info    : Compiling entry function 'hash_0' for 'sm_80'\n"
    "ptxas info    : Function properties for hash_0\n"
    "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
    "ptxas info    : Used 40 registers, used 1 barriers, 352 bytes cmem[0]\n"
    "ptxas info    : Compile time = 21.492 ms\n"
    "ptxas info    : Compiling entry function 'lookup_tile_1' for 'sm_80'\n"
    "ptxas info    : Function properties for lookup_tile_1\n"
    "    24 bytes stack frame, 16 bytes spill stores, 8 bytes spill loads\n"
    "ptxas info    : Used 255 registers, used 1 barriers, 512 bytes smem, 400 bytes cmem[0]\n";

TEST(GPUFigures, ReadsResourcesByKernel) {
  llvm::StringMap<KernelResources> all = parseResources(kMessages);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all["hash_0"].registers, 40);
  EXPECT_EQ(all["hash_0"].spillStoreBytes, 0);
  EXPECT_EQ(all["hash_0"].sharedBytes, 0);
  const KernelResources &tile = all["lookup_tile_1"];
  EXPECT_EQ(tile.registers, 255);
  EXPECT_EQ(tile.stackBytes, 24);
  EXPECT_EQ(tile.spillStoreBytes, 16);
  EXPECT_EQ(tile.spillLoadBytes, 8);
  EXPECT_EQ(tile.sharedBytes, 512);
}

/// The bound and the blocks of a kernel on sm_80 unless told.
std::pair<StringRef, int64_t> bound(int64_t threads, int64_t workgroupBytes, int64_t registers,
                                    StringRef arch = "sm_80") {
  KernelResources resources;
  resources.registers = registers;
  Occupancy occupancy = getOccupancy({"kernel", threads, workgroupBytes}, resources, arch);
  EXPECT_EQ(occupancy.warps, occupancy.blocks * threads / 32);
  return {occupancy.bound, occupancy.blocks};
}

TEST(GPUFigures, OccupancyHasTheTightestBound) {
  EXPECT_EQ(bound(32, 0, 16), std::pair(StringRef("blocks"), int64_t(32)));
  EXPECT_EQ(bound(256, 0, 16), std::pair(StringRef("warps"), int64_t(8)));
  // 33 registers of 32 threads are 1,056: five pieces of 256.
  EXPECT_EQ(bound(128, 0, 33), std::pair(StringRef("registers"), int64_t(65536 / (4 * 1280))));
  // 80 KiB and the system's KiB twice in 164 KiB, but not in 164 KiB where a block has 82 KiB.
  EXPECT_EQ(bound(128, 80 << 10, 32), std::pair(StringRef("workgroup memory"), int64_t(2)));
  EXPECT_EQ(bound(128, 82 << 10, 32), std::pair(StringRef("workgroup memory"), int64_t(1)));
  EXPECT_EQ(bound(128, 82 << 10, 32, "sm_90a"), std::pair(StringRef("workgroup memory"), int64_t(2)));
  EXPECT_EQ(bound(128, 164 << 10, 32), std::pair(StringRef("workgroup memory"), int64_t(0)));
}

TEST(GPUFigures, LeastTimeIsMemorysOrArithmetics) {
  DeviceFigures device{"device", "sm_80", 1e9, 1e9, 1e12, 1e11};
  OpCost lookup{"mf.lookup", "tables", /*storedTableBytes=*/100, {}};
  lookup.cost.tableBytes = Polynomial::size("tokens") * 10.0;
  lookup.cost.multiplyAdds = Polynomial::size("tokens");
  llvm::StringMap<int64_t> sizes;
  EXPECT_FALSE(predictSeconds(lookup, sizes, device));
  sizes["tokens"] = 1;
  EXPECT_DOUBLE_EQ(*predictSeconds(lookup, sizes, device), 10e-9);
  sizes["tokens"] = 50; // every row once, not once a token
  EXPECT_DOUBLE_EQ(*predictSeconds(lookup, sizes, device), 100e-9);
  sizes["tokens"] = 1000;
  EXPECT_DOUBLE_EQ(*predictSeconds(lookup, sizes, device), 1000e-9);
  // Rows that many tokens read from workgroup memory.
  device.workgroupBytes = 4e9;
  EXPECT_DOUBLE_EQ(*predictSeconds(lookup, sizes, device), 2500e-9);
  OpCost linear{"mf.linear", "weight", 0, {}};
  linear.cost.multiplyAdds = 1e9;
  EXPECT_DOUBLE_EQ(*predictSeconds(linear, sizes, device), 1e-3);
}

TEST(GPUFigures, DevicesBelongToAnArchitecture) {
  EXPECT_EQ(getDevices("sm_80").size(), 1u);
  EXPECT_EQ(getDevices("sm_90a").size(), 2u);
}

} // namespace
