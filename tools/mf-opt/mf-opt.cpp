// mf-opt: runs passes and pipelines, those of this project and MLIR's own, over a module.
#include "mf/Pipelines/InitAll.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::mf::registerAllDialectsAndPasses(registry);
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "MemoryFormer optimizer driver\n", registry));
}
