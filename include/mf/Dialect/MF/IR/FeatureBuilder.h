// What feature maps of linear attention are written with: arithmetic on f32, of scalars and vectors alike.
#ifndef MF_DIALECT_MF_IR_FEATUREBUILDER_H
#define MF_DIALECT_MF_IR_FEATUREBUILDER_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"

namespace mlir::mf {

/// Builds at the insertion point of `b`. A map's code is the same for the scalars of a reference loop and the vectors
/// of a kernel; the two differ in their exponential.
struct FeatureBuilder {
  OpBuilder &b;
  Location loc;
  /// exp of an f32 or a vector of it.
  function_ref<Value(Value)> exp;

  /// `value` in the type of `like`.
  Value constant(double value, Value like);
  Value add(Value x, Value y);
  Value mul(Value x, Value y);
  Value max(Value x, Value y);
};

} // namespace mlir::mf

#endif // MF_DIALECT_MF_IR_FEATUREBUILDER_H
