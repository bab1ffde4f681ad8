// The table of ops that a kernel of a GPU may hold: each is in the module that both lowerings take.
#include "mf/Codegen/GPU/KernelOps.h"
#include "mf/Pipelines/InitAll.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace mlir::mf;

TEST(KernelOps, AreAscendingAndFound) {
  ArrayRef<GPUKernelOp> ops = getGPUKernelOps();
  for (size_t i = 0; i < ops.size(); ++i) {
    EXPECT_EQ(findGPUKernelOp(ops[i].name), &ops[i]) << ops[i].name.str();
    if (i > 0)
      EXPECT_LT(StringRef(ops[i - 1].name), StringRef(ops[i].name));
  }
  EXPECT_EQ(findGPUKernelOp("math.exp"), nullptr);
  EXPECT_EQ(findGPUKernelOp(""), nullptr);
}

// The module goes through both lowerings in test/Codegen/GPU/every-op.mlir.
TEST(KernelOps, EveryOneIsLoweredByBothSides) {
  DialectRegistry registry;
  registerAllDialectsAndPasses(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(MF_EVERY_OP_FILE, &context);
  ASSERT_TRUE(module);
  std::set<std::string> held, permitted;
  module->walk([&](gpu::GPUFuncOp kernel) {
    kernel.getBody().walk([&](Operation *op) { held.insert(op->getName().getStringRef().str()); });
  });
  for (const GPUKernelOp &op : getGPUKernelOps())
    permitted.insert(op.name.str());
  EXPECT_EQ(held, permitted);
}
