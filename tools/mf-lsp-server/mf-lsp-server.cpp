// mf-lsp-server: the language server for MLIR text with the dialect mf in it.
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<mlir::mf::MFDialect>();
  return mlir::failed(mlir::MlirLspServerMain(argc, argv, registry));
}
