// Types of the dialect.
#include "mf/Dialect/MF/IR/MFTypes.h"
#include "mf/Dialect/MF/IR/MFDialect.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::mf;

#define GET_TYPEDEF_CLASSES
#include "mf/Dialect/MF/IR/MFTypes.cpp.inc"

void MFDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "mf/Dialect/MF/IR/MFTypes.cpp.inc"
      >();
}
